use std::mem;

use threadsafe_gen::{Yielder, generator};

// A function that calls itself in a body of its own, with the same type of yielder twice: one more body, one more type.
fn swap<'id>(other: &mut Yielder<'id, u32>, one: Option<&mut Yielder<'id, u32>>) {
    match one {
        Some(one) => mem::swap(one, other),
        None => generator(async |one| swap(other, Some(one))).for_each(drop),
    }
}

fn main() {
    generator(async |co| swap(co, None)).for_each(drop);
}
