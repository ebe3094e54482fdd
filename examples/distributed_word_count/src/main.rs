//! Counts the words of files with several processes of several workers, by timely dataflow. `README.md` describes it.

use std::cmp::Reverse;
use std::env;
use std::fmt::Display;
use std::io::{self, BufWriter, ErrorKind, Write};
use std::iter;
use std::path::PathBuf;
use std::process::ExitCode;

use indicatif::{ProgressBar, ProgressStyle};

use crate::args::{Command, HELP, Options};
use crate::blocks::blocks;
use crate::count::{Counts, Part, hash};

mod args;
mod blocks;
mod connect;
mod count;
mod local;
mod peer;

/// Reports an error in one line on the standard error.
fn report(error: impl Display) {
    eprintln!("distributed_word_count: {error}");
}

/// Counts this process's share of the files and words, and prints its counts.
fn count(options: Options, bar: &ProgressBar) -> Result<(), Vec<String>> {
    let Options { cluster, workers, local, input } = options;
    let (process, processes) = cluster.as_ref().map_or((0, 1), |cluster| (cluster.process, cluster.addresses.len()));
    // All processes must see the same list, or files would be counted twice or not at all.
    let fingerprint = if local { hash(input.repeat) } else { hash((&input.files, input.repeat)) };
    let all_files = iter::repeat_n(input.files, input.repeat).flatten();
    let files: Vec<_> = if local { all_files.collect() } else { all_files.skip(process).step_by(processes).collect() };

    let (sockets, names) = match cluster {
        None => (Vec::new(), Vec::new()),
        Some(cluster) => {
            let sockets = cluster.connect(workers, fingerprint).map_err(|error| vec![error.to_string()])?;
            (sockets, (0..processes).map(|process| cluster.name(process)).collect())
        }
    };
    let part = Part { process, workers, sockets, names, bytes: size(&files), bar: bar.clone() };
    let counts = part.count(blocks(files).map(|block| block.map_err(|error| error.to_string())));
    bar.finish_and_clear();
    match print(counts?) {
        // The reader of the output has all it wants, as with `| head`.
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(vec![format!("standard output: {error}")]),
        _ => Ok(()),
    }
}

/// Returns the size of the files, of which one that has no size, or fails later, counts 0.
fn size(files: &[PathBuf]) -> u64 {
    files.iter().filter_map(|file| file.metadata().ok()).map(|metadata| metadata.len()).sum()
}

/// Prints the counts, the highest first.
fn print(counts: Counts) -> io::Result<()> {
    let mut counts = Vec::from_iter(counts);
    counts.sort_unstable_by(|(a, m), (b, n)| (Reverse(m), a).cmp(&(Reverse(n), b)));
    let mut output = BufWriter::new(io::stdout().lock());
    for (word, n) in counts {
        writeln!(output, "{n:>7} {word}")?;
    }
    output.flush()
}

fn progress_bar(options: &Options) -> ProgressBar {
    if options.cluster.as_ref().is_some_and(|cluster| cluster.process > 0) {
        return ProgressBar::hidden();
    }
    let template = "{wide_bar} {bytes} of {total_bytes}, {eta} left";
    ProgressBar::new(0).with_style(ProgressStyle::with_template(template).expect("the template is valid"))
}

fn run(command: Command) -> Result<(), Vec<String>> {
    let bar = if let Command::Count(options) = &command { progress_bar(options) } else { ProgressBar::hidden() };
    let interrupted_bar = bar.clone();
    let handler = move || {
        interrupted_bar.finish_and_clear();
        local::exit_interrupted();
    };
    ctrlc::set_handler(handler).map_err(|error| vec![format!("cannot handle ctrl-c: {error}")])?;
    match command {
        Command::Help => write_text(HELP),
        Command::Count(options) => count(*options, &bar),
        Command::Compare(input) => local::compare(&input).and_then(|summary| write_text(&summary)),
        Command::Measure(input) => local::measure(&input).and_then(|table| write_text(&table)),
    }
}

fn write_text(text: &str) -> Result<(), Vec<String>> {
    let mut output = io::stdout().lock();
    match output.write_all(text.as_bytes()).and_then(|()| output.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(vec![format!("standard output: {error}")]),
        _ => Ok(()),
    }
}

fn main() -> ExitCode {
    let command = match args::parse(env::args_os().skip(1)) {
        Ok(command) => command,
        Err(error) => {
            report(format_args!("{error}; see `--help`"));
            return ExitCode::from(2);
        }
    };
    match run(command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(errors) => {
            errors.iter().for_each(report);
            ExitCode::FAILURE
        }
    }
}
