use threadsafe_gen::{Yielder, generator};

// Nor can a function that is generic over the lifetime ask for a body of it.
fn make<'id, B: AsyncFnOnce(&mut Yielder<'id, u32>)>(body: B) {
    let _ = generator(body);
}

fn main() {
    make(async |co| co.yield_(1).await);
}
