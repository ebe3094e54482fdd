use std::rc::Rc;

use threadsafe_gen::threadsafe_generator;

#[threadsafe_generator]
pub fn numbers(n: u8) -> impl Iterator<Item = u8> {
    let shared = Rc::new(n);
    for n in (0..3).flat_map(|n| [n, *shared]) {
        yield_!(n);
    }
}

fn main() {}
