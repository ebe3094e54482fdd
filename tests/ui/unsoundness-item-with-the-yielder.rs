use threadsafe_gen::{Yielder, coroutine, generator};

// Out of the body as an item of a generator that the body did not make.
fn main() {
    let place = coroutine(async |co, mut reply: Option<&mut Yielder<'_, u32>>| {
        loop {
            reply = co.yield_(reply).await;
        }
    });
    let place = place.threadsafe();
    generator(async |co| drop(place.resume_with(Some(co)))).for_each(drop);
}
