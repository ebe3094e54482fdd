use std::cell::Cell;
use std::thread;

use threadsafe_gen::generator;

// A body that goes to another thread with a reference to what this one still has.
fn main() {
    let shared = Cell::new(1);
    let mut items = generator(async |co| {
        let shared = &shared;
        co.yield_(Cell::new(2)).await;
        shared.set(3);
    });
    items.next();
    thread::scope(|s| {
        s.spawn(move || items.next());
        shared.set(4);
    });
}
