//! What is to hold, whatever the interleaving.
//!
//! A scenario has two threads, or three, of which one is the test's own. Each is as short as it can be and still race: what is explored
//! grows with the number of steps to the power of the number of threads.

mod buffered;
mod close;
mod lock;
mod pairs;
mod panic;
#[cfg(feature = "stream")]
mod stream;
mod take;
mod tee;

use std::panic::resume_unwind;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::Relaxed;

use super::backend::spawn;
use crate::ThreadsafeIter;

/// What became of a source and its items. None of it orders anything or is a step of its own.
#[derive(Default)]
struct Log {
    made: AtomicUsize,
    dropped: AtomicUsize,
    sources_dropped: AtomicUsize,
}

impl Log {
    fn source_is_dropped(&self) -> bool {
        self.sources_dropped.load(Relaxed) == 1
    }

    /// How many items there are that nobody has dropped.
    fn alive(&self) -> usize {
        self.made.load(Relaxed) - self.dropped.load(Relaxed)
    }

    /// After everything has been dropped: nothing leaked, and nothing dropped twice.
    fn settle(&self) {
        assert_eq!(self.alive(), 0, "an item has leaked");
        assert_eq!(self.sources_dropped.load(Relaxed), 1, "the source should be dropped, once");
    }
}

/// An item, which is counted.
struct Item {
    index: usize,
    log: Arc<Log>,
}

impl Item {
    fn new(index: usize, log: &Arc<Log>) -> Self {
        log.made.fetch_add(1, Relaxed);
        Self { index, log: Arc::clone(log) }
    }
}

impl Clone for Item {
    fn clone(&self) -> Self {
        Self::new(self.index, &self.log)
    }
}

impl Drop for Item {
    fn drop(&mut self) {
        self.log.dropped.fetch_add(1, Relaxed);
    }
}

/// How a source ends.
#[derive(Clone, Copy, PartialEq)]
enum End {
    None,
    Panic,
}

/// A source of a few items.
struct Source {
    next: usize,
    items: usize,
    end: End,
    log: Arc<Log>,
}

impl Source {
    fn new(items: usize, end: End) -> (Self, Arc<Log>) {
        let log = Arc::new(Log::default());
        (Self { next: 0, items, end, log: Arc::clone(&log) }, log)
    }

    /// Behind the lock, for threads to share.
    fn shared(items: usize, end: End) -> (Arc<ThreadsafeIter<Self>>, Arc<Log>) {
        let (source, log) = Self::new(items, end);
        (Arc::new(ThreadsafeIter::new(source)), log)
    }
}

impl Iterator for Source {
    type Item = Item;

    fn next(&mut self) -> Option<Item> {
        if self.next == self.items {
            if self.end == End::Panic {
                // Without the hook, which would print it for every schedule.
                resume_unwind(Box::new("the source's own"));
            }
            return None;
        }
        self.next += 1;
        Some(Item::new(self.next - 1, &self.log))
    }
}

impl Drop for Source {
    fn drop(&mut self) {
        self.log.sources_dropped.fetch_add(1, Relaxed);
    }
}

/// Runs both at a time, the second on the test's own thread.
fn both<A: Send + 'static, B>(one: impl FnOnce() -> A + Send + 'static, other: impl FnOnce() -> B) -> (A, B) {
    let one = spawn(one);
    let other = other();
    (one.join().unwrap(), other)
}

/// Takes items to the end.
fn drain(items: impl Iterator<Item = Item>) -> Vec<usize> {
    items.map(|item| item.index).collect()
}

/// All of them, in order.
fn sorted(parts: impl IntoIterator<Item = Vec<usize>>) -> Vec<usize> {
    let mut all: Vec<_> = parts.into_iter().flatten().collect();
    all.sort_unstable();
    all
}
