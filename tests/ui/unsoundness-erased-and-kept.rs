use std::sync::Mutex;

use threadsafe_gen::{Yielder, generator};

trait Out: Send {}

impl Out for Yielder<'_, u32> {}

// A trait object forgets whose yielder it is, but not for how long the reference is good.
fn main() {
    let outer = generator(async |outer| {
        let place: Mutex<&mut dyn Out> = Mutex::new(outer);
        let inner = generator(async |inner: &mut Yielder<'_, u32>| *place.lock().unwrap() = inner);
        inner.for_each(drop);
    });
    outer.for_each(drop);
}
