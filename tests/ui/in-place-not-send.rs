use std::rc::Rc;
use std::thread;

use threadsafe_gen::generator;

fn main() {
    let numbers = generator! {
        let shared = Rc::new(1);
        yield 1;
        yield *shared;
    };
    let numbers = numbers.threadsafe();
    thread::scope(|scope| {
        scope.spawn(|| numbers.next());
    });
}
