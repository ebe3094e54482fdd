use threadsafe_gen::{Coroutine, threadsafe_generator};

#[threadsafe_generator]
pub fn numbers() -> impl Coroutine<Yield = u8, Resume = u8, Return = u8> {
    let mut n = threadsafe_gen::resumed_with!();
    while n > 0 {
        n = yield_!(n);
    }
    n
}

fn main() {}
