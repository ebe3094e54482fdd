//! The compile time of annotated functions.

use std::env;
use std::fmt::Write as _;
use std::fs;
use std::io;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use indicatif::ProgressBar;

use crate::answer::{Answer, Row};
use crate::measure::Plan;
use crate::names;

/// The number of functions in a crate.
const FUNCTIONS: u32 = 200;

/// A way to write the same function.
struct Style {
    name: &'static str,
    /// The text at the top of the crate, once.
    prelude: &'static str,
    /// The function, in which `@` stands for its number.
    function: &'static str,
}

/// A body of realistic size: a borrowed argument, two loops and a `match`.
macro_rules! body {
    ($item:literal) => {
        concat!(
            "{
    let mut sum = from;
    for (i, word) in words.iter().enumerate() {
        match word.chars().next() {
            None => continue,
            Some(c) if c.is_numeric() => sum += word.parse::<u64>().unwrap_or(@),
            Some(c) => sum ^= u64::from(c),
        }
        if i % 7 == 0 {
            ",
            $item,
            "
        }
    }
    while sum > from {
        sum /= 2;
        ",
            $item,
            "
    }
}
"
        )
    };
}

const STYLES: [Style; 4] = [
    Style {
        name: names::ANNOTATED,
        prelude: "use threadsafe_gen::threadsafe_generator;\n",
        function: concat!(
            "#[threadsafe_generator]\npub fn count_@(from: u64, words: &[String]) -> impl Iterator<Item = u64> ",
            body!("yield_!(sum);")
        ),
    },
    Style {
        name: names::ANNOTATED_USED,
        prelude: "use threadsafe_gen::threadsafe_generator;\n",
        function: concat!(
            "pub fn first_@(words: &[String]) -> Option<u64> { count_@(@, words).next() }
#[threadsafe_generator]\npub fn count_@(from: u64, words: &[String]) -> impl Iterator<Item = u64> ",
            body!("yield_!(sum);")
        ),
    },
    Style {
        name: names::ASYNC_TRAIT,
        prelude: "use async_trait::async_trait;
#[async_trait]
pub trait Count {
    async fn count(&self, from: u64, words: &[String]);
}
pub async fn sink(_: u64) {}
",
        function: concat!(
            "pub struct Count@;\n#[async_trait]\nimpl Count for Count@ {\nasync fn count(&self, from: u64, words: &[String]) ",
            body!("sink(sum).await;"),
            "}\n"
        ),
    },
    Style {
        name: names::PLAIN_FUNCTIONS,
        prelude: "pub fn sink(_: u64) {}\n",
        function: concat!("pub fn count_@(from: u64, words: &[String]) ", body!("sink(sum);")),
    },
];

/// Measures the compile time beyond that of an empty crate with the same dependencies, which are built beforehand.
pub fn ask(plan: &Plan, bar: &ProgressBar) -> Vec<Answer> {
    // Few rounds suffice: each compilation takes seconds and runs alone, so the spread is small.
    let (commands, rounds): (&[_], _) = if plan.quick { (&["check"], 1) } else { (&["check", "build"], 7) };
    bar.set_position(0);
    bar.set_length(commands.len() as u64 * (STYLES.len() as u64 + 1) * (rounds + 1));
    match measure(commands, rounds, bar) {
        Ok(answers) => answers,
        // A missing cargo or crate source, or a full disk, must not end the other questions.
        Err(error) => {
            bar.suspend(|| eprintln!("compile time was not measured: {error}"));
            Vec::new()
        }
    }
}

fn measure(commands: &[&str], rounds: u64, bar: &ProgressBar) -> io::Result<Vec<Answer>> {
    let folder = tempfile::tempdir()?;
    let workspace = folder.path();
    write_workspace(workspace)?;
    let mut answers = Vec::new();
    for command in commands {
        let mut rows: Vec<_> = STYLES.iter().map(|style| Row::new(style.name)).collect();
        // Round 0 builds the dependencies and is not measured.
        for round in 0..=rounds {
            bar.set_message(format!("cargo {command}, empty crate"));
            let empty = compile(workspace, command, "empty", round)?;
            bar.inc(1);
            for (i, row) in rows.iter_mut().enumerate() {
                bar.set_message(format!("cargo {command}, {}", row.contender));
                let time = compile(workspace, command, &format!("style{i}"), round)?;
                if round > 0 {
                    row.samples.push((time - empty) * 1000.0 / f64::from(FUNCTIONS));
                }
                bar.inc(1);
            }
        }
        answers.push(Answer {
            question: "compiling",
            setting: format!("cargo {command}, a crate of {FUNCTIONS} functions minus an empty crate"),
            threads: None,
            unit: "ms/function",
            rows,
        });
    }
    Ok(answers)
}

/// Writes a workspace with one crate per style and an empty crate, all with the same dependencies.
fn write_workspace(workspace: &Path) -> io::Result<()> {
    let ours = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the package is in the workspace");
    fs::write(
        workspace.join("Cargo.toml"),
        "[workspace]\nmembers = [\"*\"]\nexclude = [\"target\"]\nresolver = \"3\"\n",
    )?;
    // With the same lock file, cargo finds all dependencies without a network.
    fs::copy(ours.join("Cargo.lock"), workspace.join("Cargo.lock"))?;
    let dependency = ours.join("threadsafe-gen");
    let dependency = dependency.display();
    let crates = STYLES.iter().enumerate().map(|(i, style)| {
        let mut source = style.prelude.to_owned();
        for number in 0..FUNCTIONS {
            source.push_str(&style.function.replace('@', &number.to_string()));
        }
        (format!("style{i}"), source)
    });
    for (name, source) in crates.chain([("empty".into(), String::new())]) {
        fs::create_dir_all(workspace.join(&name).join("src"))?;
        fs::write(workspace.join(&name).join("src/lib.rs"), source)?;
        let manifest = format!(
            "[package]\nname = \"{name}\"\nedition = \"2024\"\n\n[dependencies]\n\
             async-trait = \"0.1\"\nthreadsafe-gen = {{ path = '{dependency}' }}\n"
        );
        fs::write(workspace.join(&name).join("Cargo.toml"), manifest)?;
    }
    Ok(())
}

/// Changes one crate, so that cargo recompiles it, and returns the seconds that takes.
fn compile(workspace: &Path, command: &str, name: &str, round: u64) -> io::Result<f64> {
    let file = workspace.join(name).join("src/lib.rs");
    let mut source = fs::read_to_string(&file)?;
    let _ = writeln!(source, "// {command} {round}");
    fs::write(&file, source)?;

    let mut cargo = Command::new(env!("CARGO"));
    cargo
        .args([command, "--quiet", "--offline", "--package", name, "--target-dir", "target"])
        .current_dir(workspace)
        // Without incremental compilation each run compiles the whole crate, as a first build does.
        .env("CARGO_INCREMENTAL", "0");
    // The cargo that runs this program has set these variables for this package, not for the compiled crates.
    for (key, _) in env::vars_os().filter(|(key, _)| key.to_str().is_some_and(|key| key.starts_with("CARGO_PKG_"))) {
        cargo.env_remove(key);
    }
    let start = Instant::now();
    let output = cargo.output()?;
    let elapsed = start.elapsed().as_secs_f64();
    if output.status.success() {
        Ok(elapsed)
    } else {
        Err(io::Error::other(String::from_utf8_lossy(&output.stderr).into_owned()))
    }
}
