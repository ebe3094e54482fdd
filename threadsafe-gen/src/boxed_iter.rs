//! [`BoxThreadsafeIter`]: an iterator of a type that can be written down, whose batches are filled as fast as before.
//!
//! A `dyn Iterator` has no method that fills a buffer, and a virtual call for each item would suspend a generator for
//! each. So the box holds a [`Batched`], which shares a [`Batch`] with the lock's [`Fill`]. To fill a buffer, the lock
//! puts it into the batch, addressed to the iterator in the box, and calls `next` once. The `Batched` finds it there,
//! and fills it by the function that was chosen when the type of the source was known. If the box was replaced through
//! [`ThreadsafeIter::get_mut`], or put inside an adaptor, no iterator has the address, and items come one by one.

use std::fmt;
use std::ops::Deref;
use std::ptr;
use std::sync::Arc;

use crate::fill::{Batch, Fill};
use crate::generator::Generator;
use crate::iter::ThreadsafeIter;

/// A [`ThreadsafeIter`] of a boxed iterator, for a place where its type has to be written down: a struct field, a
/// `static`, a `Vec` of several. Created by [`boxed`](ThreadsafeIter::boxed).
///
/// # Examples
///
/// Several sources in one `Vec`, and one in a struct:
///
/// ```
/// use threadsafe_gen::{BoxThreadsafeIter, ThreadsafeExt, generator};
///
/// struct Loader {
///     batches: BoxThreadsafeIter<'static, Vec<u32>>,
/// }
///
/// let loader = Loader { batches: (0..).map(|n| vec![n; 3]).threadsafe().boxed() };
/// assert_eq!(loader.batches.next(), Some(vec![0; 3]));
///
/// let letters = generator(async |co| co.yield_from("ab".chars()).await);
/// let (letters, more) = (letters.threadsafe().boxed(), "cd".chars().threadsafe().boxed());
/// let sources: Vec<BoxThreadsafeIter<'_, char>> = vec![letters, more];
/// assert!(sources.iter().flatten().eq("abcd".chars()));
/// ```
pub type BoxThreadsafeIter<'a, T> = ThreadsafeIter<Box<dyn Iterator<Item = T> + Send + 'a>>;

impl<I: Iterator> ThreadsafeIter<I> {
    /// Boxes the iterator, so that the type can be written down as a [`BoxThreadsafeIter`].
    ///
    /// Items that were put back, the count of items taken, and the end stay as they are. Costs two allocations. Each
    /// [`next`](Self::next) then costs a virtual call; batches by [`buffered`](Self::buffered) and
    /// [`chunks`](Self::chunks) cost one for each batch.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::sync::LazyLock;
    /// use threadsafe_gen::{BoxThreadsafeIter, threadsafe_generator};
    ///
    /// #[threadsafe_generator]
    /// fn ids() -> impl Iterator<Item = u64> {
    ///     let mut id = 1;
    ///     loop {
    ///         yield_!(id);
    ///         id *= 3;
    ///     }
    /// }
    ///
    /// static IDS: LazyLock<BoxThreadsafeIter<'static, u64>> = LazyLock::new(|| ids().boxed());
    ///
    /// assert_eq!(IDS.next(), Some(1));
    /// assert_eq!(IDS.next(), Some(3));
    /// ```
    pub fn boxed<'a>(self) -> BoxThreadsafeIter<'a, I::Item>
    where
        I: Send + 'a,
        I::Item: Send,
    {
        self.boxed_by(|iter| -> Box<dyn Iterator<Item = I::Item> + Send + 'a> { Box::new(iter) })
    }

    /// Boxes the iterator by `make`, which chooses the bounds of the `dyn Iterator`.
    pub(crate) fn boxed_by<B>(self, make: impl FnOnce(Batched<I>) -> B) -> ThreadsafeIter<B>
    where
        B: Iterator<Item = I::Item> + Deref,
    {
        let batch = Arc::new(Batch::new());
        let shared = Arc::clone(&batch);
        let fill = Fill::Batch(batch, |iter: &B| address(&**iter));
        self.map_source(move |iter, fill| make(Batched { iter, fill, batch: shared }), fill)
    }
}

fn address<T: ?Sized>(value: &T) -> usize {
    ptr::from_ref(value).cast::<()>().addr()
}

/// Boxes a generator by `make` and puts a lock around it, for the attribute.
pub fn boxed<Y, F, B>(generator: Generator<Y, F>, make: impl FnOnce(Batched<Generator<Y, F>>) -> B) -> ThreadsafeIter<B>
where
    F: Future<Output = ()>,
    B: Iterator<Item = Y> + Deref,
{
    generator.threadsafe().boxed_by(make)
}

/// The source in the box.
pub struct Batched<I: Iterator> {
    iter: I,
    fill: Fill<I>,
    batch: Arc<Batch<I::Item>>,
}

impl<I: Iterator> Batched<I> {
    /// Fills the buffer that is in the batch, and returns its last item.
    #[inline(never)]
    fn fill(&mut self) -> Option<I::Item> {
        let Self { iter, fill, batch } = self;
        batch.answer(|buffer, size| {
            let ended = fill.call(iter, buffer, size);
            if ended { None } else { buffer.pop() }
        })
    }
}

impl<I: Iterator> Iterator for Batched<I> {
    type Item = I::Item;

    #[inline]
    fn next(&mut self) -> Option<I::Item> {
        if self.batch.is_for(address(self)) { self.fill() } else { self.iter.next() }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.iter.size_hint()
    }
}

impl<I: Iterator> fmt::Debug for Batched<I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Batched").finish_non_exhaustive()
    }
}
