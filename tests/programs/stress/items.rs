//! What is handed around: items that are counted, panics that are planned, and a gate for threads to start at.

use std::any::Any;
use std::panic;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::{Condvar, Mutex};

/// How many items there are that have not been dropped.
#[derive(Clone, Default)]
pub(crate) struct Count(Arc<AtomicUsize>);

impl Count {
    pub(crate) fn item(&self, number: usize) -> Item {
        self.0.fetch_add(1, Ordering::Relaxed);
        Item { number: Box::new(number), count: self.clone() }
    }

    pub(crate) fn assert_none_left(&self) {
        assert_eq!(self.0.load(Ordering::Relaxed), 0, "items that were never dropped");
    }
}

/// A number on the heap, where a sanitizer sees it dropped twice, or never.
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

/// What a source panics with when it is to panic.
const PLANNED: &str = "a planned panic";

pub(crate) fn planned_panic() -> ! {
    panic!("{PLANNED}");
}

/// Whether a call panicked in the way it should: with the source's own panic, or with the news of it. What else there is goes on.
pub(crate) fn check_panic(payload: Box<dyn Any + Send>) {
    if !is_planned(&*payload) {
        panic::resume_unwind(payload);
    }
}

fn is_planned(payload: &dyn Any) -> bool {
    let text = payload.downcast_ref::<String>().map(String::as_str).or(payload.downcast_ref::<&str>().copied());
    text.is_some_and(|text| text == PLANNED || text.ends_with(&format!(" panicked earlier: {PLANNED}")))
}

/// Leaves out the messages of panics that are planned.
pub(crate) fn silence_planned_panics() {
    let print = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        if !is_planned(info.payload()) {
            print(info);
        }
    }));
}

/// Where threads wait until all of them are there.
#[derive(Clone)]
pub(crate) struct Gate(Arc<(Mutex<usize>, Condvar)>);

impl Gate {
    pub(crate) fn new(threads: usize) -> Self {
        Self(Arc::new((Mutex::new(threads), Condvar::new())))
    }

    pub(crate) fn wait(&self) {
        let (missing, all_there) = &*self.0;
        let mut missing = missing.lock();
        *missing -= 1;
        all_there.notify_all();
        all_there.wait_while(&mut missing, |missing| *missing > 0);
    }
}
