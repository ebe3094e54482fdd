use threadsafe_gen::threadsafe_generator;

#[threadsafe_generator]
fn numbers(n: u32) -> impl Iterator<Item = u32> {
    fn twice(n: u32) {
        yield_!(n);
    }
    twice(n);
}

fn main() {
    numbers(1).close();
}
