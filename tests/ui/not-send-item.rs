use std::rc::Rc;

use threadsafe_gen::threadsafe_generator;

#[threadsafe_generator]
fn numbers() -> impl Iterator<Item = Rc<u32>> {
    yield_!(Rc::new(1));
}

fn main() {
    numbers().close();
}
