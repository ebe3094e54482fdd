use threadsafe_gen::{Coroutine, threadsafe_generator};

#[threadsafe_generator]
fn doubled() -> impl Coroutine<Yield = u32, Resume = u32, Return = u32> {
    fn twice() -> u32 {
        2 * resumed_with!()
    }
    yield_!(twice())
}

fn main() {
    doubled().resume_with(1);
}
