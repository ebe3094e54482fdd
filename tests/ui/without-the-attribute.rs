use threadsafe_gen::prelude::*;

pub fn numbers(n: u32) {
    for i in 0..n {
        yield_!(i);
    }
}

fn main() {}
