use std::cell::Cell;

use threadsafe_gen::threadsafe_generator;

#[threadsafe_generator]
pub fn counted(cell: &Cell<u8>) -> impl Iterator<Item = u8> {
    yield_!(cell.get());
}

fn main() {}
