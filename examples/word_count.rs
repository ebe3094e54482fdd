//! Counts the words in files on all cores, and prints the twenty most frequent ones.
//!
//! One generator reads the files in blocks; the threads take blocks from it and count words, each thread in its own
//! map. The generator can fail: `?` in its body ends it with the error as the last item, after which all threads end.
//! Bytes that are not UTF-8 separate words.
//!
//! ```console
//! $ cargo run --release --example word_count -- [--threads N] [FILE...]
//! ```

use std::cmp::Reverse;
use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::thread;

use bpaf::{OptionParser, Parser, construct, positional};
use indicatif::ProgressBar;
use threadsafe_gen::{ThreadsafeIter, threadsafe_generator};

/// Yields the content of all files. The threads decode it outside the lock.
#[threadsafe_generator]
fn blocks(files: &[PathBuf], bar: &ProgressBar) -> impl Iterator<Item = io::Result<Vec<u8>>> {
    for path in files {
        let file = File::open(path).map_err(program::at(path))?;
        for block in program::blocks(bar.wrap_read(file), "word", is_word_end) {
            yield_!(Ok(block.map_err(program::at(path))?));
        }
    }
}

/// Returns `true` for a byte that is not in a word, whatever the bytes beside it are.
fn is_word_end(byte: u8) -> bool {
    byte.is_ascii() && !is_word_char(byte.into())
}

fn is_word_char(c: char) -> bool {
    c.is_alphanumeric() || c == '\''
}

type Counts = HashMap<String, u64>;

/// Counts the words of the blocks that one thread takes.
fn count(blocks: &ThreadsafeIter<impl Iterator<Item = io::Result<Vec<u8>>>>) -> io::Result<Counts> {
    let mut counts = Counts::new();
    for block in blocks {
        for word in String::from_utf8_lossy(&block?).split(|c| !is_word_char(c)) {
            let word = word.trim_matches('\'').to_lowercase();
            if !word.is_empty() {
                *counts.entry(word).or_default() += 1;
            }
        }
    }
    Ok(counts)
}

fn count_in_parallel(files: &[PathBuf], threads: usize, bar: &ProgressBar) -> io::Result<Counts> {
    let blocks = blocks(files, bar);
    thread::scope(|s| {
        let workers: Vec<_> = (0..threads).map(|_| s.spawn(|| count(&blocks))).collect();
        let mut merged = Counts::new();
        for worker in workers {
            for (word, n) in worker.join().expect("counting does not panic")? {
                *merged.entry(word).or_default() += n;
            }
        }
        Ok(merged)
    })
}

struct Options {
    threads: usize,
    files: Vec<PathBuf>,
}

fn options() -> OptionParser<Options> {
    let threads = program::threads();
    let files = positional("FILE").help("A text file. Without any, the sources of threadsafe-gen").many();
    construct!(Options { threads, files })
        .to_options()
        .descr("Counts the words in files on all cores, and prints the twenty most frequent ones")
}

fn own_sources() -> io::Result<Vec<PathBuf>> {
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("../threadsafe-gen/src");
    let entries = fs::read_dir(&sources).map_err(program::at(&sources))?;
    let paths = entries.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<_>>>()?;
    Ok(paths.into_iter().filter(|path| path.is_file()).collect())
}

fn main() -> ExitCode {
    program::run(&options(), |Options { threads, mut files }| {
        if files.is_empty() {
            files = own_sources()?;
        }
        // A file whose size cannot be read fails later, when `blocks` opens it.
        let bytes = files.iter().filter_map(|path| Some(path.metadata().ok()?.len())).sum();
        let bar = program::progress_bar(bytes, "{bytes} of {total_bytes}");
        let counts = count_in_parallel(&files, threads, &bar);
        bar.finish_and_clear();

        let mut counts = Vec::from_iter(counts?);
        counts.sort_unstable_by(|(a, m), (b, n)| (Reverse(m), a).cmp(&(Reverse(n), b)));
        let words: u64 = counts.iter().map(|(_, n)| n).sum();
        let mut output = io::stdout().lock();
        writeln!(output, "{words} words, {} different", counts.len())?;
        for (word, n) in counts.iter().take(20) {
            writeln!(output, "{n:>7} {word}")?;
        }
        Ok(())
    })
}
