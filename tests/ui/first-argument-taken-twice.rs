use threadsafe_gen::{Coroutine, threadsafe_generator};

#[threadsafe_generator]
fn lengths() -> impl Coroutine<Yield = usize, Resume = String, Return = String> {
    let mut longest = resumed_with!();
    loop {
        let word = yield_!(resumed_with!().len());
        if word.len() > longest.len() {
            longest = word;
        } else {
            return longest;
        }
    }
}

fn main() {
    lengths().resume_with("one".into());
}
