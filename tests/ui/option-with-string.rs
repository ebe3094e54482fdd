use threadsafe_gen::threadsafe_generator;

#[threadsafe_generator(crate = "threadsafe_gen")]
fn numbers(n: u32) -> impl Iterator<Item = u32> {
    yield_!(n);
}

fn main() {
    numbers(1).close();
}
