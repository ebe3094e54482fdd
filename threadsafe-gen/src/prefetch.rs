//! [`Prefetch`]: a source that runs ahead of its consumers, on a thread of its own.
//!
//! The thread has the [`Producer`], the consumers have the [`Prefetch`], and both share a [`Queue`]. The consumers take
//! all items of the queue at once, into a batch that the `Prefetch` owns, and return items from the batch without the
//! queue's mutex. The bound counts the batch too, whose length is an atomic that the producer reads when there seems to
//! be no room. A producer that sleeps is woken by the `Prefetch` after every `report_after` items. The length that the
//! producer has read may be an old one, but counts no more than the items that were returned since the last report. So
//! before the consumers have taken all that made the producer sleep, there is a report.
//!
//! # Waiting outside of the lock
//!
//! A `Prefetch` is the source of a `ThreadsafeIter`, whose lock guards the batch. Its callers wait for an item without
//! that lock, so that `close` and time limits reach all of them. The `ThreadsafeIter` has a reference to the queue
//! beside the lock. It calls the source in an [`Attempt`](crate::attempt::Attempt), in which the `Prefetch` returns
//! `None` instead of waiting, and then waits by [`Queue::wait`], which ends too when the iterator is closed. An attempt
//! is marked with the id of its thread. Therefore it also reaches a `Prefetch` in a box, and it cannot affect one that
//! was moved elsewhere by `get_mut`, which waits like any other source. The box itself may be moved into an adaptor,
//! for which each `None` is the end. So `get_mut` of a boxed iterator makes the `Prefetch` wait like any other source
//! too.
//!
//! # No lost wake-up
//!
//! *Ready* are the items in the queue and in the batch. A thread goes to sleep under the queue's mutex and only if none
//! is ready. Each item that enters the queue wakes one sleeping thread. A thread that was woken takes an item, or finds
//! that others took all, or returns an error and wakes another one in its place ([`Queue::wake_another`]). So while an
//! item is ready, either no thread sleeps, or one is awake that will look for it.
//!
//! A thread can also wait while it holds the lock: with the guard of the iterator, or as the owner. Another thread that
//! is woken then blocks on the lock. Therefore the holder is woken first.
//!
//! The end, a panic, `close` and items that are put back wake all threads. A thread that was woken for an item may
//! therefore take one that was put back.

use std::any::Any;
use std::collections::VecDeque;
use std::fmt;
use std::iter::FusedIterator;
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::Ordering::Relaxed;
use std::time::Instant;

use crate::attempt::Attempts;
use crate::sync::{Arc, AtomicUsize, Condvar, Mutex, spin_until};

/// Creates both ends of a queue for up to `capacity` items, from a source with the given size hint.
///
/// # Panics
///
/// If `capacity` is 0.
#[track_caller]
pub(crate) fn queue<T>(capacity: usize, hint: (usize, Option<usize>)) -> (Producer<T>, Prefetch<T>) {
    assert!(capacity > 0, "the number of items to prefetch must be non-zero");
    let queue = Arc::new(Queue {
        state: Mutex::new(State { items: VecDeque::new(), batch: 0, end: None, stopped: false }),
        ready: Condvar::new(),
        ready_for_holder: Condvar::new(),
        room: Condvar::new(),
        capacity,
        report_after: if capacity <= 8 { 1 } else { capacity / 2 },
        attempts: Arc::new(Attempts::new()),
        batch_len: BatchLen(AtomicUsize::new(0)),
        queued: Queued(AtomicUsize::new(0)),
    });
    let producer = Producer { queue: Arc::clone(&queue) };
    (producer, Prefetch { queue, batch: VecDeque::new(), unreported: 0, returned: 0, hint })
}

/// An iterator over the items of a source that runs ahead on a thread of its own, created by
/// [`ThreadsafeExt::prefetch`] and [`ThreadsafeExt::prefetch_scoped`].
///
/// When it is dropped, its thread stops after the call of the source that is in progress.
///
/// [`ThreadsafeExt::prefetch`]: crate::ThreadsafeExt::prefetch
/// [`ThreadsafeExt::prefetch_scoped`]: crate::ThreadsafeExt::prefetch_scoped
///
/// # Examples
///
/// ```
/// use threadsafe_gen::{Prefetch, ThreadsafeExt, ThreadsafeIter};
///
/// struct Loader {
///     lines: ThreadsafeIter<Prefetch<String>>,
/// }
///
/// let lines = ["a", "b"].into_iter().map(String::from);
/// let loader = Loader { lines: lines.prefetch(8) };
/// assert_eq!(loader.lines.next().as_deref(), Some("a"));
/// ```
#[must_use = "the source stops when this is dropped"]
pub struct Prefetch<T> {
    queue: Arc<Queue<T>>,
    /// The items that were taken from the queue and not yet returned.
    batch: VecDeque<T>,
    /// The number of items that were returned since the last [report](Self::report).
    unreported: usize,
    /// The number of items that were returned.
    returned: usize,
    /// The size hint of the source at the start.
    hint: (usize, Option<usize>),
}

/// The state that the thread and the consumers share.
pub(crate) struct Queue<T> {
    state: Mutex<State<T>>,
    /// Threads that wait for an item without the lock.
    ready: Condvar,
    /// The thread that waits for an item with the lock. Until it has one, no other thread can take any.
    ready_for_holder: Condvar,
    /// The producer, while it waits for room.
    room: Condvar,
    capacity: usize,
    report_after: usize,
    attempts: Arc<Attempts>,
    batch_len: BatchLen,
    queued: Queued,
}

/// The number of items in the queue, for threads that look for a change before they sleep. Stored under the mutex. On
/// cache lines of its own, so that they do not disturb those that use the mutex.
#[repr(align(128))]
struct Queued(AtomicUsize);

struct State<T> {
    items: VecDeque<T>,
    /// The length of the batch when the producer last saw it: at least its present one.
    batch: usize,
    end: Option<End>,
    /// Set when the [`Prefetch`] is dropped.
    stopped: bool,
}

/// The way in which the source ended.
enum End {
    Exhausted,
    /// The payload, until a call has resumed the panic.
    Panicked(Option<Box<dyn Any + Send>>),
}

/// The length of the batch. Written by the thread that has access to the [`Prefetch`]. On cache lines of its own, since
/// the mutex moves between the cores of both ends.
#[repr(align(128))]
struct BatchLen(AtomicUsize);

impl<T> Queue<T> {
    pub(crate) fn attempts(&self) -> Arc<Attempts> {
        Arc::clone(&self.attempts)
    }

    /// Blocks until an item is ready, the source has ended or `is_over` returns `true`. Returns `false` if that is not
    /// so at `deadline`.
    pub(crate) fn wait(&self, deadline: Option<Instant>, holds_lock: bool, is_over: impl Fn() -> bool) -> bool {
        let ready = if holds_lock { &self.ready_for_holder } else { &self.ready };
        self.spin();
        let mut state = self.state.lock();
        let mut timed_out = false;
        loop {
            if self.is_ready(&state) || state.end.is_some() || state.stopped || is_over() {
                return true;
            }
            if timed_out {
                return false;
            }
            match deadline {
                None => ready.wait(&mut state),
                Some(deadline) => {
                    let rest = deadline.saturating_duration_since(Instant::now());
                    timed_out = ready.wait_for(&mut state, rest).timed_out();
                }
            }
        }
    }

    fn is_ready(&self, state: &State<T>) -> bool {
        // May be older than the batch is now, but not than the mutex: then the caller tries again, under the lock.
        !state.items.is_empty() || self.batch_len.0.load(Relaxed) > 0
    }

    /// Looks for an item for some microseconds, see [`spin_until`].
    fn spin(&self) {
        spin_until(|| self.queued.0.load(Relaxed) > 0 || self.batch_len.0.load(Relaxed) > 0);
    }

    /// Wakes all threads that wait, after a change that they check for.
    pub(crate) fn wake_all(&self) {
        // A thread that checked before the change is asleep when the mutex is free.
        drop(self.state.lock());
        self.notify_all();
    }

    fn notify_all(&self) {
        self.ready_for_holder.notify_all();
        self.ready.notify_all();
    }

    /// Wakes a thread for an item.
    fn notify_one(&self) {
        if !self.ready_for_holder.notify_one() {
            self.ready.notify_one();
        }
    }

    /// Wakes a thread in place of this one, which may have been woken for an item and does not take it.
    pub(crate) fn wake_another(&self) {
        if self.is_ready(&self.state.lock()) {
            self.notify_one();
        }
    }
}

impl<T> Prefetch<T> {
    pub(crate) fn queue(&self) -> Arc<Queue<T>> {
        Arc::clone(&self.queue)
    }

    /// Moves items that are ready into an empty buffer: up to `size`, and at least one. Returns `true` if the source
    /// ended first.
    pub(crate) fn fill(&mut self, buffer: &mut Vec<T>, size: usize) -> bool {
        if self.batch.is_empty() && !self.refill(true) {
            return true;
        }
        buffer.reserve_exact(self.batch.len().min(size));
        loop {
            let taken = self.batch.len().min(size - buffer.len());
            buffer.extend(self.batch.drain(..taken));
            self.returned(taken);
            if buffer.len() == size || !self.refill(false) {
                return false;
            }
        }
    }

    /// Counts items that left the batch.
    #[inline]
    fn returned(&mut self, items: usize) {
        self.returned = self.returned.wrapping_add(items);
        self.unreported += items;
        self.queue.batch_len.0.store(self.batch.len(), Relaxed);
        self.queue.attempts.end();
        if self.unreported >= self.queue.report_after {
            self.report();
        }
    }

    #[cold]
    fn report(&mut self) {
        self.unreported = 0;
        self.queue.state.lock().batch = self.batch.len();
        self.queue.room.notify_one();
    }

    /// Fills the empty batch with the items of the queue. Returns `false` if there are none.
    ///
    /// With `wait`, blocks until there are some unless this is an [attempt](Attempts). Then `false` is the end,
    /// or a failed attempt.
    ///
    /// # Panics
    ///
    /// With `wait`, if the source has panicked.
    #[cold]
    fn refill(&mut self, wait: bool) -> bool {
        let Self { queue, batch, .. } = self;
        let mut state = queue.state.lock();
        let mut has_spun = false;
        loop {
            mem::swap(batch, &mut state.items);
            state.batch = batch.len();
            if !batch.is_empty() {
                queue.queued.0.store(0, Relaxed);
                queue.batch_len.0.store(batch.len(), Relaxed);
                return true;
            }
            if !wait {
                return false;
            }
            match &mut state.end {
                None => {}
                Some(End::Exhausted) => return false,
                Some(End::Panicked(payload)) => {
                    let payload = payload.take();
                    drop(state);
                    match payload {
                        Some(payload) => resume_unwind(payload),
                        None => panic!("the iterator panicked earlier"),
                    }
                }
            }
            if queue.attempts.fail() {
                return false;
            }
            if mem::replace(&mut has_spun, true) {
                queue.ready_for_holder.wait(&mut state);
            } else {
                drop(state);
                queue.spin();
                state = queue.state.lock();
            }
        }
    }
}

impl<T> Iterator for Prefetch<T> {
    type Item = T;

    /// Takes the next item, and blocks until there is one.
    #[inline]
    fn next(&mut self) -> Option<T> {
        if self.batch.is_empty() && !self.refill(true) {
            return None;
        }
        let item = self.batch.pop_front();
        self.returned(1);
        item
    }

    /// Returns the bounds of the source at the start, less the items that were returned since.
    fn size_hint(&self) -> (usize, Option<usize>) {
        let (lower, upper) = self.hint;
        (lower.saturating_sub(self.returned), upper.map(|upper| upper.saturating_sub(self.returned)))
    }
}

impl<T> FusedIterator for Prefetch<T> {}

/// Tells the thread to stop, and does not wait for it.
impl<T> Drop for Prefetch<T> {
    fn drop(&mut self) {
        let mut state = self.queue.state.lock();
        state.stopped = true;
        let (items, end) = (mem::take(&mut state.items), state.end.take());
        drop(state);
        self.queue.room.notify_one();
        self.queue.notify_all();
        // Their destructors may panic, or use the iterator.
        drop((items, end));
    }
}

impl<T> fmt::Debug for Prefetch<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Prefetch").field("capacity", &self.queue.capacity).finish_non_exhaustive()
    }
}

/// The end of the queue that the source's thread has.
pub(crate) struct Producer<T> {
    queue: Arc<Queue<T>>,
}

impl<T> Producer<T> {
    /// Calls the source until it ends or the [`Prefetch`] is dropped. Then drops the source.
    pub(crate) fn run(self, mut source: impl Iterator<Item = T>) {
        let queue = &self.queue;
        // Internal iteration, at which chains of adaptors are faster. The source is dropped after a panic, and nothing
        // sees what the panic left behind in it.
        let run = || {
            let stopped = queue.state.lock().stopped;
            if !stopped {
                source.all(|item| queue.push(item));
            }
        };
        let end = match catch_unwind(AssertUnwindSafe(run)) {
            Ok(()) => End::Exhausted,
            Err(payload) => End::Panicked(Some(payload)),
        };
        let mut state = queue.state.lock();
        let unused = if state.stopped { Some(end) } else { state.end.replace(end) };
        drop(state);
        queue.notify_all();
        // Dropped after the consumers can see the end: a destructor may take long, or wait for a consumer.
        drop(source);
        drop(unused);
    }
}

impl<T> Queue<T> {
    /// Adds an item, and waits for room for the next one. Returns `false` if there shall be none.
    fn push(&self, item: T) -> bool {
        let mut state = self.state.lock();
        if state.stopped {
            // Not under the mutex, because the destructor of the item may use the iterator.
            drop(state);
            return false;
        }
        state.items.push_back(item);
        self.queued.0.store(state.items.len(), Relaxed);
        self.notify_one();
        let mut has_spun = false;
        while !(state.stopped || self.has_room(&mut state)) {
            if mem::replace(&mut has_spun, true) {
                self.room.wait(&mut state);
            } else {
                drop(state);
                spin_until(|| self.queued.0.load(Relaxed) + self.batch_len.0.load(Relaxed) < self.capacity);
                state = self.state.lock();
            }
        }
        !state.stopped
    }

    fn has_room(&self, state: &mut State<T>) -> bool {
        let has_room = |state: &State<T>| state.items.len() + state.batch < self.capacity;
        if !has_room(state) {
            state.batch = self.batch_len.0.load(Relaxed);
        }
        has_room(state)
    }
}
