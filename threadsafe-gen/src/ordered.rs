//! [`ParallelMap`]: many threads process items, and the results come in the order of the items.
//!
//! The workers share the source under a mutex. The worker that holds it waits until there is room, reserves the next
//! slot and calls the source. So the slots have the order of the items, and no more than `limit` of them exist. A worker
//! stores the result in its slot; the consumer takes the results from the first slot on.
//!
//! The phase goes from `OPEN` to `ENDING` at the end of the source and after a panic: nothing more is pulled, and the items
//! that were taken are processed, because the consumer waits for those before the panic. It goes to `STOPPED` when the
//! consumer is dropped or has seen a panic: no result is wanted any more.

use std::any::Any;
use std::collections::VecDeque;
use std::fmt;
use std::iter::FusedIterator;
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::Ordering::Relaxed;

use crate::sync::{Arc, AtomicU8, Condvar, Mutex};

/// Items are pulled and processed.
const OPEN: u8 = 0;
/// Nothing more is pulled.
const ENDING: u8 = 1;
/// Items that were pulled are not processed either, and results are dropped.
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
    /// The size hint of the source at the start.
    hint: (usize, Option<usize>),
    /// The number of results that were returned.
    returned: usize,
    has_panicked: bool,
}

/// The state that the workers and the consumer share.
struct Results<T> {
    state: Mutex<State<T>>,
    /// The consumer, while the first slot is empty.
    ready: Condvar,
    /// The worker that holds the source, while there is no room.
    room: Condvar,
    /// The maximum number of slots.
    limit: usize,
    /// Never goes back. Stored under the mutex of the state.
    phase: AtomicU8,
}

struct State<T> {
    /// The items that were taken and whose results were not returned, in order. `None` while an item is processed.
    slots: VecDeque<Option<Outcome<T>>>,
    /// The index of the first slot.
    first: usize,
}

/// A result, or the payload of the panic in its place.
type Outcome<T> = Result<T, Box<dyn Any + Send>>;

/// One of the threads that process items. `I` is the source, `F` the function.
pub(crate) struct Worker<I, F, T> {
    source: Arc<Mutex<Option<I>>>,
    function: F,
    results: Arc<Results<T>>,
}

/// Creates the workers, and the consumer of their results.
///
/// # Panics
///
/// If `threads` is 0.
#[track_caller]
pub(crate) fn workers<I, F, T>(source: I, threads: usize, function: F) -> (Vec<Worker<I, F, T>>, ParallelMap<T>)
where
    I: Iterator,
    F: FnMut(I::Item) -> T + Clone,
{
    assert!(threads > 0, "the number of threads must be non-zero");
    let results = Arc::new(Results {
        state: Mutex::new(State { slots: VecDeque::new(), first: 0 }),
        ready: Condvar::new(),
        room: Condvar::new(),
        limit: threads.saturating_mul(2),
        phase: const { AtomicU8::new(OPEN) },
    });
    let hint = source.size_hint();
    let source = Arc::new(Mutex::new(Some(source)));
    let worker = |function| Worker { source: Arc::clone(&source), function, results: Arc::clone(&results) };
    let mut workers: Vec<_> = (1..threads).map(|_| worker(function.clone())).collect();
    workers.push(worker(function));
    (workers, ParallelMap { results, hint, returned: 0, has_panicked: false })
}

impl<I: Iterator, F: FnMut(I::Item) -> T, T> Worker<I, F, T> {
    /// Processes items until there are no more, or until this is to stop.
    pub(crate) fn run(mut self) {
        while let Some((index, item)) = self.take() {
            // The function is not called again after a panic, and nothing sees what the panic left behind in it.
            let outcome = catch_unwind(AssertUnwindSafe(|| (self.function)(item)));
            let has_panicked = outcome.is_err();
            self.results.deliver(index, outcome);
            if has_panicked {
                break;
            }
        }
    }

    /// Takes the next item, with its index.
    fn take(&self) -> Option<(usize, I::Item)> {
        let mut source = self.source.lock();
        let Some(index) = self.results.reserve() else {
            let ended = source.take();
            // Dropped after the mutex is released: the destructor may take long.
            drop(source);
            drop(ended);
            return None;
        };
        let iter = source.as_mut()?;
        // The source is dropped after a panic, and nothing sees what the panic left behind in it.
        match catch_unwind(AssertUnwindSafe(|| iter.next())) {
            Ok(Some(item)) => {
                drop(source);
                // Another item may have ended the phase meanwhile. The consumer waits for this one nevertheless.
                return (self.results.phase() != STOPPED).then_some((index, item));
            }
            // Under the mutex of the source, so that no other worker reserves a slot after this one.
            Ok(None) => self.results.end(),
            Err(payload) => self.results.deliver(index, Err(payload)),
        }
        let ended = source.take();
        drop(source);
        drop(ended);
        None
    }
}

impl<T> Results<T> {
    fn phase(&self) -> u8 {
        self.phase.load(Relaxed)
    }

    /// Waits for room, and reserves a slot. Returns its index, or `None` if nothing more is to be pulled.
    ///
    /// The caller holds the source.
    fn reserve(&self) -> Option<usize> {
        let mut state = self.state.lock();
        while state.slots.len() >= self.limit && self.phase() == OPEN {
            self.room.wait(&mut state);
        }
        if self.phase() != OPEN {
            return None;
        }
        state.slots.push_back(None);
        Some(state.first.wrapping_add(state.slots.len() - 1))
    }

    /// Stores the outcome for the slot with this index.
    fn deliver(&self, index: usize, outcome: Outcome<T>) {
        let mut state = self.state.lock();
        if self.phase() == STOPPED {
            // Not under the mutex, because a destructor may take long or panic.
            drop(state);
            return;
        }
        if outcome.is_err() {
            self.phase.store(ENDING, Relaxed);
            self.room.notify_one();
        }
        let place = index.wrapping_sub(state.first);
        state.slots[place] = Some(outcome);
        if place == 0 {
            self.ready.notify_one();
        }
    }

    /// Removes the slot that was reserved last: the source has no item for it.
    fn end(&self) {
        let mut state = self.state.lock();
        if self.phase() != STOPPED {
            self.phase.store(ENDING, Relaxed);
            state.slots.pop_back();
            self.ready.notify_one();
        }
    }
}

impl<T> ParallelMap<T> {
    /// Tells the workers to stop, and drops their results.
    fn stop(&self) {
        let mut state = self.results.state.lock();
        self.results.phase.store(STOPPED, Relaxed);
        let slots = mem::take(&mut state.slots);
        self.results.room.notify_one();
        drop(state);
        drop(slots);
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
        let Results { state, ready, room, phase, limit, .. } = &*self.results;
        let mut state = state.lock();
        let outcome = loop {
            match state.slots.front_mut() {
                None if phase.load(Relaxed) != OPEN => return None,
                Some(slot) if slot.is_some() => break slot.take()?,
                _ => ready.wait(&mut state),
            }
        };
        state.slots.pop_front();
        state.first = state.first.wrapping_add(1);
        // Not for every slot: cheap items would wake a worker one by one. As many results as threads are still there.
        if state.slots.len() <= limit / 2 {
            room.notify_one();
        }
        drop(state);
        match outcome {
            Ok(result) => {
                self.returned = self.returned.wrapping_add(1);
                Some(result)
            }
            Err(payload) => {
                self.has_panicked = true;
                self.stop();
                resume_unwind(payload);
            }
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
