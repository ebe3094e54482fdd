//! Generates random functions that the attribute and `generator!` accept, compiles them in one crate, and compares each
//! with the same body that pushes its items to a `Vec`.
//!
//! `cargo run --release --example generated -- --functions 500`; `--seed` repeats a run, and `--keep DIR` writes the
//! crate to a folder that is kept.

mod write;

use std::env;
use std::error::Error;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use fastrand::Rng;

use write::{Form, function};

/// The folder of the library and its lock file.
const WORKSPACE: &str = env!("CARGO_MANIFEST_DIR");

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let Some(Options { functions, seed, keep }) = options(env::args().skip(1)) else {
        eprintln!("usage: generated [--functions N] [--seed N] [--keep DIR]");
        return Ok(ExitCode::FAILURE);
    };
    println!("{functions} functions, seed {seed}");
    let temporary = tempfile::tempdir()?;
    let folder = keep.as_deref().unwrap_or(temporary.path());
    write_crate(folder, functions, seed)?;
    let status = Command::new(env::var_os("CARGO").unwrap_or("cargo".into()))
        .args(["run", "--quiet", "--offline"])
        .current_dir(folder)
        // A separate target directory: the cargo that started this process may hold the lock of the workspace's own.
        .env("CARGO_TARGET_DIR", folder.join("target"))
        .status()?;
    Ok(if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

struct Options {
    functions: u64,
    seed: u64,
    keep: Option<PathBuf>,
}

fn options(mut args: impl Iterator<Item = String>) -> Option<Options> {
    let mut options = Options { functions: 50, seed: Rng::new().u64(..), keep: None };
    while let Some(arg) = args.next() {
        let value = args.next()?;
        match &*arg {
            "--functions" => options.functions = value.parse().ok()?,
            "--seed" => options.seed = value.parse().ok()?,
            "--keep" => options.keep = Some(value.into()),
            _ => return None,
        }
    }
    Some(options)
}

fn write_crate(folder: &Path, functions: u64, seed: u64) -> Result<(), Box<dyn Error>> {
    fs::create_dir_all(folder.join("src"))?;
    // The workspace's lock file selects versions that are already downloaded.
    fs::copy(Path::new(WORKSPACE).join("Cargo.lock"), folder.join("Cargo.lock"))?;
    let library = Path::new(WORKSPACE).join("threadsafe-gen");
    let manifest = format!(
        "[package]\nname = \"generated\"\nedition = \"2024\"\n[workspace]\n\
         [dependencies]\nthreadsafe-gen = {{ path = '{}' }}\n",
        library.display()
    );
    fs::write(folder.join("Cargo.toml"), manifest)?;

    let mut checks = String::new();
    for index in 0..functions {
        let mut module = "use super::prelude::*;\n".to_owned();
        // The same seed gives the same choices for each form.
        for form in [Form::Annotated, Form::InPlace, Form::Eager] {
            module.push_str(&function(&mut Rng::with_seed(seed.wrapping_add(index)), form));
        }
        fs::write(folder.join("src").join(format!("f{index}.rs")), module)?;
        writeln!(checks, "mod f{index};")?;
    }
    checks.push_str("\nfn main() {\n");
    for index in 0..functions {
        writeln!(checks, "    check!(f{index});")?;
    }
    checks.push_str("}\n");
    fs::write(folder.join("src/main.rs"), format!("{PRELUDE}\n{checks}"))?;
    Ok(())
}

/// The code above the functions, with the macro that calls each of them in every way.
const PRELUDE: &str = r#"
#![allow(unused, clippy::all)]

mod prelude {
    pub use std::fmt::Debug;
    pub use std::num::ParseIntError;
    pub use threadsafe_gen::{generator, threadsafe_generator};
}

fn shown(items: impl IntoIterator<Item = impl std::fmt::Debug>) -> Vec<String> {
    items.into_iter().map(|item| format!("{item:?}")).collect()
}

macro_rules! check {
    ($f:ident) => {
        for n in 0..6_u64 {
            let words: Vec<String> = ["7", "x", "", "12", "yy"].iter().cycle().skip(n as usize).take(n as usize).map(|w| w.to_string()).collect();
            let expected = shown($f::eager::<_, 3>(n, (n / 2, 5), &words, "t", 0));
            let name = stringify!($f);
            let made = || $f::annotated::<_, 3>(n, (n / 2, 5), &words, "t", 0);
            assert_eq!(shown(made()), expected, "{name}({n}), owned");
            assert_eq!(shown(&made()), expected, "{name}({n}), shared");
            assert_eq!(shown(made().buffered(1 + n as usize)), expected, "{name}({n}), buffered");
            assert_eq!(shown(made().chunks(3).flatten()), expected, "{name}({n}), chunks");
            assert_eq!(shown($f::in_place::<_, 3>(n, (n / 2, 5), &words, "t", 0)), expected, "{name}({n}), generator!");
        }
    };
}
"#;
