use std::pin::pin;
use std::task::{Context, Waker};
use std::thread;

use threadsafe_gen::generator;

// The future of a yield on a thread that may outlive the body.
fn main() {
    let items = generator(async |co| {
        let yielded = co.yield_(1);
        thread::spawn(|| pin!(yielded).poll(&mut Context::from_waker(Waker::noop())));
    });
    items.for_each(drop);
}
