//! The compiler's own generators, on nightly. This is a separate file because stable Rust does not parse `gen` blocks.

use crate::work::Work;

/// The source as a `gen` block.
pub fn gen_block<S: Work>(items: u64, work: S) -> impl Iterator<Item = u64> + Send {
    gen move {
        let mut i = 0;
        while i < items {
            work.run();
            i += 1;
            yield i;
        }
    }
}
