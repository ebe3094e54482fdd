//! Sets `cfg(ui_snapshots)` for the compiler whose output is in `tests/ui/*.stderr`.

use std::env;
use std::process::Command;

const SNAPSHOT_VERSION: &str = "rustc 1.95.";

fn main() {
    let rustc = env::var_os("RUSTC").expect("cargo sets RUSTC for build scripts");
    let output = Command::new(rustc).arg("--version").output().expect("rustc runs");
    let version = String::from_utf8(output.stdout).expect("rustc prints UTF-8");

    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rustc-check-cfg=cfg(ui_snapshots)");
    if version.starts_with(SNAPSHOT_VERSION) {
        println!("cargo::rustc-cfg=ui_snapshots");
    }
}
