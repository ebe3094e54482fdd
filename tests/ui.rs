//! What does not compile, and what the compiler says of it.

use std::process::Command;

/// The compiler whose words are in `tests/ui/*.stderr`; another one's differ.
const SNAPSHOTS_OF: &str = "rustc 1.95.";

#[test]
fn every_mistake_gets_one_error_that_names_the_fix() {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let version = Command::new(rustc).arg("--version").output().expect("rustc can be run").stdout;
    let version = String::from_utf8(version).expect("rustc speaks UTF-8");
    if !version.starts_with(SNAPSHOTS_OF) {
        eprintln!("SKIPPED: the snapshots of tests/ui are those of {SNAPSHOTS_OF}x, this is {version}");
        return;
    }
    trybuild::TestCases::new().compile_fail("tests/ui/*.rs");
}
