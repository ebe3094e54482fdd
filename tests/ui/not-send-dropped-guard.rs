use std::sync::Mutex;

use threadsafe_gen::threadsafe_generator;

#[threadsafe_generator]
fn numbers(lock: &Mutex<Vec<u32>>) -> impl Iterator<Item = u32> {
    let numbers = lock.lock().unwrap();
    let count = numbers.len();
    drop(numbers);
    yield_!(count as u32);
}

fn main() {
    numbers(&Mutex::new(vec![])).close();
}
