use anyhow::bail;
use threadsafe_gen::threadsafe_generator;

#[threadsafe_generator]
fn numbers(n: u32) -> impl Iterator<Item = u32> {
    yield_!(n);
    bail!("none");
}

fn main() {
    numbers(1).close();
}
