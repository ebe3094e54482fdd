use threadsafe_gen::{Coroutine, threadsafe_generator};

#[threadsafe_generator]
fn doubled() -> impl Coroutine<Yield = u32, Resume = u32, Return = ()> {
    let n = yield_!(resumed_with!());
    yield_!(n.to_string());
}

fn main() {
    doubled().resume_with(1);
}
