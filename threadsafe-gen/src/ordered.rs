//! [`ParallelMap`]: many threads process items, and the results come in the order of the items.
//!
//! The results pass through a ring of slots. A worker reserves room for an item, then calls the source under its mutex.
//! There the item gets the next slot, so the slots have the order of the items. The worker stores the result in the
//! slot, and the consumer takes the results from one slot after the other. Room is given back when a result is taken.
//! There is room for as many items as there are slots, so the next slot is always free. Each slot has a mutex of its
//! own, which at most two threads use at a time.
//!
//! # Sleeping
//!
//! The consumer sleeps at a slot until the outcome is there. It checks that under the slot's mutex before it sleeps,
//! and the outcome is stored under that mutex, so no wake-up is lost.
//!
//! Workers sleep until there is room. The consumer does not wake one for each result that it takes, which would cost
//! cheap items more than they do. It wakes a worker when there is room for half of the slots, and before it sleeps
//! itself. A worker that was woken wakes another one if there is still room.
//!
//! # The source
//!
//! A worker that releases the source often comes back at once, because its item was cheap. To wake another worker each
//! time would cost more than the item. Therefore at most one worker waits for the mutex of the source, and the others
//! wait for their turn to do that. A worker that finds the mutex free takes it without such a turn.
//!
//! # The end
//!
//! At the end of the source, which is dropped, and after a panic, nothing more is pulled (`ENDING`). The slot of the
//! missing item has [`Outcome::End`]. Items that were taken before a panic of the function are processed, because the
//! consumer waits for those before the panic. When the consumer is dropped or has returned a panic, no result is wanted
//! any more (`STOPPED`).

use std::any::Any;
use std::fmt;
use std::iter::FusedIterator;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release, SeqCst};

use crate::sync::{Arc, AtomicU8, AtomicUsize, Condvar, Mutex, MutexGuard, fence, spin_until};

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
    has_panicked: bool,
}

/// The state that the workers and the consumer share.
struct Results<T> {
    slots: Box<[Slot<T>]>,
    room: Room,
    /// `ENDING`, `STOPPED`, both or 0. `STOPPED` stays.
    phase: AtomicU8,
}

/// On cache lines of its own: two threads write to neighbouring slots at the same time.
#[repr(align(128))]
struct Slot<T> {
    /// 1 if there is an outcome. Stored under the mutex.
    done: AtomicU8,
    outcome: Mutex<Option<Outcome<T>>>,
    /// The consumer, while there is no outcome.
    ready: Condvar,
}

/// The room for items that are taken from the source. On cache lines of its own, as the slots are.
#[repr(align(128))]
struct Room {
    /// The number of items that may be taken and not returned.
    limit: usize,
    /// The number of items that are taken, or about to be, and not returned.
    taken: AtomicUsize,
    /// The number of workers that sleep until there is room. Changed under the mutex.
    sleeping: AtomicUsize,
    mutex: Mutex<()>,
    changed: Condvar,
}

/// The content of the slot of an item.
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
    let slot = |_| Slot { done: const { AtomicU8::new(0) }, outcome: Mutex::new(None), ready: Condvar::new() };
    let slots: Box<[_]> = (0..threads.saturating_mul(2)).map(slot).collect();
    let room = Room {
        limit: slots.len(),
        taken: const { AtomicUsize::new(0) },
        sleeping: const { AtomicUsize::new(0) },
        mutex: const { Mutex::new(()) },
        changed: Condvar::new(),
    };
    let results = Arc::new(Results { slots, room, phase: const { AtomicU8::new(0) } });
    let hint = iter.size_hint();
    let source = Mutex::new(Source { iter: Some(iter), place: 0 });
    let source = Arc::new(SharedSource { source, turn: Mutex::new(()) });
    let worker = |function| Worker { source: Arc::clone(&source), function, results: Arc::clone(&results) };
    let mut workers: Vec<_> = (1..threads).map(|_| worker(function.clone())).collect();
    workers.push(worker(function));
    (workers, ParallelMap { results, place: 0, hint, returned: 0, has_panicked: false })
}

impl<I: Iterator, F: FnMut(I::Item) -> T, T> Worker<I, F, T> {
    /// Processes items until there are no more, or until this is to stop.
    pub(crate) fn run(mut self) {
        while let Some((place, item)) = self.take() {
            // The function is not called again after a panic, and nothing sees what the panic left behind in it.
            match catch_unwind(AssertUnwindSafe(|| (self.function)(item))) {
                Ok(result) => self.results.deliver(place, Outcome::Result(result)),
                Err(payload) => {
                    self.results.end();
                    self.results.deliver(place, Outcome::Panic(payload));
                    break;
                }
            }
        }
    }

    /// Takes the next item, with the slot for its result.
    fn take(&self) -> Option<(usize, I::Item)> {
        if !self.results.reserve_room() {
            return None;
        }
        let mut source = self.source.lock();
        let Source { iter, place } = &mut *source;
        let slot = *place;
        // Without an item for it, the slot is not to be taken again.
        let next = iter.as_mut()?;
        let mut end = None;
        if self.results.phase() == 0 {
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
            self.results.end();
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

    /// Waits for room, and reserves it for one item. Returns `false` if nothing more is to be pulled.
    fn reserve_room(&self) -> bool {
        let Room { limit, taken, sleeping, mutex, changed } = &self.room;
        let mut has_slept = false;
        loop {
            if self.phase() != 0 {
                return false;
            }
            // What the consumer did with the slot happens before this.
            let reserved = taken.fetch_update(Acquire, Relaxed, |taken| (taken < *limit).then_some(taken + 1));
            if let Ok(before) = reserved {
                if has_slept && before + 1 < *limit {
                    self.room.wake();
                }
                return true;
            }
            let may_go_on = || taken.load(Relaxed) < *limit || self.phase() != 0;
            spin_until(may_go_on);
            if !may_go_on() {
                let mut guard = mutex.lock();
                sleeping.fetch_add(1, Relaxed);
                fence(SeqCst); // See `Room::wake`.
                if !may_go_on() {
                    changed.wait(&mut guard);
                    has_slept = true;
                }
                sleeping.fetch_sub(1, Relaxed);
            }
        }
    }

    /// Stores the outcome in its slot.
    fn deliver(&self, place: usize, outcome: Outcome<T>) {
        let slot = &self.slots[place];
        let mut contents = slot.outcome.lock();
        if self.phase() & STOPPED != 0 {
            // Not under the mutex, because a destructor may take long or panic.
            drop(contents);
            return;
        }
        *contents = Some(outcome);
        slot.done.store(1, Release);
        drop(contents);
        slot.ready.notify_one();
    }

    /// Nothing more is to be pulled.
    fn end(&self) {
        self.phase.fetch_or(ENDING, Relaxed);
        self.room.wake_all();
    }
}

impl Room {
    /// Gives back the room of an item that is returned.
    fn give_back(&self) {
        // Equal, and not less: a worker that is being woken may take long to wake up.
        if self.taken.fetch_sub(1, Release) - 1 == self.limit / 2 {
            self.wake();
        }
    }

    /// Wakes a worker that sleeps, if there is one, after room was given.
    fn wake(&self) {
        // A worker counts itself as sleeping and then looks for room, with a fence between, as here between the room
        // and the count: one of the two sees the other.
        fence(SeqCst);
        if self.sleeping.load(Relaxed) > 0 {
            // A worker that looked before is asleep when the mutex is free.
            drop(self.mutex.lock());
            self.changed.notify_one();
        }
    }

    /// Wakes all workers, after a change of the phase.
    fn wake_all(&self) {
        drop(self.mutex.lock());
        self.changed.notify_all();
    }
}

impl<T> ParallelMap<T> {
    /// Tells the workers to stop, and drops their results.
    fn stop(&self) {
        self.results.phase.store(STOPPED, Relaxed);
        self.results.room.wake_all();
        // Dropped after all are taken, because a destructor may panic.
        let outcomes: Vec<_> = self.results.slots.iter().map(|slot| slot.outcome.lock().take()).collect();
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
        let Self { results, .. } = self;
        let Slot { done, outcome, ready } = &results.slots[self.place];
        let is_done = || done.load(Acquire) == 1;
        spin_until(is_done);
        if !is_done() {
            // Also if there is room for fewer items than half of the slots.
            results.room.wake();
        }
        let mut outcome = outcome.lock();
        while !is_done() {
            ready.wait(&mut outcome);
        }
        match outcome.take()? {
            Outcome::Result(result) => {
                done.store(0, Relaxed);
                drop(outcome);
                results.room.give_back();
                self.place = results.after(self.place);
                self.returned = self.returned.wrapping_add(1);
                Some(result)
            }
            Outcome::Panic(payload) => {
                drop(outcome);
                self.has_panicked = true;
                self.stop();
                resume_unwind(payload);
            }
            // The slot stays done without an outcome, so that later calls return `None` too.
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
