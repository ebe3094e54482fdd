use threadsafe_gen::{Coroutine, threadsafe_generator};

#[threadsafe_generator]
pub fn functions(n: u8) -> impl Coroutine<Yield = Box<dyn Fn() -> u8>, Resume = (), Return = ()> {
    yield_!(Box::new(move || n));
}

fn main() {}
