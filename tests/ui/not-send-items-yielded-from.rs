use std::rc::Rc;

use threadsafe_gen::threadsafe_generator;

#[threadsafe_generator]
pub fn numbers(n: u8) -> impl Iterator<Item = u8> {
    let shared = Rc::new(n);
    yield_from!((0..3).map(|n| n + *shared));
}

fn main() {}
