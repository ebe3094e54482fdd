//! Finds out whether the compiler may accept the keyword `yield`.

use std::env;
use std::process::Command;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed=RUSTC_BOOTSTRAP");
    println!("cargo::rustc-check-cfg=cfg(has_no_yield)");
    let version = env::var_os("RUSTC").and_then(|rustc| Command::new(rustc).arg("--version").output().ok());
    let is_stable = version.is_some_and(|output| {
        let version = String::from_utf8_lossy(&output.stdout);
        version.starts_with("rustc ") && !version.contains("-nightly") && !version.contains("-dev")
    });
    if is_stable && env::var_os("RUSTC_BOOTSTRAP").is_none() {
        println!("cargo::rustc-cfg=has_no_yield");
    }
}
