//! Items that are counted, panics that are planned, and a gate at which threads start together.

use std::any::Any;
use std::panic;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};

/// The number of items that have not been dropped.
#[derive(Clone, Default)]
pub(crate) struct Count(Arc<AtomicUsize>);

impl Count {
    pub(crate) fn item(&self, number: usize) -> Item {
        self.0.fetch_add(1, Ordering::Relaxed);
        Item { number: Box::new(number), count: self.clone() }
    }

    /// Waits until all items are dropped, by threads that are not joined.
    pub(crate) fn wait_until_none_left(&self) {
        let start = Instant::now();
        while self.0.load(Ordering::Relaxed) > 0 {
            assert!(start.elapsed() < Duration::from_secs(20), "some items were never dropped");
            thread::yield_now();
        }
    }

    pub(crate) fn assert_none_left(&self) {
        assert_eq!(self.0.load(Ordering::Relaxed), 0, "some items were never dropped");
    }
}

/// A number on the heap, so that a sanitizer detects an item that is dropped twice or never.
pub(crate) struct Item {
    number: Box<usize>,
    count: Count,
}

impl Item {
    pub(crate) fn number(&self) -> usize {
        *self.number
    }
}

impl Clone for Item {
    fn clone(&self) -> Self {
        self.count.item(self.number())
    }
}

impl Drop for Item {
    fn drop(&mut self) {
        self.count.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The message of a planned panic of a source.
const PLANNED: &str = "a planned panic";

pub(crate) fn planned_panic() -> ! {
    panic!("{PLANNED}");
}

/// Accepts a planned panic of the source, and the panic of a later call that reports it. Propagates every other panic.
pub(crate) fn check_panic(payload: Box<dyn Any + Send>) {
    if !is_planned(&*payload) {
        panic::resume_unwind(payload);
    }
}

fn is_planned(payload: &dyn Any) -> bool {
    let text = payload.downcast_ref::<String>().map(String::as_str).or(payload.downcast_ref::<&str>().copied());
    text.is_some_and(|text| text == PLANNED || text.ends_with(&format!(" panicked earlier: {PLANNED}")))
}

/// Suppresses the messages of planned panics.
pub(crate) fn silence_planned_panics() {
    let print = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        if !is_planned(info.payload()) {
            print(info);
        }
    }));
}

/// A barrier for a number of threads.
#[derive(Clone)]
pub(crate) struct Gate(Arc<(Mutex<usize>, Condvar)>);

impl Gate {
    pub(crate) fn new(threads: usize) -> Self {
        Self(Arc::new((Mutex::new(threads), Condvar::new())))
    }

    pub(crate) fn wait(&self) {
        let (missing, arrived) = &*self.0;
        let mut missing = missing.lock();
        *missing -= 1;
        arrived.notify_all();
        arrived.wait_while(&mut missing, |missing| *missing > 0);
    }
}
