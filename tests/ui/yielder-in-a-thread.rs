use std::thread;

use threadsafe_gen::generator;

fn main() {
    generator(async |co| {
        thread::spawn(move || drop(co.yield_(1)));
    });
}
