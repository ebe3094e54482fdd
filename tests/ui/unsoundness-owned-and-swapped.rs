use std::mem;

use threadsafe_gen::{__private::generator_by_value, Yielder};

// Two bodies that own their yielders exchange them.
fn main() {
    let outer = generator_by_value(async |mut outer: Yielder<'_, u32>| {
        let inner = generator_by_value(async |mut inner: Yielder<'_, u32>| mem::swap(&mut inner, &mut outer));
        inner.for_each(drop);
    });
    outer.for_each(drop);
}
