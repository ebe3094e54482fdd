use std::thread;

use threadsafe_gen::generator;

// To a thread of a scope that ends after the body.
fn main() {
    thread::scope(|s| {
        let items = generator(async |co| {
            s.spawn(|| drop(co.yield_(1)));
        });
        items.for_each(drop);
    });
}
