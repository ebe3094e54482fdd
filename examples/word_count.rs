//! Counts the words in files on all cores, and prints the twenty most frequent ones.
//!
//! One generator reads the lines; the threads take lines from it and count words, each thread in its own map. The
//! generator can fail: `?` in its body ends it with the error as the last item. Bytes that are not UTF-8 separate
//! words.
//!
//! ```console
//! $ cargo run --release --example word_count -- [FILE...]
//! ```
//!
//! Without arguments, it counts the words in this repository's README, change log and sources.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::env;
use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::thread;

use indicatif::{ProgressBar, ProgressStyle};
use threadsafe_gen::{ThreadsafeIter, threadsafe_generator};

/// Yields the lines of all files as bytes. The threads decode them outside the lock.
#[threadsafe_generator]
fn lines(files: &[PathBuf], bar: &ProgressBar) -> impl Iterator<Item = io::Result<Vec<u8>>> {
    for path in files {
        let file = File::open(path).map_err(naming(path))?;
        for line in BufReader::new(bar.wrap_read(file)).split(b'\n') {
            let line = line.map_err(naming(path))?;
            yield_!(Ok(line));
        }
    }
}

type Counts = HashMap<String, u64>;

/// Counts the words of the lines that one thread takes.
fn count(lines: &ThreadsafeIter<impl Iterator<Item = io::Result<Vec<u8>>>>) -> io::Result<Counts> {
    let mut counts = Counts::new();
    for line in lines {
        // The thread that gets the error stops the others.
        let line = line.inspect_err(|_| lines.close())?;
        for word in String::from_utf8_lossy(&line).split(|c: char| !c.is_alphanumeric() && c != '\'') {
            let word = word.trim_matches('\'').to_lowercase();
            if !word.is_empty() {
                *counts.entry(word).or_default() += 1;
            }
        }
    }
    Ok(counts)
}

fn count_in_parallel(files: &[PathBuf], bar: &ProgressBar) -> io::Result<Counts> {
    let lines = lines(files, bar);
    let threads = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|s| {
        let workers: Vec<_> = (0..threads).map(|_| s.spawn(|| count(&lines))).collect();
        let mut merged = Counts::new();
        for worker in workers {
            for (word, n) in worker.join().expect("counting does not panic")? {
                *merged.entry(word).or_default() += n;
            }
        }
        Ok(merged)
    })
}

/// Returns the files to count if the command line names none.
fn own_files() -> io::Result<Vec<PathBuf>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = vec![root.join("README.md"), root.join("CHANGELOG.md")];
    for dir in ["threadsafe-gen/src", "threadsafe-gen-macros/src", "examples"].map(|dir| root.join(dir)) {
        for entry in fs::read_dir(&dir).map_err(naming(&dir))? {
            let path = entry.map_err(naming(&dir))?.path();
            if path.is_file() {
                files.push(path);
            }
        }
    }
    Ok(files)
}

/// Prefixes an error with the file's name, which an [`io::Error`] does not contain.
fn naming(path: &Path) -> impl FnOnce(io::Error) -> io::Error {
    move |error| io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}

fn run() -> io::Result<()> {
    let mut files: Vec<_> = env::args_os().skip(1).map(PathBuf::from).collect();
    if files.is_empty() {
        files = own_files()?;
    }

    // A file whose size cannot be read fails later, when `lines` opens it.
    let bytes = files.iter().filter_map(|path| path.metadata().ok()).map(|metadata| metadata.len()).sum();
    let style = ProgressStyle::with_template("{wide_bar} {bytes} of {total_bytes}").expect("the template is valid");
    let bar = ProgressBar::new(bytes).with_style(style);
    let counts = count_in_parallel(&files, &bar);
    bar.finish_and_clear();

    let mut counts = Vec::from_iter(counts?);
    let words: u64 = counts.iter().map(|(_, n)| n).sum();
    eprintln!("{words} words, {} different", counts.len());

    counts.sort_unstable_by(|(a, m), (b, n)| (Reverse(m), a).cmp(&(Reverse(n), b)));
    let mut table = String::new();
    for (word, n) in counts.iter().take(20) {
        writeln!(table, "{n:>7} {word}").expect("writing to a string does not fail");
    }
    io::stdout().write_all(table.as_bytes()).map_err(naming(Path::new("standard output")))
}

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("word_count: {error}");
            ExitCode::FAILURE
        }
    }
}
