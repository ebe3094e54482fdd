//! Searches files for a pattern on all cores, and prints the matching lines in the order of the files.
//!
//! A generator walks through the paths, folders included, and yields the files in blocks of lines. `prefetch` lets it
//! read ahead on a thread of its own. `parallel_map` searches the blocks, also those of a single large file, and
//! returns the results in order. Memory is bounded: up to [`AHEAD`] blocks are read ahead, and two for each thread are
//! searched or wait to be printed. A block has 64 KiB, or a single line of up to 1 MiB.
//!
//! ```console
//! $ cargo run --release --example grep -- [--threads N] [--progress] PATTERN PATH...
//! ```
//!
//! The output and the exit codes are those of `grep -rnHIE`: 0 if a line was found, 1 if none was, 2 after an error,
//! which does not stop the search. Unlike there, the files of a folder come in the order of their names, and a line of
//! more than 1 MiB is an error.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use bpaf::{OptionParser, Parser, construct, long, positional};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use regex::bytes::Regex;
use threadsafe_gen::{ThreadsafeExt, threadsafe_generator};

/// The number of blocks that may be read and not yet searched.
const AHEAD: usize = 16;

/// Some lines of a file.
struct Block {
    path: Arc<Path>,
    /// The number of the first line.
    line: usize,
    text: Vec<u8>,
}

/// Yields the files below the paths in blocks. After an error it continues with the next file.
#[threadsafe_generator]
fn blocks(mut paths: Vec<PathBuf>, bar: ProgressBar) -> impl Iterator<Item = io::Result<Block>> {
    // The next path is at the end.
    paths.reverse();
    while let Some(path) = paths.pop() {
        if !path.is_dir() {
            yield_from!(file_blocks(path, &bar));
            continue;
        }
        match folder(&path) {
            Ok(entries) => paths.extend(entries.into_iter().rev()),
            Err(error) => yield_!(Err(program::at(&path)(error))),
        }
    }
}

/// Yields the lines of a file. If there is a zero byte, it is a binary file, and the rest is not searched.
#[threadsafe_generator]
fn file_blocks(path: PathBuf, bar: &ProgressBar) -> impl Iterator<Item = io::Result<Block>> {
    let path: Arc<Path> = path.into();
    let file = File::open(&path).map_err(program::at(&path))?;
    let mut line = 1;
    // A zero byte ends a block too, so that it is found as soon as it is read.
    for text in program::blocks(bar.wrap_read(file), "line", |byte| is_newline(byte) || byte == 0) {
        let text = text.map_err(program::at(&path))?;
        if text.contains(&0) {
            return Ok(());
        }
        let lines = text.iter().filter(|byte| is_newline(**byte)).count();
        yield_!(Ok(Block { path: Arc::clone(&path), line, text }));
        line += lines;
    }
}

fn is_newline(byte: u8) -> bool {
    byte == b'\n'
}

/// Returns the files and folders in a folder, in the order of their names. As with `grep -r`, symbolic links and
/// devices are not among them.
fn folder(path: &Path) -> io::Result<Vec<PathBuf>> {
    let mut paths = Vec::new();
    for entry in fs::read_dir(path)? {
        let entry = entry?;
        let kind = entry.file_type()?;
        if kind.is_file() || kind.is_dir() {
            paths.push(entry.path());
        }
    }
    paths.sort_unstable();
    Ok(paths)
}

/// Returns the matching lines as they are printed.
fn search(Block { path, line, text }: &Block, pattern: &Regex) -> Vec<u8> {
    let lines = text.strip_suffix(b"\n").unwrap_or(text).split(|byte| is_newline(*byte));
    let mut matches = Vec::new();
    for (number, line) in (*line..).zip(lines).filter(|(_, line)| pattern.is_match(line)) {
        let number = number.to_string();
        matches.extend([path.as_os_str().as_encoded_bytes(), number.as_bytes(), line].join(&b':'));
        matches.push(b'\n');
    }
    matches
}

struct Options {
    threads: usize,
    progress: bool,
    pattern: Regex,
    paths: Vec<PathBuf>,
}

fn options() -> OptionParser<Options> {
    let threads = program::threads();
    let progress = long("progress").help("Show how much is read, if the standard error is a terminal").switch();
    let pattern = positional::<String>("PATTERN").help("A regular expression").parse(|pattern| {
        // Without the lines that show the place of the error.
        Regex::new(&pattern).map_err(|error| error.to_string().rsplit("error: ").next().unwrap_or_default().to_owned())
    });
    let paths = positional("PATH").help("A file, or a folder to be searched with all below it").some("expected a PATH");
    construct!(Options { threads, progress, pattern, paths })
        .to_options()
        .descr("Searches files for a pattern on all cores, and prints the matching lines in the order of the files")
}

fn main() -> ExitCode {
    program::run_with_error_code(2, &options(), |Options { threads, progress, pattern, paths }| {
        let style = ProgressStyle::with_template("{bytes} read, {bytes_per_sec}").expect("the template is valid");
        let target = if progress { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let bar = ProgressBar::with_draw_target(None, target).with_style(style);

        let search_block = move |block: io::Result<Block>| io::Result::Ok(search(&block?, &pattern));
        let results = blocks(paths, bar.clone()).prefetch(AHEAD).parallel_map(threads, search_block);
        let (mut found, mut failed) = (false, false);
        for result in results {
            match result {
                Ok(matches) if matches.is_empty() => {}
                Ok(matches) => {
                    found = true;
                    bar.suspend(|| io::stdout().write_all(&matches))?;
                }
                Err(error) => {
                    failed = true;
                    bar.suspend(|| program::warn(error));
                }
            }
        }
        bar.finish_and_clear();
        Ok(ExitCode::from(if failed { 2 } else { u8::from(!found) }))
    })
}
