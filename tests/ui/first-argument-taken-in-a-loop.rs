use threadsafe_gen::{Coroutine, threadsafe_generator};

#[threadsafe_generator]
fn ids() -> impl Coroutine<Yield = u64, Resume = u64, Return = ()> {
    let mut next = 0;
    loop {
        next += resumed_with!();
        yield_!(next);
    }
}

fn main() {
    ids();
}
