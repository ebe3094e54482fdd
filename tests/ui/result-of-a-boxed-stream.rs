use std::pin::Pin;

use threadsafe_gen::Stream;
use threadsafe_gen::threadsafe_generator;

#[threadsafe_generator]
fn numbers() -> Result<Pin<Box<dyn Stream<Item = Result<u32, String>>>>, String> {
    yield_!(1);
}

fn main() {
    let _ = numbers();
}
