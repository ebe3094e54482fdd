use threadsafe_gen::{Coroutine, threadsafe_generator};

#[threadsafe_generator]
fn numbers(n: u32) -> impl Coroutine<Yield = u32, Resume = (), Return = ()> {
    yield_!(std::future::ready(n).await);
}

fn main() {
    numbers(1).resume();
}
