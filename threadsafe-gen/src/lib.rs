//! Generators and iterators that threads share.

mod generator;
mod iter;
mod lock;

pub use generator::{Generator, Yielder, generator, try_generator};
pub use iter::{IterGuard, ThreadsafeExt, ThreadsafeIter, TryNextError};
