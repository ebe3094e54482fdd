use threadsafe_gen::threadsafe_generator;

#[threadsafe_generator]
fn numbers(n: u32, (n, _): (u32, u32)) -> impl Iterator<Item = u32> {
    yield_!(n);
}

fn main() {
    numbers(1, (2, 3)).close();
}
