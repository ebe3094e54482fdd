use std::rc::Rc;
use std::thread;

use threadsafe_gen::ThreadsafeIter;

fn main() {
    let shared = Rc::new(1);
    let numbers = ThreadsafeIter::new((0..10).map(move |n| n + *shared));
    thread::scope(|scope| {
        scope.spawn(|| numbers.next());
    });
}
