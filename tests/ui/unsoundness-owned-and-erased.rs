use std::mem;
use std::sync::Mutex;
use std::thread;

use threadsafe_gen::{__private::generator_by_value, Yielder};

trait Out: Send {
    fn put(&mut self, item: u32);
}

impl Out for Yielder<'_, u32> {
    fn put(&mut self, item: u32) {
        drop(self.yield_(item));
    }
}

// A box with a yielder has a size, and so can be swapped where its lifetime is forgotten: the inner generator and its
// yielder would then be within the reach of two threads at the same time.
fn main() {
    let outer = generator_by_value(async |outer: Yielder<'_, u32>| {
        let place: Mutex<Box<dyn Out + '_>> = Mutex::new(Box::new(outer));
        let mut inner = generator_by_value(async |inner: Yielder<'_, u32>| {
            let mut erased: Box<dyn Out + '_> = Box::new(inner);
            mem::swap(&mut erased, &mut *place.lock().unwrap());
        });
        thread::scope(|s| {
            s.spawn(|| place.lock().unwrap().put(1));
            s.spawn(|| inner.next());
        });
    });
    outer.for_each(drop);
}
