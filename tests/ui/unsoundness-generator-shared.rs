use std::thread;

use threadsafe_gen::generator;

fn main() {
    let items = generator(async |co| co.yield_(1).await);
    thread::scope(|s| {
        s.spawn(|| println!("{:?}", &items));
    });
}
