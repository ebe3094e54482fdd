//! The parts that the example programs share: the command line, exit codes, signals, and reading in blocks.
//!
//! The exit code of a program is:
//!
//! | code | meaning |
//! | --- | --- |
//! | 0 | success, also if the reader of the output closes it early, as `head` does |
//! | 1 | an error |
//! | 2 | an invalid command line |
//! | 130, 143 | ended by ctrl-c or by `SIGTERM`, as a shell shows it |
//!
//! A program writes to the standard output by `writeln!` and `?`, because `println!` panics if the output is closed or
//! the disk is full.

mod blocks;
mod interrupt;

pub use blocks::blocks;
pub use interrupt::{Interrupt, on_interrupt};

use std::env;
use std::error::Error;
use std::fmt::Display;
use std::io::{self, Write};
use std::ops::RangeInclusive;
use std::path::Path;
use std::process::{ExitCode, Termination};
use std::str::FromStr;
use std::thread;

use bpaf::{Args, OptionParser, ParseFailure, Parser};
use indicatif::{ProgressBar, ProgressStyle};

/// The result of a program.
pub type Result<T = (), E = Box<dyn Error>> = std::result::Result<T, E>;

/// Parses the command line, runs the program, and reports its error. With `--help`, prints the help instead.
pub fn run<T, R: Termination>(options: &OptionParser<T>, program: impl FnOnce(T) -> Result<R>) -> ExitCode {
    run_with_error_code(1, options, program)
}

/// Like [`run`], with another exit code for an error of the program.
pub fn run_with_error_code<T, R: Termination>(
    error_code: u8,
    options: &OptionParser<T>,
    program: impl FnOnce(T) -> Result<R>,
) -> ExitCode {
    let result = match options.run_inner(Args::current_args()) {
        Ok(options) => program(options).map(Termination::report),
        Err(ParseFailure::Stderr(message)) => {
            // The parser breaks long lines.
            warn(message.monochrome(true).split_whitespace().collect::<Vec<_>>().join(" "));
            return ExitCode::from(2);
        }
        Err(help) => print(&help.unwrap_stdout()),
    };
    // The flush at exit would ignore an error.
    match result.and_then(|code| Ok(io::stdout().flush().map(|()| code)?)) {
        Ok(code) => code,
        Err(error) if is_closed_output(&*error) => ExitCode::SUCCESS,
        Err(error) => {
            warn(error);
            ExitCode::from(error_code)
        }
    }
}

fn print(text: &str) -> Result<ExitCode> {
    io::stdout().write_all(text.as_bytes())?;
    Ok(ExitCode::SUCCESS)
}

fn is_closed_output(error: &(dyn Error + 'static)) -> bool {
    error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}

/// Writes a message to the standard error, after the name of the program.
pub fn warn(message: impl Display) {
    let path = env::args_os().next().unwrap_or_default();
    let name = Path::new(&path).file_stem().unwrap_or_default().to_string_lossy();
    // An error of the standard error cannot be reported anywhere. `eprintln!` panics at it.
    let _ = writeln!(io::stderr(), "{name}: {message}");
}

/// Describes a program without options.
#[must_use]
pub fn no_options(description: &'static str) -> OptionParser<()> {
    bpaf::pure(()).to_options().descr(description)
}

/// The option `--threads N`. By default there are as many threads as cores.
#[must_use]
pub fn threads() -> impl Parser<usize> {
    let cores = thread::available_parallelism().map_or(1, usize::from);
    number("threads", "The number of threads", 1..=256, cores)
}

/// An option with a number from `range`.
#[must_use]
pub fn number<N>(name: &'static str, help: &'static str, range: RangeInclusive<N>, default: N) -> impl Parser<N>
where
    N: Clone + Display + FromStr<Err: Display> + PartialOrd + 'static,
{
    let check = move |number| {
        let is_valid = range.contains(&number);
        is_valid.then_some(number).ok_or_else(|| format!("expected a number from {} to {}", range.start(), range.end()))
    };
    bpaf::long(name).help(help).argument("N").parse(check).fallback(default).display_fallback()
}

/// Creates a progress bar that shows the time left. It is hidden unless the standard error is a terminal.
///
/// `counts` is a part of the template, such as `{bytes} of {total_bytes}`.
///
/// # Panics
///
/// If the template is invalid.
#[must_use]
pub fn progress_bar(length: u64, counts: &str) -> ProgressBar {
    let style = ProgressStyle::with_template(&format!("{{wide_bar}} {counts}, {{eta}} left"));
    ProgressBar::new(length).with_style(style.expect("the template is valid"))
}

/// Prefixes an error with the name of a file, which an [`io::Error`] does not contain.
pub fn at(path: &Path) -> impl Fn(io::Error) -> io::Error {
    move |error| io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}
