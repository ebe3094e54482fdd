//! Helpers for the tests: a time limit, threads that start together, a source that the test controls step by step, and
//! a list of the methods that take an item.

use std::any::Any;
use std::env;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::sync::{Barrier, LazyLock};
use std::thread;
use std::time::Duration;

use threadsafe_gen::{ThreadsafeIter, TryNextError};

pub mod scripted;

/// The time after which a test is considered to hang: one minute, or the number of seconds in `TEST_LIMIT`.
static LIMIT: LazyLock<Duration> = LazyLock::new(|| {
    let seconds = env::var("TEST_LIMIT").map_or(60, |n| n.parse().expect("`TEST_LIMIT` is a number of seconds"));
    Duration::from_secs(seconds)
});

/// Runs a test on its own thread, and fails it if it does not end in time.
///
/// # Panics
///
/// If `test` panics, with its payload, or if it takes longer than the limit.
pub fn limited<R: Send + 'static>(test: impl FnOnce() -> R + Send + 'static) -> R {
    let (done, ended) = mpsc::channel();
    let thread = thread::spawn(move || {
        let result = test();
        // The receiver is gone if the limit has passed.
        let _ = done.send(());
        result
    });
    let hangs = ended.recv_timeout(*LIMIT) == Err(RecvTimeoutError::Timeout);
    assert!(!hangs, "the test has not ended after {:?}", *LIMIT);
    thread.join().unwrap_or_else(|payload| std::panic::resume_unwind(payload))
}

/// Runs `work` on `threads` threads that start together, and returns their results in the order of their indexes.
///
/// # Panics
///
/// If `work` panics on one of the threads, with its payload.
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

/// Returns the payload that `action` panics with.
///
/// # Panics
///
/// If `action` does not panic.
pub fn panic_of<R>(action: impl FnOnce() -> R) -> Box<dyn Any + Send> {
    catch_unwind(AssertUnwindSafe(action)).err().expect("the action should have panicked")
}

/// Returns the message that `action` panics with.
///
/// # Panics
///
/// If `action` does not panic, or panics with a payload that is not a string.
pub fn message_of<R>(action: impl FnOnce() -> R) -> String {
    match panic_of(action).downcast::<String>() {
        Ok(message) => *message,
        Err(payload) => (*payload.downcast::<&str>().expect("the payload should be a string")).to_owned(),
    }
}

/// A closure that one call of a [`gated`] source's `next` runs: it returns the item or panics.
pub type Order<T> = fn() -> Option<T>;

/// Controls a [`gated`] source.
#[derive(Debug)]
pub struct Gate<T> {
    entered: Receiver<()>,
    orders: Sender<Order<T>>,
}

/// Creates a source whose every `next` reports that it was called and then blocks until the gate sends it an order.
///
/// The source ends if the gate is dropped.
pub fn gated<T>() -> (Gate<T>, impl Iterator<Item = T> + Send) {
    let (enter, entered) = mpsc::channel();
    let (orders, next_order) = mpsc::channel::<Order<T>>();
    let source = std::iter::from_fn(move || {
        // If the gate is gone, sending fails, and receiving the order fails too, which ends the source.
        let _ = enter.send(());
        next_order.recv().ok()?()
    });
    (Gate { entered, orders }, source)
}

impl<T> Gate<T> {
    /// Blocks until the source's `next` has been called.
    ///
    /// # Panics
    ///
    /// If the source has been dropped.
    pub fn entered(&self) {
        self.entered.recv().expect("the source should not have been dropped");
    }

    /// Sends an order to one call of the source's `next`: the one that blocks now, or the next one.
    ///
    /// # Panics
    ///
    /// If the source has been dropped.
    pub fn let_in(&self, order: Order<T>) {
        self.orders.send(order).expect("the source should not have been dropped");
    }
}

/// Sleeps, so that threads that are about to call are probably blocked in the call. No assertion may depend on that.
pub fn settle() {
    thread::sleep(Duration::from_millis(30));
}

/// A boxed source, so that sources of different types can be used by the same function.
pub type Source = Box<dyn Iterator<Item = u64> + Send>;

/// A function that takes one item and blocks until there is one.
pub type Pull = fn(&ThreadsafeIter<Source>) -> Option<u64>;

/// Every method that takes an item through a shared reference, with its name.
///
/// Each panics if the iterator is poisoned. A method that returns an error panics with the text of the error.
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
                Err(TryNextError::WouldBlock) => thread::yield_now(),
                Err(error) => panic!("{error}"),
            }
        }
    }),
];
