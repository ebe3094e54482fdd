use std::rc::Rc;

use threadsafe_gen::threadsafe_generator;

#[threadsafe_generator]
fn numbers(n: Rc<u32>) -> impl Iterator<Item = u32> {
    yield_!(*n);
}

fn main() {
    numbers(Rc::new(1)).close();
}
