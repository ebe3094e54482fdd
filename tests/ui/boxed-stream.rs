use threadsafe_gen::{Stream, threadsafe_generator};

#[threadsafe_generator]
fn numbers(n: u32) -> Box<dyn Stream<Item = u32>> {
    yield_!(std::future::ready(n).await);
}

fn main() {
    numbers(1).close();
}
