use threadsafe_gen::{ThreadsafeIter, threadsafe_generator};

#[threadsafe_generator]
fn numbers(n: u32) -> ThreadsafeIter<impl Iterator<Item = u32>> {
    yield_!(n);
}

fn main() {
    numbers(1).close();
}
