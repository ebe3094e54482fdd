use std::mem;

use threadsafe_gen::{Yielder, generator};

// A function takes two yielders only if it does not swap them: for that they would have to be of one body.
fn swap<'id>(one: &mut Yielder<'id, u32>, other: &mut Yielder<'id, u32>) {
    mem::swap(one, other);
}

fn main() {
    let outer = generator(async |outer| {
        let inner = generator(async |inner| swap(inner, outer));
        inner.for_each(drop);
    });
    outer.for_each(drop);
}
