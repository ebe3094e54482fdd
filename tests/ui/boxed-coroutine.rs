use threadsafe_gen::{Coroutine, threadsafe_generator};

#[threadsafe_generator]
fn numbers(n: u32) -> Box<dyn Coroutine<Yield = u32, Resume = (), Return = ()>> {
    yield_!(n);
}

fn main() {
    numbers(1).resume();
}
