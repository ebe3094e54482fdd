use std::thread;

use threadsafe_gen::generator;

// Two threads that have a reference to the future of one yield.
fn main() {
    let items = generator(async |co| {
        let yielded = co.yield_(1);
        let shared = &yielded;
        thread::scope(|s| {
            s.spawn(move || drop(shared));
        });
        yielded.await;
    });
    items.for_each(drop);
}
