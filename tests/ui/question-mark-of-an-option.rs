use threadsafe_gen::threadsafe_generator;

#[threadsafe_generator]
fn numbers(n: u32) -> impl Iterator<Item = u32> {
    yield_!(n.checked_add(1)?);
}

fn main() {
    numbers(1).close();
}
