use std::thread;

use threadsafe_gen::coroutine;

fn main() {
    let numbers = coroutine(async |co, ()| co.yield_(1).await);
    let numbers = numbers.threadsafe();
    let guard = numbers.lock();
    thread::scope(|scope| {
        scope.spawn(move || drop(guard));
    });
}
