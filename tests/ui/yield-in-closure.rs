use threadsafe_gen::threadsafe_generator;

#[threadsafe_generator]
fn numbers(n: u32) -> impl Iterator<Item = u32> {
    (0..n).for_each(|i| yield_!(i));
}

fn main() {
    numbers(1).close();
}
