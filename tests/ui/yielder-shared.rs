use std::thread;

use threadsafe_gen::generator;

fn main() {
    generator(async |co| {
        let shared = &*co;
        thread::scope(|scope| {
            scope.spawn(|| drop(shared));
        });
        co.yield_(1).await;
    });
}
