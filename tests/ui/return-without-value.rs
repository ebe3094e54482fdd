use threadsafe_gen::{Coroutine, threadsafe_generator};

#[threadsafe_generator]
fn doubled() -> impl Coroutine<Yield = u32, Resume = u32, Return = u32> {
    let n = yield_!(2 * resumed_with!());
    if n == 0 {
        return;
    }
    n
}

fn main() {
    doubled().resume_with(1);
}
