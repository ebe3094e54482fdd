use threadsafe_gen::{Coroutine, threadsafe_generator};

#[threadsafe_generator]
fn numbers(n: u32) -> impl Coroutine<Yield = u32, Return = ()> + Send {
    yield_!(n);
}

fn main() {
    numbers(1).close();
}
