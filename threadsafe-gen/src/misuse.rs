//! Implementations that no type satisfies, so that rustc says what to write instead.

#[cfg(feature = "stream")]
use crate::stream::{AsyncGenerator, ThreadsafeStream};

/// A tuple of a stream that a `for` loop takes. There is none. Of a tuple, because for the stream itself rustc would
/// show the message of `Iterator`.
#[cfg(feature = "stream")]
#[diagnostic::on_unimplemented(
    message = "a stream is not an iterator",
    label = "write `while let Some(item) = stream.next().await {{ .. }}`, or `yield_from!(await stream)` to yield its items"
)]
pub trait StreamInLoop {
    /// The item that a loop would get.
    type Item;
}

#[cfg(feature = "stream")]
macro_rules! reject_in_loop {
    ($(($($generics:tt)*) $stream:ty,)*) => {
        $(
            #[doc(hidden)]
            #[allow(clippy::copy_iterator, reason = "a reference is one of the types")]
            impl<$($generics)*> Iterator for $stream
            where
                (Self,): StreamInLoop,
            {
                type Item = <(Self,) as StreamInLoop>::Item;

                fn next(&mut self) -> Option<Self::Item> {
                    unreachable!("no stream is a `StreamInLoop`")
                }
            }
        )*
    };
}

#[cfg(feature = "stream")]
reject_in_loop! {
    (S) ThreadsafeStream<S>,
    ('a, S) &'a ThreadsafeStream<S>,
    (Y, F) AsyncGenerator<Y, F>,
}

/// A crate with the feature `rayon`.
#[cfg(not(feature = "rayon"))]
#[diagnostic::on_unimplemented(
    message = "parallel iterators need a feature of the crate `threadsafe-gen`",
    label = "add `features = [\"rayon\"]` to the dependency"
)]
pub trait FeatureRayon {}

#[cfg(not(feature = "rayon"))]
impl<I: Iterator> crate::iter::ThreadsafeIter<I> {
    /// Exists with the feature `rayon`.
    #[doc(hidden)]
    pub fn into_par_iter(&self)
    where
        Self: FeatureRayon,
    {
    }

    /// Exists with the feature `rayon`.
    #[doc(hidden)]
    pub fn par_iter(&self)
    where
        Self: FeatureRayon,
    {
    }

    /// Exists with the feature `rayon`.
    #[doc(hidden)]
    pub fn par_chunks(&self, _n: usize)
    where
        Self: FeatureRayon,
    {
    }
}
