use threadsafe_gen::{Yielder, generator};

// A lifetime with a bound is chosen where the function is named, so two bodies could be given the same.
async fn body<'id: 'id>(co: &mut Yielder<'id, u32>) {
    co.yield_(1).await;
}

fn main() {
    let _ = generator(body);
}
