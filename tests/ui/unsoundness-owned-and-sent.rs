use std::thread;

use threadsafe_gen::{__private::generator_by_value, Yielder};

// A body that owns its yielder moves it to a thread that may outlive the body.
fn main() {
    let items = generator_by_value(async |mut co: Yielder<'_, u32>| {
        thread::spawn(move || drop(co.yield_(1)));
    });
    items.for_each(drop);
}
