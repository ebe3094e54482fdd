use threadsafe_gen::prelude::*;

pub fn first() -> u32 {
    resumed_with!()
}

fn main() {}
