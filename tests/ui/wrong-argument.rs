use threadsafe_gen::{Coroutine, threadsafe_generator};

#[threadsafe_generator]
fn doubled() -> impl Coroutine<Yield = u32, Resume = u32, Return = ()> {
    let mut n = resumed_with!();
    loop {
        n = yield_!(2 * n);
    }
}

fn main() {
    doubled().resume_with("one");
}
