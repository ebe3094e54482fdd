use std::mem;

use threadsafe_gen::{Yielder, generator};

// A pair whose two yielders are of one lifetime cannot be made of those of two bodies.
struct Pair<'a, 'id> {
    one: &'a mut Yielder<'id, u32>,
    other: &'a mut Yielder<'id, u32>,
}

fn main() {
    let outer = generator(async |outer| {
        let inner = generator(async |inner| {
            let pair = Pair { one: inner, other: outer };
            mem::swap(pair.one, pair.other);
        });
        inner.for_each(drop);
    });
    outer.for_each(drop);
}
