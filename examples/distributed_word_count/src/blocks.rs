//! The source of a process: one generator that reads the process's files in blocks of text.

use std::fmt;
use std::fs::File;
use std::io::{self, ErrorKind, Read};
use std::path::{Path, PathBuf};
use std::str;

use threadsafe_gen::threadsafe_generator;

/// The most bytes of a block. A word must be shorter.
pub(crate) const BLOCK_SIZE: usize = 64 * 1024;

/// Yields the text of the files in blocks that end between two words. An error is the last item.
///
/// A block does not depend on lines, so that a file without any is read in bounded memory too.
#[threadsafe_generator]
pub(crate) fn blocks(files: Vec<PathBuf>) -> impl Iterator<Item = Result<String, FileError>> {
    for path in files {
        let file = File::open(&path).map_err(|error| FileError::new(&path, error))?;
        let mut reader = BlockReader::new(file, BLOCK_SIZE);
        while let Some(block) = reader.next_block().map_err(|problem| FileError::new(&path, problem))? {
            yield_!(Ok(block));
        }
    }
}

/// Returns whether words contain the character. All others separate words.
pub(crate) fn is_in_word(c: char) -> bool {
    c.is_alphanumeric() || c == '\''
}

struct BlockReader<R> {
    source: R,
    size: usize,
    /// The bytes that have been read and not yet returned: fewer than `size`.
    rest: Vec<u8>,
    /// The number of the line in which `rest` begins.
    line: u64,
}

impl<R: Read> BlockReader<R> {
    fn new(source: R, size: usize) -> Self {
        Self { source, size, rest: Vec::new(), line: 1 }
    }

    /// Returns the next block, or `None` at the end of the file. Returns as soon as a read has brought a whole word.
    fn next_block(&mut self) -> Result<Option<String>, Problem> {
        loop {
            let at_end = self.read_more()? == 0;
            let text = match str::from_utf8(&self.rest) {
                Ok(text) => text,
                Err(error) => {
                    let (valid, _) = self.rest.split_at(error.valid_up_to());
                    if at_end || error.error_len().is_some() {
                        return Err(Problem::NotUtf8 { line: self.line + newlines(valid) });
                    }
                    // A character goes on in the next read.
                    str::from_utf8(valid).expect("the text before the error is valid")
                }
            };
            if at_end {
                let block = Some(text.to_owned()).filter(|text| !text.is_empty());
                self.rest.clear();
                return Ok(block);
            }
            // So may the last word.
            if let Some((position, separator)) = text.char_indices().rfind(|&(_, c)| !is_in_word(c)) {
                let block = text[..position + separator.len_utf8()].to_owned();
                self.rest.drain(..block.len());
                self.line += newlines(block.as_bytes());
                return Ok(Some(block));
            }
            if self.rest.len() == self.size {
                return Err(Problem::LongWord { line: self.line, size: self.size });
            }
        }
    }

    /// Reads once, up to the size of a block. Returns the number of bytes, which is 0 only at the end of the file.
    fn read_more(&mut self) -> io::Result<usize> {
        let old = self.rest.len();
        self.rest.resize(self.size, 0);
        let read = loop {
            match self.source.read(&mut self.rest[old..]) {
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                result => break result,
            }
        };
        self.rest.truncate(old + *read.as_ref().unwrap_or(&0));
        read
    }
}

fn newlines(bytes: &[u8]) -> u64 {
    bytes.iter().map(|&byte| u64::from(byte == b'\n')).sum()
}

/// A file that cannot be counted.
#[derive(Debug)]
pub(crate) struct FileError {
    path: PathBuf,
    problem: Problem,
}

impl FileError {
    fn new(path: &Path, problem: impl Into<Problem>) -> Self {
        Self { path: path.to_owned(), problem: problem.into() }
    }
}

impl fmt::Display for FileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path.display(), self.problem)
    }
}

#[derive(Debug)]
enum Problem {
    Io(io::Error),
    NotUtf8 { line: u64 },
    LongWord { line: u64, size: usize },
}

impl From<io::Error> for Problem {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(error) => error.fmt(f),
            Self::NotUtf8 { line } => write!(f, "line {line} is not UTF-8"),
            Self::LongWord { line, size } => write!(f, "line {line} has a word of {size} bytes or more"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A source of which each read brings one byte.
    struct Bytewise<'a>(&'a [u8]);

    impl Read for Bytewise<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let n = buffer.len().min(1);
            self.0.read(&mut buffer[..n])
        }
    }

    fn blocks_of(source: impl Read, size: usize) -> Result<Vec<String>, String> {
        let mut reader = BlockReader::new(source, size);
        let mut blocks = Vec::new();
        while let Some(block) = reader.next_block().map_err(|problem| problem.to_string())? {
            assert!(block.len() <= size, "a block of {} bytes", block.len());
            blocks.push(block);
        }
        Ok(blocks)
    }

    #[test]
    fn blocks_are_the_text_cut_between_words() {
        // Characters of one to four bytes, as separators and in words.
        let text = "one naïve, 二三\u{3000}四 \u{1d400}\u{1d401}\u{1f600}\u{1f600} \n\r\n it's…\u{fffd}'end";
        let words = |text: &str| {
            text.split(|c| !is_in_word(c)).map(str::to_owned).filter(|word| !word.is_empty()).collect::<Vec<_>>()
        };
        for size in 12..=text.len() + 1 {
            for blocks in [blocks_of(text.as_bytes(), size), blocks_of(Bytewise(text.as_bytes()), size)] {
                let blocks = blocks.unwrap();
                assert_eq!(blocks.concat(), text);
                assert_eq!(blocks.iter().flat_map(|block| words(block)).collect::<Vec<_>>(), words(text), "{size}");
            }
        }
    }

    #[test]
    fn an_error_has_the_number_of_its_line() {
        for size in 4..16 {
            for text in [&b"a\nb\nc \xff d\n"[..], b"a\nb\n\xe4\xb8", b"\n\n \x80"] {
                for blocks in [blocks_of(text, size), blocks_of(Bytewise(text), size)] {
                    assert_eq!(blocks, Err("line 3 is not UTF-8".to_owned()), "{size}");
                }
            }
        }
    }

    #[test]
    fn a_word_is_limited_to_the_size_of_a_block() {
        for (word, fits) in
            [("abcdefg", true), ("abcdefgh", false), ("ééé", true), ("aéééb", false), ("二二二二", false)]
        {
            let text = format!("a\n{word} b");
            let expected = if fits { Ok(text.clone()) } else { Err("line 2 has a word of 8 bytes or more".to_owned()) };
            for blocks in [blocks_of(text.as_bytes(), 8), blocks_of(Bytewise(text.as_bytes()), 8)] {
                assert_eq!(blocks.map(|blocks| blocks.concat()), expected, "{word}");
            }
        }
    }
}
