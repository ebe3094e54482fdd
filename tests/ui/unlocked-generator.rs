use std::thread;

use threadsafe_gen::generator;

fn main() {
    let mut numbers = generator(async |co| co.yield_from(1_u64..).await);
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| numbers.next());
        }
    });
}
