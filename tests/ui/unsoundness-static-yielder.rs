use threadsafe_gen::{Yielder, generator};

// A body for the yielders of one lifetime, whichever it is, is no body.
async fn body(co: &mut Yielder<'static, u32>) {
    co.yield_(1).await;
}

fn main() {
    let _ = generator(body);
}
