use threadsafe_gen::{Coroutine, threadsafe_generator};

#[threadsafe_generator]
pub fn sums() -> impl Coroutine<Yield = u8, Resume = u8, Return = ()> {
    let a = resumed_with!();
    yield_!(a);
    let b = resumed_with!();
    yield_!(a + b);
}

fn main() {}
