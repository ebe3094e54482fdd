//! [`Leftovers`]: the items that consumers took, did not return, and put back.

use std::mem;
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use std::vec;

use crate::lock::Status;
use crate::sync::{AtomicUsize, Mutex};

/// Items that consumers put back, in the source's order.
///
/// They have a mutex of their own, so that a consumer can be dropped while the source is in a slow call, or within that
/// call. It is held for a few steps at a time, however many items there are: a run of items is put back, and dropped,
/// as a whole. A bit of the [`Status`], which every call reads in any case, says whether there are any.
pub(crate) struct Leftovers<T> {
    runs: Mutex<Runs<T>>,
    /// The number of consumers that may still put items back.
    consumers: AtomicUsize,
}

/// Runs of items with consecutive indexes. None is empty.
struct Runs<T> {
    /// The first run last. A consumer takes the first run, if there is one, before it takes items of the source, so
    /// that there are never more runs than there were consumers at a time.
    by_end: Vec<Run<T>>,
    /// The number of items in all of them.
    items: usize,
}

struct Run<T> {
    /// The index after the last item, which does not change while items are taken from the front.
    end: usize,
    items: vec::IntoIter<T>,
}

impl<T> Leftovers<T> {
    pub(crate) const fn new() -> Self {
        Self { runs: Mutex::new(Runs { by_end: Vec::new(), items: 0 }), consumers: AtomicUsize::new(0) }
    }

    /// Counts a consumer until the returned guard is dropped.
    pub(crate) fn add_consumer(&self) -> ConsumerGuard<'_, T> {
        self.consumers.fetch_add(1, Relaxed);
        ConsumerGuard(self)
    }

    /// Takes the first item, with its index.
    pub(crate) fn take(&self, status: &Status) -> Option<(usize, T)> {
        if !status.has_leftovers() {
            return None;
        }
        let mut runs = self.runs.lock();
        let first = runs.pop_first();
        status.set_leftovers(runs.items > 0);
        first
    }

    /// Takes up to `size` items of the first run into `buffer`, which is empty, and returns the index after the last.
    #[inline]
    pub(crate) fn take_run(&self, status: &Status, buffer: &mut Vec<T>, size: usize) -> Option<usize> {
        if status.has_leftovers() { self.take_run_slow(status, buffer, size) } else { None }
    }

    #[cold]
    fn take_run_slow(&self, status: &Status, buffer: &mut Vec<T>, size: usize) -> Option<usize> {
        let mut runs = self.runs.lock();
        let (end, whole) = runs.take_run(buffer, size)?;
        status.set_leftovers(runs.items > 0);
        drop(runs);
        // Converted after the mutex is released: the items move if some were taken from the front before.
        if let Some(whole) = whole {
            *buffer = whole.collect();
        }
        Some(end)
    }

    /// Puts back items with consecutive indexes, unless the iterator is closed or poisoned.
    ///
    /// `end` is the index after the last item.
    pub(crate) fn put(&self, status: &Status, end: usize, mut run: Vec<T>) {
        if run.is_empty() {
            return;
        }
        // A large buffer with few items in it would keep its memory until they are taken.
        if run.len() < run.capacity() / 2 {
            run.shrink_to_fit();
        }
        let mut runs = self.runs.lock();
        // Checked under this mutex, under which `take_all` comes after a `close`: one of the two sees the other.
        if status.accepts_returns() {
            runs.items += run.len();
            let position = runs.by_end.partition_point(|run| run.end > end);
            runs.by_end.insert(position, Run { end, items: run.into_iter() });
            status.set_leftovers(true);
        }
    }

    /// Takes all items, for the caller of `close` to drop.
    pub(crate) fn take_all(&self, status: &Status) -> impl Sized + use<T> {
        let mut runs = self.runs.lock();
        status.set_leftovers(false);
        runs.items = 0;
        mem::take(&mut runs.by_end)
    }

    /// Returns the number of items and whether more may be put back, or `None` if there can be none any more.
    ///
    /// Hold the source's lock for a consistent bound, so that no item passes from the source to here uncounted.
    pub(crate) fn len(&self, status: &Status) -> Option<(usize, bool)> {
        // Both under the mutex, since the items of a consumer that is no longer counted are put back by then.
        let runs = self.runs.lock();
        let consumers = self.consumers.load(Acquire) > 0;
        (!status.is_finished() || consumers).then_some((runs.items, consumers))
    }
}

impl<T> Runs<T> {
    fn pop_first(&mut self) -> Option<(usize, T)> {
        let Run { end, items } = self.by_end.last_mut()?;
        let item = items.next()?;
        let index = *end - items.len() - 1;
        if items.len() == 0 {
            self.by_end.pop();
        }
        self.items -= 1;
        Some((index, item))
    }

    /// Takes the first run whole, or its first `size` items into `buffer`; see [`Leftovers::take_run`].
    fn take_run(&mut self, buffer: &mut Vec<T>, size: usize) -> Option<(usize, Option<vec::IntoIter<T>>)> {
        let Run { end, items } = self.by_end.last_mut()?;
        let len = items.len();
        if len > size {
            buffer.extend(items.take(size));
            self.items -= size;
            return Some((*end - (len - size), None));
        }
        self.items -= len;
        self.by_end.pop().map(|run| (run.end, Some(run.items)))
    }
}

/// A consumer that may put items back, counted in [`Leftovers`] until this is dropped.
pub(crate) struct ConsumerGuard<'a, T>(&'a Leftovers<T>);

impl<T> Drop for ConsumerGuard<'_, T> {
    fn drop(&mut self) {
        self.0.consumers.fetch_sub(1, Release);
    }
}
