//! The keyword `yield` in functions annotated with `#[threadsafe_generator]`, which nightly compilers accept.

#![cfg_attr(all(nightly, test), feature(yield_expr))]

// A separate file, because stable compilers reject the keyword in every file that they parse.
#[cfg(all(nightly, test))]
mod keyword;
