use std::mem;
use std::sync::Mutex;

use threadsafe_gen::{Yielder, generator};

// Two generators of one closure do not meet in what it has captured.
fn main() {
    let place = Mutex::new(None::<&mut Yielder<'_, u32>>);
    let body = async |co: &mut Yielder<'_, u32>| {
        let mut place = place.lock().unwrap();
        match &mut *place {
            Some(other) => mem::swap(co, *other),
            None => *place = Some(co),
        }
    };
    generator(&body).for_each(drop);
    generator(&body).for_each(drop);
}
