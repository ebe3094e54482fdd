use threadsafe_gen::{Coroutine, threadsafe_generator};

#[threadsafe_generator]
fn lengths() -> impl Coroutine<Yield = usize, Resume = u32, Return = ()> {
    let words: Vec<u32> = resumed_with!();
    yield_!(words.len());
}

fn main() {
    lengths().resume_with(1);
}
