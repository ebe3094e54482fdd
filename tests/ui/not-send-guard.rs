use std::sync::Mutex;

use threadsafe_gen::threadsafe_generator;

#[threadsafe_generator]
fn numbers(lock: &Mutex<Vec<u32>>) -> impl Iterator<Item = u32> {
    let numbers = lock.lock().unwrap();
    for &n in &*numbers {
        yield_!(n);
    }
}

fn main() {
    numbers(&Mutex::new(vec![])).close();
}
