use std::rc::Rc;

use threadsafe_gen::threadsafe_generator;

#[threadsafe_generator]
fn numbers(n: u32) -> impl Iterator<Item = u32> {
    let shared = Rc::new(n);
    yield_!(n);
    yield_!(*shared);
}

fn main() {
    numbers(1).close();
}
