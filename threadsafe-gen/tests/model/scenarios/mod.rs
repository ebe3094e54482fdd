//! The properties that must hold in every interleaving.
//!
//! A scenario has two or three threads, one of which is the test's own. Each thread makes as few steps as the race
//! needs, because the number of interleavings grows exponentially with the number of steps.

mod buffered;
mod close;
mod lock;
mod ordered;
mod pairs;
mod panic;
mod parallel;
mod prefetch;
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

/// Counts a source's items and drops. These counters order nothing, and are not steps for the backend.
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

    /// The number of items that have not been dropped.
    fn alive(&self) -> usize {
        self.made.load(Relaxed) - self.dropped.load(Relaxed)
    }

    /// Checks, after everything was dropped, that nothing leaked and nothing was dropped twice.
    fn settle(&self) {
        assert_eq!(self.alive(), 0, "an item has leaked");
        assert_eq!(self.sources_dropped.load(Relaxed), 1, "the source was not dropped exactly once");
    }
}

/// A counted item.
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

/// The way a source ends.
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

    /// Creates a source under a lock, for threads to share.
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
                // Does not call the panic hook, which would print a message for every schedule.
                resume_unwind(Box::new("the source panicked"));
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

/// Runs both concurrently, the second on the test's own thread.
fn both<A: Send + 'static, B>(one: impl FnOnce() -> A + Send + 'static, other: impl FnOnce() -> B) -> (A, B) {
    let one = spawn(one);
    let other = other();
    (one.join().unwrap(), other)
}

/// Takes all items, up to the end.
fn drain(items: impl Iterator<Item = Item>) -> Vec<usize> {
    items.map(|item| item.index).collect()
}

/// Returns the indexes of all parts, sorted.
fn sorted(parts: impl IntoIterator<Item = Vec<usize>>) -> Vec<usize> {
    let mut all: Vec<_> = parts.into_iter().flatten().collect();
    all.sort_unstable();
    all
}
