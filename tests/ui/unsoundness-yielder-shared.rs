use std::thread;

use threadsafe_gen::generator;

// Two threads that look at one yielder would be at one `Rc` at a time.
fn main() {
    let items = generator(async |co| {
        let co = &*co;
        thread::scope(|s| {
            s.spawn(|| println!("{co:?}"));
        });
        co.yield_(1).await;
    });
    items.for_each(drop);
}
