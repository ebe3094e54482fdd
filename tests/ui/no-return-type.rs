use threadsafe_gen::threadsafe_generator;

#[threadsafe_generator]
fn numbers(n: u32) {
    yield_!(n);
}

fn main() {
    numbers(1).close();
}
