#![doc = include_str!("../README.md")]

mod buffered;
mod generator;
mod iter;
mod lock;
#[cfg(feature = "rayon")]
mod parallel;
mod tee;

pub use buffered::{Buffered, Chunks, Indexed};
pub use generator::{Generator, Yielder, generator, try_generator};
pub use iter::{IterGuard, ThreadsafeExt, ThreadsafeIter, TryNextError};
#[cfg(feature = "rayon")]
pub use parallel::ParallelItems;
pub use tee::Tee;
#[cfg(feature = "macros")]
pub use threadsafe_gen_macros::threadsafe_generator;

/// What the expansion of the attribute names and nobody else should.
#[doc(hidden)]
pub mod __private {
    pub use crate::generator::{Fallible, fallible};
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
