use threadsafe_gen::{Coroutine, threadsafe_generator};

#[threadsafe_generator]
fn doubled() -> impl Coroutine<Yield = u32, Resume = u32, Return = ()> {
    let n = resumed_with!();
    let words: Vec<u32> = yield_!(2 * n);
    drop(words);
}

fn main() {
    doubled().resume_with(1);
}
