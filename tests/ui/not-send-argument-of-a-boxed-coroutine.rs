use std::rc::Rc;

use threadsafe_gen::{Coroutine, threadsafe_generator};

#[threadsafe_generator]
pub fn numbers(n: Rc<u8>) -> Box<dyn Coroutine<Yield = u8, Resume = (), Return = ()>> {
    yield_!(*n);
}

fn main() {}
