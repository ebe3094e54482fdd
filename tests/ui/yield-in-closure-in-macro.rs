use threadsafe_gen::threadsafe_generator;

#[threadsafe_generator]
fn numbers(n: u32) -> impl Iterator<Item = u32> {
    println!("{:?}", (0..n).map(|i| yield_!(i)).collect::<Vec<()>>());
}

fn main() {
    numbers(1).close();
}
