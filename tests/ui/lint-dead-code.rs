#![deny(dead_code, unused_variables)]

use threadsafe_gen::threadsafe_generator;

#[threadsafe_generator]
fn numbers(n: u32, unused: u32) -> impl Iterator<Item = u32> {
    yield_!(n);
}

fn main() {}
