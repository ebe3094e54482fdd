//! Runs the questions and prints the answers. See this package's README.

use std::ffi::OsString;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use benches::answer::Answer;
use benches::machine::Machine;
use benches::measure::{Plan, progress_bar};
use benches::questions::{self, Question};
use benches::targets::{self, Verdict};
use benches::{plot, table};
use serde::Serialize;

/// The options of the command line.
struct Options {
    plan: Plan,
    questions: Vec<Question>,
    json: Option<PathBuf>,
    /// The folder for the pictures.
    pictures: Option<PathBuf>,
}

/// The content of the file that `--json` writes.
#[derive(Serialize)]
struct Report<'a> {
    machine: &'a Machine,
    quick: bool,
    answers: &'a [Answer],
    targets: &'a [Verdict],
}

fn main() -> ExitCode {
    let options = match options() {
        Ok(Some(options)) => options,
        Ok(None) => {
            print!("{}", help());
            return ExitCode::SUCCESS;
        }
        Err(error) => {
            eprintln!("{error}\n\n{}", help());
            return ExitCode::from(2);
        }
    };
    match run(&options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: &Options) -> Result<(), String> {
    let machine = Machine::this();
    println!("{machine}");

    let bar = progress_bar();
    let mut answers = Vec::new();
    for (i, question) in options.questions.iter().enumerate() {
        bar.set_prefix(format!("{}/{} {}", i + 1, options.questions.len(), question.name));
        for answer in (question.ask)(&options.plan, &bar) {
            // Printed as soon as it is measured, because a full run takes minutes.
            bar.suspend(|| println!("\n{}", table::of(&answer)));
            answers.push(answer);
        }
    }
    bar.finish_and_clear();

    let verdicts = targets::judge(&answers);
    if !verdicts.is_empty() {
        println!("\n{}", targets::table(&verdicts));
    }
    if let Some(file) = &options.json {
        let report = Report { machine: &machine, quick: options.plan.quick, answers: &answers, targets: &verdicts };
        let json = serde_json::to_string_pretty(&report).map_err(|error| error.to_string())?;
        write(file, &json)?;
    }
    if let Some(folder) = &options.pictures {
        for (name, picture) in plot::pictures(&answers, &machine)? {
            let file = folder.join(name);
            write(&file, &picture)?;
            println!("\nwritten: {}", file.display());
        }
    }
    Ok(())
}

fn write(file: &Path, text: &str) -> Result<(), String> {
    fs::write(file, text).map_err(|error| format!("{}: {error}", file.display()))
}

/// Parses the command line. Returns `None` if it asks for help.
fn options() -> Result<Option<Options>, lexopt::Error> {
    use lexopt::prelude::*;

    let mut plan = Plan::FULL;
    let mut questions = Vec::new();
    let mut json = None;
    let mut pictures = None;
    let mut no_pictures = false;
    let mut parser = lexopt::Parser::from_env();
    while let Some(argument) = parser.next()? {
        match argument {
            Long("quick") => plan = Plan::QUICK,
            Long("only") => questions.push(question(parser.value()?)?),
            Long("json") => json = Some(parser.value()?.into()),
            Long("pictures") => pictures = Some(parser.value()?.into()),
            Long("no-pictures") => no_pictures = true,
            Short('h') | Long("help") => return Ok(None),
            _ => return Err(argument.unexpected()),
        }
    }
    if questions.is_empty() {
        questions = questions::ALL.to_vec();
    }
    // The pictures in the repository show a full run. A quick run must not replace them by default.
    if pictures.is_none() && !plan.quick {
        pictures = Some(env!("CARGO_MANIFEST_DIR").into());
    }
    Ok(Some(Options { plan, questions, json, pictures: pictures.filter(|_| !no_pictures) }))
}

fn question(name: OsString) -> Result<Question, lexopt::Error> {
    let name = name.into_string()?;
    let known = questions::ALL.iter().find(|question| question.name == name);
    known.copied().ok_or_else(|| format!("there is no question `{name}`").into())
}

fn help() -> String {
    let mut help = String::from(
        "usage: cargo run --release -p benches -- [OPTIONS]\n\n\
         --quick            run every question in less than a minute, too roughly to quote\n\
         --only QUESTION    run this question only; may be repeated\n\
         --json FILE        write every sample, the machine and the targets to FILE\n\
         --pictures FOLDER  write the SVGs to FOLDER; the default is benches/, or none with --quick\n\
         --no-pictures      write no SVGs\n\n\
         questions:\n",
    );
    for question in questions::ALL {
        let _ = writeln!(help, "  {:17}{}", question.name, question.about);
    }
    help
}
