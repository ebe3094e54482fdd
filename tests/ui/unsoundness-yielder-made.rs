use std::mem;

use threadsafe_gen::{Yielder, generator};

// Another yielder, of the type of the first, to take its place.
fn main() {
    let items = generator(async |co: &mut Yielder<'_, u32>| {
        let mut another = co.clone();
        mem::swap(co, &mut another);
        drop(mem::take(co));
    });
    items.for_each(drop);
}
