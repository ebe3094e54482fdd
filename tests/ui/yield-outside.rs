use threadsafe_gen::yield_;

fn numbers(n: u32) {
    yield_!(n);
}

fn main() {
    numbers(1);
}
