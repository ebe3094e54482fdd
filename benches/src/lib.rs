//! The library side by side with its peers, in numbers and pictures. The README beside this package says how to run it.
//!
//! A library, so that the comparison (`main.rs`), the program that counts allocations (`bin/allocations.rs`), the one that
//! counts instructions (`examples/one_thread.rs`) and the benches (`benches/hot_paths.rs`) run the same sources.

#![allow(
    clippy::must_use_candidate,
    clippy::missing_panics_doc,
    reason = "nobody's interface: the programs of this package are all that use it"
)]
#![cfg_attr(nightly, feature(gen_blocks))]

pub mod answer;
pub mod contenders;
#[cfg(nightly)]
mod gen_blocks;
pub mod machine;
pub mod measure;
pub mod names;
pub mod plot;
pub mod questions;
pub mod sources;
pub mod table;
pub mod targets;
pub mod work;
