use threadsafe_gen::{Coroutine, threadsafe_generator};

#[threadsafe_generator]
fn sum() -> impl Coroutine<Yield = u32, Resume = &'static str, Return = u32> {
    let mut sum: u32 = resumed_with!().parse()?;
    loop {
        sum += yield_!(sum).len() as u32;
    }
}

fn main() {
    sum().resume_with("1");
}
