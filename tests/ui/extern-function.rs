use threadsafe_gen::threadsafe_generator;

#[threadsafe_generator]
extern "C" fn numbers(n: u32) -> impl Iterator<Item = u32> {
    yield_!(n);
}

fn main() {
    numbers(1).close();
}
