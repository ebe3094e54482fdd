use std::error::Error;

use threadsafe_gen::threadsafe_generator;

#[threadsafe_generator]
pub fn numbers(text: &str) -> impl Iterator<Item = Result<u8, Box<dyn Error>>> {
    yield_!(Ok(text.parse()?));
}

fn main() {}
