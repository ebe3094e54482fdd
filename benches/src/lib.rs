//! Compares threadsafe-gen with other crates, in numbers and pictures. This package's README says how to run it.
//!
//! The code is a library so that the comparison (`main.rs`), the program that counts allocations
//! (`bin/allocations.rs`), the program for instruction counts (`examples/one_thread.rs`) and the benches
//! (`benches/hot_paths.rs`) run the same sources.

#![allow(
    clippy::must_use_candidate,
    clippy::missing_panics_doc,
    reason = "not a public interface: only the programs of this package use it"
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
