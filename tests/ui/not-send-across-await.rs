use std::rc::Rc;

use threadsafe_gen::{Stream, threadsafe_generator};

#[threadsafe_generator]
fn numbers(n: u32) -> impl Stream<Item = u32> {
    let shared = Rc::new(n);
    let m = std::future::ready(n).await;
    yield_!(*shared + m);
}

fn main() {
    numbers(1).close();
}
