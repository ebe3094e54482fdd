//! The keyword `yield` in functions that are marked `#[threadsafe_generator]`, as nightly compilers take it.

#![cfg_attr(all(nightly, test), feature(yield_expr))]

// In a file of its own, since stable compilers refuse the keyword wherever they read it.
#[cfg(all(nightly, test))]
mod keyword;
