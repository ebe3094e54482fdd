use std::mem;
use std::sync::Mutex;
use std::thread;

use threadsafe_gen::generator;

// An inner body that takes the outer body's yielder and leaves its own in the place of it: the inner generator and its
// yielder would then be within the reach of two threads at the same time.
fn main() {
    let outer = generator(async |outer| {
        let place = Mutex::new(outer);
        let mut inner = generator(async |inner| {
            mem::swap(inner, *place.lock().unwrap());
            inner.yield_(String::new()).await;
        });
        thread::scope(|s| {
            s.spawn(|| drop(place.lock().unwrap().yield_(String::new())));
            s.spawn(|| inner.next());
        });
    });
    outer.for_each(drop);
}
