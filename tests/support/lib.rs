//! What the tests share: a limit on their time, threads that really meet, a source that waits to be told what to do, and
//! every way to take an item.

use std::any::Any;
use std::env;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::sync::{Barrier, LazyLock};
use std::thread;
use std::time::Duration;

use threadsafe_gen::{ThreadsafeIter, TryNextError};

/// How long a test may take before it counts as one that hangs: a minute, or as many seconds as `TEST_LIMIT` says.
static LIMIT: LazyLock<Duration> = LazyLock::new(|| {
    let seconds = env::var("TEST_LIMIT").map_or(60, |n| n.parse().expect("`TEST_LIMIT` is a number of seconds"));
    Duration::from_secs(seconds)
});

/// Runs a test on a thread of its own, and fails it if it does not end.
///
/// # Panics
///
/// If `test` panics, with its payload, or if it takes longer than the limit.
pub fn limited<R: Send + 'static>(test: impl FnOnce() -> R + Send + 'static) -> R {
    let (done, ended) = mpsc::channel();
    let thread = thread::spawn(move || {
        let result = test();
        // Nobody listens any more if the limit has passed.
        let _ = done.send(());
        result
    });
    let hangs = ended.recv_timeout(*LIMIT) == Err(RecvTimeoutError::Timeout);
    assert!(!hangs, "the test has not ended after {:?}", *LIMIT);
    thread.join().unwrap_or_else(|payload| std::panic::resume_unwind(payload))
}

/// Runs `work` on `threads` threads that start together, and returns what each of them returned.
///
/// # Panics
///
/// If `work` panics on one of them, with its payload.
pub fn together<R: Send>(threads: usize, work: impl Fn(usize) -> R + Sync) -> Vec<R> {
    let start = Barrier::new(threads);
    thread::scope(|scope| {
        let workers: Vec<_> = (0..threads)
            .map(|index| {
                let (start, work) = (&start, &work);
                scope.spawn(move || {
                    start.wait();
                    work(index)
                })
            })
            .collect();
        workers
            .into_iter()
            .map(|worker| worker.join().unwrap_or_else(|payload| std::panic::resume_unwind(payload)))
            .collect()
    })
}

/// What `action` panics with.
///
/// # Panics
///
/// If it does not.
pub fn panic_of<R>(action: impl FnOnce() -> R) -> Box<dyn Any + Send> {
    catch_unwind(AssertUnwindSafe(action)).err().expect("there should have been a panic")
}

/// The message that `action` panics with.
///
/// # Panics
///
/// If it does not, or not with a message.
pub fn message_of<R>(action: impl FnOnce() -> R) -> String {
    match panic_of(action).downcast::<String>() {
        Ok(message) => *message,
        Err(payload) => (*payload.downcast::<&str>().expect("the panic should have a message")).to_owned(),
    }
}

/// What a [`gated`] source does when it is let through.
pub type Order<T> = fn() -> Option<T>;

/// The other end of a [`gated`] source.
#[derive(Debug)]
pub struct Gate<T> {
    entered: Receiver<()>,
    orders: Sender<Order<T>>,
}

/// A source whose every `next` waits at a gate to be told what to do; it ends if the gate is dropped.
pub fn gated<T>() -> (Gate<T>, impl Iterator<Item = T> + Send) {
    let (enter, entered) = mpsc::channel();
    let (orders, next_order) = mpsc::channel::<Order<T>>();
    let source = std::iter::from_fn(move || {
        // Nobody listens any more if the gate is gone, and then there is no order either.
        let _ = enter.send(());
        next_order.recv().ok()?()
    });
    (Gate { entered, orders }, source)
}

impl<T> Gate<T> {
    /// Waits until a `next` stands at the gate.
    ///
    /// # Panics
    ///
    /// If the source is gone.
    pub fn entered(&self) {
        self.entered.recv().expect("the source should be there");
    }

    /// Lets one `next` through, the one at the gate or the one to come.
    ///
    /// # Panics
    ///
    /// If the source is gone.
    pub fn let_in(&self, order: Order<T>) {
        self.orders.send(order).expect("the source should be there");
    }
}

/// Gives the threads that are about to call time to be waiting inside. No assertion may need that they are.
pub fn settle() {
    thread::sleep(Duration::from_millis(30));
}

/// A source of which only the items are known.
pub type Source = Box<dyn Iterator<Item = u64> + Send>;

/// A way to take one item, waiting for it.
pub type Pull = fn(&ThreadsafeIter<Source>) -> Option<u64>;

/// Every way to take an item by a shared reference, with its name.
///
/// They panic if the iterator has panicked, those that return errors with the error's text.
pub const PULLS: [(&str, Pull); 6] = [
    ("next", ThreadsafeIter::next),
    ("next_indexed", |iter| iter.next_indexed().map(|(_, item)| item)),
    ("lock", |iter| iter.lock().next()),
    ("iter", |iter| Iterator::next(&mut iter.iter())),
    ("next_timeout", |iter| iter.next_timeout(Duration::MAX).unwrap_or_else(|error| panic!("{error}"))),
    ("try_next", |iter| {
        loop {
            match iter.try_next() {
                Ok(item) => return item,
                Err(TryNextError::AlreadyExecuting) => thread::yield_now(),
                Err(error) => panic!("{error}"),
            }
        }
    }),
];
