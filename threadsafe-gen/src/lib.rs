#![doc = include_str!("../README.md")]

mod buffered;
mod coroutine;
mod fallible;
mod generator;
mod iter;
mod leftovers;
mod lock;
#[cfg(all(test, any(loom, shuttle)))]
#[path = "../tests/model/mod.rs"]
mod model;
#[cfg(feature = "rayon")]
mod parallel;
#[cfg(feature = "stream")]
mod stream;
mod sync;
mod tee;

#[cfg(feature = "stream")]
pub use futures_core::Stream;

pub use buffered::{Buffered, Chunks, Indexed};
pub use coroutine::{CoroutineGuard, ThreadsafeCoroutine, TryResumeError};
pub use fallible::try_generator;
#[cfg(feature = "stream")]
pub use fallible::try_stream;
pub use genawaiter::{Coroutine, GeneratorState};
pub use generator::{Generator, Reply, Yielder, coroutine, generator};
pub use iter::{IterGuard, ThreadsafeExt, ThreadsafeIter, TryNextError};
#[cfg(feature = "rayon")]
pub use parallel::ParallelItems;
#[cfg(feature = "stream")]
pub use stream::{AsyncGenerator, ThreadsafeStream, TryPollError, stream};
pub use tee::Tee;
#[cfg(feature = "macros")]
pub use threadsafe_gen_macros::threadsafe_generator;

/// What the expansion of the attribute names and nobody else should.
#[doc(hidden)]
pub mod __private {
    pub use crate::coroutine::FirstArgument;
    #[cfg(feature = "stream")]
    pub use crate::fallible::fallible_stream;
    pub use crate::fallible::{Fallible, fallible};
    #[cfg(feature = "macros")]
    pub use threadsafe_gen_macros::generator_in_place;
}

/// Makes a generator in place, of statements with the keyword `yield`.
///
/// It is what the function [`generator`](fn@generator) makes of an `async` closure: an iterator, not shared, for which
/// [`threadsafe`](Generator::threadsafe) asks. `yield` works on stable Rust, within other macros too, and `yield_!` and
/// `yield_from!` as in a function that is marked `#[threadsafe_generator]`. With a `?` among the statements it is what
/// [`try_generator`] makes. Like a closure it borrows what it names of its surroundings or, if that is what it does with it, moves
/// it; with `move` in front it moves all.
///
/// The items' type is that of the first yield.
///
/// # Examples
///
/// ```
/// use threadsafe_gen::generator;
///
/// let names = ["a", "b"];
/// let pairs = generator! {
///     for first in names {
///         for second in names {
///             yield (first, second);
///         }
///     }
/// };
/// assert_eq!(pairs.last(), Some(("b", "b")));
///
/// fn countdown(mut from: u32) -> impl Iterator<Item = u32> {
///     generator! { move
///         while from > 0 {
///             yield from;
///             from -= 1;
///         }
///     }
/// }
/// assert!(countdown(3).eq([3, 2, 1]));
/// ```
///
/// In a `macro_rules!` of one's own that yields it is `yield_!`: the keyword is only read where it stands as it is.
#[cfg(feature = "macros")]
#[macro_export]
macro_rules! generator {
    ($($statements:tt)*) => { $crate::__private::generator_in_place! { $crate $($statements)* } };
}

/// Yields an item from a generator, in whose body a macro of this name is at hand without an import.
///
/// This one is for everywhere else, and says so.
#[macro_export]
macro_rules! yield_ {
    ($($item:tt)*) => {
        ::core::compile_error!("`yield_!` belongs in the body of a function that is marked `#[threadsafe_generator]`")
    };
}

/// Yields every item of an iterator from a generator, in whose body a macro of this name is at hand without an import.
///
/// This one is for everywhere else, and says so.
#[macro_export]
macro_rules! yield_from {
    ($($items:tt)*) => {
        ::core::compile_error!(
            "`yield_from!` belongs in the body of a function that is marked `#[threadsafe_generator]`"
        )
    };
}

/// What a coroutine is resumed with first, in whose body a macro of this name is at hand without an import.
///
/// This one is for everywhere else, and says so.
#[macro_export]
macro_rules! resumed_with {
    ($($nothing:tt)*) => {
        ::core::compile_error!(
            "`resumed_with!` belongs in the body of a function that is marked `#[threadsafe_generator]` and returns \
             `impl Coroutine`"
        )
    };
}
