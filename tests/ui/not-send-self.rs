use std::cell::Cell;

use threadsafe_gen::threadsafe_generator;

pub struct Counter {
    count: Cell<u8>,
}

impl Counter {
    #[threadsafe_generator]
    pub fn counts(&self) -> impl Iterator<Item = u8> {
        yield_!(self.count.get());
    }
}

fn main() {}
