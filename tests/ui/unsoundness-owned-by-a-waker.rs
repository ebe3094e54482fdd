use std::sync::{Arc, Mutex};
use std::task::{Wake, Waker};

use threadsafe_gen::{__private::generator_by_value, Yielder};

struct Waking<'id>(Mutex<Yielder<'id, u32>>);

impl Wake for Waking<'_> {
    fn wake(self: Arc<Self>) {
        drop(self.0.lock().unwrap().yield_(1));
    }
}

// A waker that owns the yielder, which any thread may call at any time.
fn main() {
    let items = generator_by_value(async |co: Yielder<'_, u32>| {
        Waker::from(Arc::new(Waking(Mutex::new(co)))).wake();
    });
    items.for_each(drop);
}
