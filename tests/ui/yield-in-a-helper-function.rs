use threadsafe_gen::prelude::*;

fn twice(n: u32) {
    yield_!(n);
    yield_from!([n]);
}

#[threadsafe_generator]
pub fn numbers() -> impl Iterator<Item = u32> {
    twice(1);
    yield_!(2);
}

fn main() {}
