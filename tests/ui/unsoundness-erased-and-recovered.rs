use std::any::Any;

use threadsafe_gen::{Yielder, generator};

// By `Any` a type is recovered that knows no lifetimes; a yielder's knows one.
fn main() {
    let items = generator(async |co: &mut Yielder<'_, u32>| {
        let any: &mut dyn Any = co;
        drop(any.downcast_mut::<Yielder<'static, u32>>());
    });
    items.for_each(drop);
}
