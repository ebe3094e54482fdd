use std::panic::panic_any;

use threadsafe_gen::{__private::generator_by_value, Yielder};

// The yielder leaves the body as the payload of a panic.
fn main() {
    let items = generator_by_value(async |co: Yielder<'_, u32>| panic_any(co));
    items.for_each(drop);
}
