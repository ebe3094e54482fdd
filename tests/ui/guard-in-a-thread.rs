use std::thread;

use threadsafe_gen::ThreadsafeIter;

fn main() {
    let numbers = ThreadsafeIter::new(0..10);
    let guard = numbers.lock();
    thread::scope(|scope| {
        scope.spawn(move || drop(guard));
    });
}
