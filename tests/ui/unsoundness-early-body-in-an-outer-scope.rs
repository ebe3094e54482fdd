use std::future::ready;
use std::thread;

use threadsafe_gen::{__private::generator_by_value, Yielder};

// A body that is not `async` and runs while its generator is created. It gives its yielder to a thread of a scope that
// ends after the generator.
fn main() {
    thread::scope(|s| {
        let items = generator_by_value(|mut co: Yielder<'_, u32>| {
            s.spawn(move || drop(co.yield_(1)));
            ready(())
        });
        items.for_each(drop);
    });
}
