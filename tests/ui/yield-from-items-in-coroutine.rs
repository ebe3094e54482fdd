use threadsafe_gen::{Coroutine, threadsafe_generator};

#[threadsafe_generator]
fn numbers() -> impl Coroutine<Yield = u32, Resume = u32, Return = u32> {
    let first = resumed_with!();
    yield_from!([first, first + 1]);
    first
}

fn main() {
    numbers().resume_with(1);
}
