//! Reading in blocks, with bounded memory.

use std::io::{self, Read};
use std::mem;

use threadsafe_gen::threadsafe_generator;

/// The size of a block, about.
const BLOCK: usize = 64 << 10;

/// The maximum length of a unit. Longer ones are an error.
const MAX_UNIT: usize = 1 << 20;

/// Yields the content of a file in blocks, each of which contains whole units: lines, for example.
///
/// `unit` is the word for them, and `is_end` returns `true` for a byte that ends one. The last item may be an error.
#[threadsafe_generator]
pub fn blocks(
    mut file: impl Read + Send,
    unit: &'static str,
    is_end: fn(u8) -> bool,
) -> impl Iterator<Item = io::Result<Vec<u8>>> {
    let mut block = Vec::with_capacity(BLOCK);
    while file.by_ref().take(BLOCK as u64).read_to_end(&mut block)? > 0 {
        if let Some(end) = block.iter().rposition(|byte| is_end(*byte)) {
            // The last unit may continue in the next block.
            let mut rest = block.split_off(end + 1);
            rest.reserve(BLOCK);
            yield_!(Ok(mem::replace(&mut block, rest)));
        } else if block.len() >= MAX_UNIT {
            let message = format!("a {unit} is longer than {MAX_UNIT} bytes");
            return Err(io::Error::new(io::ErrorKind::InvalidData, message));
        }
    }
    if !block.is_empty() {
        yield_!(Ok(block));
    }
}
