use std::sync::LazyLock;

use threadsafe_gen::ThreadsafeIter;

static NUMBERS: LazyLock<ThreadsafeIter<Box<dyn Iterator<Item = u8>>>> =
    LazyLock::new(|| ThreadsafeIter::new(Box::new(0..3)));

fn main() {
    NUMBERS.next();
}
