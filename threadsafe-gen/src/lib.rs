#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod attempt;
mod boxed_coroutine;
mod boxed_iter;
mod buffered;
mod close_on_drop;
mod coroutine;
mod error;
mod expansion;
mod ext;
mod fallible;
mod fill;
mod generator;
mod iter;
mod leftovers;
mod lock;
mod macros;
#[cfg(any(feature = "stream", not(feature = "rayon")))]
mod misuse;
#[cfg(all(test, any(loom, shuttle)))]
#[path = "../tests/model/mod.rs"]
mod model;
mod ordered;
#[cfg(feature = "rayon")]
mod parallel;
mod prefetch;
pub mod prelude;
mod pull;
#[cfg(feature = "stream")]
mod stream;
mod sync;
mod tee;

#[cfg(feature = "stream")]
pub use futures_core::Stream;
pub use genawaiter::{Coroutine, GeneratorState};
#[cfg(feature = "macros")]
pub use threadsafe_gen_macros::threadsafe_generator;

pub use boxed_coroutine::BoxCoroutine;
pub use boxed_iter::BoxThreadsafeIter;
pub use buffered::{Buffered, Chunks, Indexed};
pub use close_on_drop::CloseOnDrop;
pub use coroutine::{CoroutineGuard, ThreadsafeCoroutine};
#[cfg(feature = "stream")]
pub use error::TryPollError;
pub use error::{TryNextError, TryResumeError};
pub use ext::ThreadsafeExt;
pub use fallible::try_generator;
#[cfg(feature = "stream")]
pub use fallible::try_stream;
pub use generator::{Generator, Reply, Yielder, coroutine, generator};
pub use iter::{Iter, IterGuard, ThreadsafeIter};
pub use ordered::ParallelMap;
#[cfg(feature = "rayon")]
pub use parallel::{ParallelChunks, ParallelItems};
pub use prefetch::Prefetch;
#[cfg(feature = "stream")]
pub use stream::{AsyncGenerator, ThreadsafeStream, stream};
pub use tee::Tee;

#[cfg(all(any(doc, doctest), feature = "macros", feature = "stream"))]
#[doc = include_str!("../docs/recipes.md")]
pub mod recipes {}

#[cfg(all(any(doc, doctest), feature = "macros", feature = "stream"))]
#[doc = include_str!("../docs/from-other-crates.md")]
pub mod from_other_crates {}

/// Items for the expansion of the macros. Not part of the public API.
#[doc(hidden)]
pub mod __private {
    pub use crate::boxed_iter::boxed;
    pub use crate::coroutine::FirstArgument;
    pub use crate::expansion::{
        CheckItem, ItemType, RejectItem, Returned, SendArgument, SendObjectArgument, send_items, type_of, unreachable,
    };
    #[cfg(feature = "stream")]
    pub use crate::fallible::fallible_stream;
    pub use crate::fallible::{Fallible, fallible};
    pub use crate::generator::{generator_by_value, suspend};
    #[cfg(feature = "macros")]
    pub use threadsafe_gen_macros::generator_in_place;
}
