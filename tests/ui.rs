//! Programs that do not compile, and the errors that rustc reports for them.
//!
//! `TRYBUILD=overwrite cargo test --test ui` overwrites the snapshots. Review their diff before you commit.

#[test]
#[cfg_attr(not(ui_snapshots), ignore = "`tests/ui/*.stderr` has the output of another rustc: see `build.rs`")]
fn every_mistake_gets_one_error_that_names_the_fix() {
    trybuild::TestCases::new().compile_fail("tests/ui/*.rs");
}
