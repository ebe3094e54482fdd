//! The compiler's own generators, on nightly. In a file of its own, since `gen` is a keyword that stable does not parse.

use crate::work::Work;

/// `gen {}`.
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
