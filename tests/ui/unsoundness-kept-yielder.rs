use threadsafe_gen::{Yielder, generator};

// Out of the body, where the generator and it could be used at a time.
fn main() {
    let mut kept: Option<&mut Yielder<'_, u32>> = None;
    let items = generator(async |co| kept = Some(co));
    items.for_each(drop);
}
