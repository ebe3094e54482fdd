use std::fmt::Display;

use threadsafe_gen::threadsafe_generator;

#[threadsafe_generator]
pub fn shown(n: u8) -> Box<dyn Iterator<Item = Box<dyn Display>>> {
    yield_!(Box::new(n));
}

fn main() {}
