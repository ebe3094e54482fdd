//! The attribute, and macros that report its absence: `use threadsafe_gen::prelude::*;`.
//!
//! In the body of an annotated function `yield_!`, `yield_from!` and `resumed_with!` are defined by the attribute. The
//! macros of these names in this module report where they are used elsewhere, as in a helper function or if the
//! attribute is forgotten. Without them rustc reports that it cannot find the macro.
//!
//! ```
//! use threadsafe_gen::prelude::*;
//!
//! #[threadsafe_generator]
//! fn numbers(n: u32) -> impl Iterator<Item = u32> {
//!     for i in 0..n {
//!         yield_!(i);
//!     }
//! }
//!
//! assert!(numbers(3).eq([0, 1, 2]));
//! assert_eq!([1, 2].into_iter().threadsafe().next(), Some(1));
//! ```

#[cfg(feature = "stream")]
pub use crate::Stream;
#[cfg(feature = "macros")]
pub use crate::threadsafe_generator;
pub use crate::{Coroutine, ThreadsafeExt, resumed_with, yield_, yield_from};
