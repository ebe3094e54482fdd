use std::pin::Pin;

use threadsafe_gen::threadsafe_generator;

#[threadsafe_generator]
fn numbers() -> Pin<Box<dyn Iterator<Item = u32>>> {
    yield_!(1);
}

fn main() {
    let _ = numbers();
}
