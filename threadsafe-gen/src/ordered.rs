//! [`ParallelMap`]: many threads process items, and the results come in the order of the items.
//!
//! The results pass through a ring of slots. A slot is `FREE`, then `TAKEN` while its item is processed, then `DONE`
//! until the consumer has taken the result. The worker that holds the source waits until the next slot is free, takes
//! that slot and calls the source. So the slots have the order of the items, and as many items are taken and not
//! returned as there are slots at most. Each slot has a mutex of its own, which at most two threads use at a time.
//!
//! Two threads can sleep at a slot: the consumer until it is `DONE`, and the worker that holds the source until it is
//! `FREE`. They check the state under the slot's mutex before they sleep, and the state changes to `DONE` and `FREE`
//! under that mutex, so no wake-up is lost.
//!
//! The consumer does not wake the worker for each slot that becomes free, which would cost cheap items more than they
//! do. It wakes the worker when half of the slots are free, and before it sleeps itself.
//!
//! # The source
//!
//! A worker that releases the source often comes back at once, because its item was cheap. To wake another worker each
//! time would cost more than the item. Therefore at most one worker waits for the mutex of the source, and the others
//! wait for their turn to do that. A worker that finds the mutex free takes it without such a turn.
//!
//! # The end
//!
//! The source is dropped at its end, and the slot of the missing item has [`Outcome::End`]. After a panic of the
//! function nothing more is pulled (`ENDING`), and the items that were taken are processed, because the consumer waits
//! for those before the panic. When the consumer is dropped or has returned a panic, no result is wanted any more
//! (`STOPPED`).

use std::any::Any;
use std::fmt;
use std::iter::FusedIterator;
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};

use crate::sync::{Arc, AtomicU8, Condvar, Mutex, MutexGuard, spin_until};

/// The consumer has taken the result that was in the slot.
const FREE: u8 = 0;
/// A worker calls the source for the item of the slot, or processes the item.
const TAKEN: u8 = 1;
/// The outcome is there.
const DONE: u8 = 2;

/// The bit of a phase in which nothing more is to be pulled.
const ENDING: u8 = 1;
/// The bit of a phase in which, besides, no result is wanted any more.
const STOPPED: u8 = 2;

/// The results of [`parallel_map`](crate::ThreadsafeExt::parallel_map) and
/// [`parallel_map_scoped`](crate::ThreadsafeExt::parallel_map_scoped), in the order of the items.
///
/// When it is dropped, the workers stop after the item that they are at. Nothing waits for them.
///
/// # Examples
///
/// ```
/// use threadsafe_gen::{ParallelMap, ThreadsafeExt};
///
/// let squares: ParallelMap<u64> = (1..=10).parallel_map(4, |n| n * n);
/// assert_eq!(squares.sum::<u64>(), 385);
/// ```
#[must_use = "the workers stop when this is dropped"]
pub struct ParallelMap<T> {
    results: Arc<Results<T>>,
    /// The slot of the next result.
    place: usize,
    /// The size hint of the source at the start.
    hint: (usize, Option<usize>),
    /// The number of results that were returned.
    returned: usize,
    sleeper: Option<Sleeper>,
    has_panicked: bool,
}

/// A worker that waits for room although there is some now.
struct Sleeper {
    /// The slot at which it waits.
    place: usize,
    /// The number of results that may be returned before it is woken.
    results: usize,
}

/// The state that the workers and the consumer share.
struct Results<T> {
    slots: Box<[Slot<T>]>,
    /// `ENDING`, `STOPPED`, both or 0. `STOPPED` stays.
    phase: AtomicU8,
}

/// On cache lines of its own: two threads write to neighbouring slots at the same time.
#[repr(align(128))]
struct Slot<T> {
    state: AtomicU8,
    contents: Mutex<Contents<T>>,
    /// Notified when the state has become `DONE`, and some time after it has become `FREE`.
    changed: Condvar,
}

struct Contents<T> {
    outcome: Option<Outcome<T>>,
    /// A worker waits until the slot is free.
    worker_waits: bool,
}

/// What there is in the place of an item.
enum Outcome<T> {
    Result(T),
    /// The payload of a panic of the function or of the source.
    Panic(Box<dyn Any + Send>),
    /// There is no such item.
    End,
}

/// One of the threads that process items. `I` is the source, `F` the function.
pub(crate) struct Worker<I, F, T> {
    source: Arc<SharedSource<I>>,
    function: F,
    results: Arc<Results<T>>,
}

struct SharedSource<I> {
    source: Mutex<Source<I>>,
    /// Held by the one worker that waits for the mutex above.
    turn: Mutex<()>,
}

struct Source<I> {
    /// `None` after the end.
    iter: Option<I>,
    /// The slot of the next item.
    place: usize,
}

/// Creates the workers, and the consumer of their results.
///
/// # Panics
///
/// If `threads` is 0.
#[track_caller]
pub(crate) fn workers<I, F, T>(iter: I, threads: usize, function: F) -> (Vec<Worker<I, F, T>>, ParallelMap<T>)
where
    I: Iterator,
    F: FnMut(I::Item) -> T + Clone,
{
    assert!(threads > 0, "the number of threads must be non-zero");
    let slot = |_| Slot {
        state: const { AtomicU8::new(FREE) },
        contents: Mutex::new(Contents { outcome: None, worker_waits: false }),
        changed: Condvar::new(),
    };
    let results = Arc::new(Results {
        slots: (0..threads.saturating_mul(2)).map(slot).collect(),
        phase: const { AtomicU8::new(0) },
    });
    let hint = iter.size_hint();
    let source = Mutex::new(Source { iter: Some(iter), place: 0 });
    let source = Arc::new(SharedSource { source, turn: Mutex::new(()) });
    let worker = |function| Worker { source: Arc::clone(&source), function, results: Arc::clone(&results) };
    let mut workers: Vec<_> = (1..threads).map(|_| worker(function.clone())).collect();
    workers.push(worker(function));
    (workers, ParallelMap { results, place: 0, hint, returned: 0, sleeper: None, has_panicked: false })
}

impl<I: Iterator, F: FnMut(I::Item) -> T, T> Worker<I, F, T> {
    /// Processes items until there are no more, or until this is to stop.
    pub(crate) fn run(mut self) {
        while let Some((place, item)) = self.take() {
            // The function is not called again after a panic, and nothing sees what the panic left behind in it.
            match catch_unwind(AssertUnwindSafe(|| (self.function)(item))) {
                Ok(result) => self.results.deliver(place, Outcome::Result(result)),
                Err(payload) => {
                    self.results.phase.fetch_or(ENDING, Relaxed);
                    self.results.deliver(place, Outcome::Panic(payload));
                    break;
                }
            }
        }
    }

    /// Takes the next item, with the slot for its result.
    fn take(&self) -> Option<(usize, I::Item)> {
        let mut source = self.source.lock();
        let Source { iter, place } = &mut *source;
        let slot = *place;
        // Without an item for it, the slot is not to be taken again.
        let next = iter.as_mut()?;
        let mut end = None;
        if self.results.wait_for_room(slot) {
            // The source is dropped after a panic, and nothing sees what the panic left behind in it.
            match catch_unwind(AssertUnwindSafe(|| next.next())) {
                Ok(Some(item)) => {
                    *place = self.results.after(slot);
                    drop(source);
                    // After a panic of the function, the consumer waits for this item nevertheless.
                    return (self.results.phase() & STOPPED == 0).then_some((slot, item));
                }
                Ok(None) => end = Some(Outcome::End),
                Err(payload) => end = Some(Outcome::Panic(payload)),
            }
        }
        let iter = iter.take();
        drop(source);
        if let Some(end) = end {
            self.results.deliver(slot, end);
        }
        // Last, because the destructor may take long.
        drop(iter);
        None
    }
}

impl<I> SharedSource<I> {
    fn lock(&self) -> MutexGuard<'_, Source<I>> {
        self.source.try_lock().unwrap_or_else(|| {
            let _turn = self.turn.lock();
            self.source.lock()
        })
    }
}

impl<T> Results<T> {
    fn phase(&self) -> u8 {
        self.phase.load(Relaxed)
    }

    /// Returns the slot that follows a slot.
    fn after(&self, place: usize) -> usize {
        if place + 1 == self.slots.len() { 0 } else { place + 1 }
    }

    /// Waits until the slot is free, and takes it. Returns `false` if nothing more is to be pulled.
    ///
    /// The caller holds the source.
    fn wait_for_room(&self, place: usize) -> bool {
        let slot = &self.slots[place];
        let is_free = || slot.state.load(Acquire) == FREE;
        let is_over = || self.phase() != 0;
        spin_until(|| is_free() || is_over());
        if !is_free() {
            let mut contents = slot.contents.lock();
            while !is_free() && !is_over() {
                contents.worker_waits = true;
                slot.changed.wait(&mut contents);
            }
        }
        let is_open = !is_over();
        if is_open {
            slot.state.store(TAKEN, Relaxed);
        }
        is_open
    }

    /// Stores the outcome in its slot.
    fn deliver(&self, place: usize, outcome: Outcome<T>) {
        let slot = &self.slots[place];
        let mut contents = slot.contents.lock();
        if self.phase() & STOPPED != 0 {
            // Not under the mutex, because a destructor may take long or panic.
            drop(contents);
            return;
        }
        contents.outcome = Some(outcome);
        slot.state.store(DONE, Release);
        drop(contents);
        slot.changed.notify_all();
    }

    /// Counts a result that is returned, and wakes the worker after the last one.
    fn count_down(&self, sleeper: &mut Option<Sleeper>) {
        if let Some(Sleeper { results, .. }) = sleeper {
            *results -= 1;
            if *results == 0 {
                self.wake(sleeper);
            }
        }
    }

    fn wake(&self, sleeper: &mut Option<Sleeper>) {
        if let Some(Sleeper { place, .. }) = sleeper.take() {
            self.slots[place].changed.notify_all();
        }
    }
}

impl<T> ParallelMap<T> {
    /// Tells the workers to stop, and drops their results.
    fn stop(&self) {
        self.results.phase.store(STOPPED, Relaxed);
        let stop = |slot: &Slot<T>| {
            // A worker that checked the phase before the change is asleep when the mutex is free.
            let outcome = slot.contents.lock().outcome.take();
            slot.changed.notify_all();
            outcome
        };
        // Dropped after all workers are woken, because a destructor may panic.
        let outcomes: Vec<_> = self.results.slots.iter().map(stop).collect();
        drop(outcomes);
    }
}

impl<T> Iterator for ParallelMap<T> {
    type Item = T;

    /// Takes the next result, and blocks until it is there.
    ///
    /// # Panics
    ///
    /// If the function or the source has panicked: in the place of the result with the payload, and in later calls.
    #[track_caller]
    fn next(&mut self) -> Option<T> {
        assert!(!self.has_panicked, "the function or the source panicked earlier");
        let Self { results, sleeper, .. } = self;
        let slot = &results.slots[self.place];
        let is_done = || slot.state.load(Acquire) == DONE;
        spin_until(is_done);
        if !is_done() {
            results.wake(sleeper);
        }
        let mut contents = slot.contents.lock();
        while !is_done() {
            slot.changed.wait(&mut contents);
        }
        match contents.outcome.take()? {
            Outcome::Result(result) => {
                slot.state.store(FREE, Release);
                if mem::take(&mut contents.worker_waits) {
                    *sleeper = Some(Sleeper { place: self.place, results: results.slots.len() / 2 });
                }
                drop(contents);
                results.count_down(sleeper);
                self.place = results.after(self.place);
                self.returned = self.returned.wrapping_add(1);
                Some(result)
            }
            Outcome::Panic(payload) => {
                drop(contents);
                self.has_panicked = true;
                self.stop();
                resume_unwind(payload);
            }
            // The slot stays `DONE` without an outcome, so that later calls return `None` too.
            Outcome::End => None,
        }
    }

    /// Returns the bounds of the source at the start, less the results that were returned since.
    fn size_hint(&self) -> (usize, Option<usize>) {
        let (lower, upper) = self.hint;
        (lower.saturating_sub(self.returned), upper.map(|upper| upper.saturating_sub(self.returned)))
    }
}

impl<T> FusedIterator for ParallelMap<T> {}

/// Tells the workers to stop, and does not wait for them.
impl<T> Drop for ParallelMap<T> {
    fn drop(&mut self) {
        self.stop();
    }
}

impl<T> fmt::Debug for ParallelMap<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ParallelMap").field("returned", &self.returned).finish_non_exhaustive()
    }
}
