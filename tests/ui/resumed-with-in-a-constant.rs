use threadsafe_gen::{Coroutine, threadsafe_generator};

#[threadsafe_generator]
pub fn numbers() -> impl Coroutine<Yield = u8, Resume = u8, Return = ()> {
    const FIRST: u8 = resumed_with!();
    yield_!(FIRST + resumed_with!());
}

fn main() {}
