//! rayon over shared items.
//!
//! # One task pulls
//!
//! A thread of a rayon pool that waits for a task of its own runs other tasks meanwhile, on top of what it was doing.
//! Were several of our tasks to wait for the lock, one of them might do so on top of a task that the iterator's own
//! body, which uses rayon and holds that lock, is waiting for; and the two would wait for each other for ever.
//!
//! So at any time there is one task of a drive that may pull. It pulls a chunk, spawns the next task that may, and then
//! works its chunk off. Whoever is idle steals the next one. For the same reason a task that finds itself on top of
//! another of its drive, whose work has used rayon, leaves its right to pull for whoever is first to be done with a
//! chunk.
//!
//! What remains are several drives of one iterator at a time, whose body uses the same pool: the puller of one may come
//! to stand on top of the body that another waits for. On one thread that is re-entry, and panics. On two it cannot be
//! told.

use std::cell::Cell;
use std::iter;
use std::mem;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::atomic::{AtomicBool, AtomicUsize};
use std::time::{Duration, Instant};

use rayon::Scope;
use rayon::iter::plumbing::{Consumer, Folder, Reducer, UnindexedConsumer};
use rayon::iter::{IntoParallelIterator, ParallelIterator};

use crate::ThreadsafeIter;
use crate::buffered::Buffered;
use crate::error::TryNextError;

/// How long the pulling task waits for callers from outside of the drive before it runs another task of the pool.
const PATIENCE: Duration = Duration::from_millis(1);

/// How long a chunk should take to work off at least: long for a hand-over between threads.
const SHORTEST_TIME: Duration = Duration::from_micros(25);

/// How long it should take at most: short for who waits at the end.
const LONGEST_TIME: Duration = Duration::from_micros(100);

/// The longest chunk. Beyond it there is nothing more to gain.
const LONGEST: usize = 1024;

/// The items of a [`ThreadsafeIter`] as a parallel iterator, made by `into_par_iter`.
///
/// The workers of the pool take the items in chunks, one at a time as long as items are dear to work off, more when
/// they are cheap. The order in which items are worked off is not theirs. Workers that are no longer needed, as after
/// `find_any`, give back what they took and did not use; so one can go on with the rest.
///
/// # Panics
///
/// A panic of the iterator comes out of the call that drives this, with its own payload. So does a panic of what is
/// done with the items, after which the rest is still there. A drive from within the iterator's own `next`, or beside a
/// guard that the same thread holds, panics with "generator already executing".
///
/// The iterator's body may use rayon, and so may what is done with the items. But do not drive one iterator whose body
/// uses rayon from two places of the same pool at a time: the two can come to wait for each other.
///
/// # Examples
///
/// ```
/// use rayon::prelude::*;
/// use threadsafe_gen::ThreadsafeIter;
///
/// let numbers = ThreadsafeIter::new(1..=1000_u64);
/// assert_eq!(numbers.into_par_iter().map(|n| n * n).sum::<u64>(), 333_833_500);
/// ```
///
/// By reference, to go on with what is left:
///
/// ```
/// use rayon::prelude::*;
/// use threadsafe_gen::ThreadsafeIter;
///
/// let numbers = ThreadsafeIter::new(1..=1000_u64);
/// let found = numbers.par_iter().find_any(|n| n % 100 == 0);
/// assert!(found.is_some());
/// assert!(numbers.count() > 0);
/// ```
#[derive(Debug)]
#[must_use = "iterators are lazy and do nothing unless consumed"]
pub struct ParallelItems<T>(T);

impl<'a, I: Iterator<Item: Send> + Send> IntoParallelIterator for &'a ThreadsafeIter<I> {
    type Iter = ParallelItems<Self>;
    type Item = I::Item;

    fn into_par_iter(self) -> ParallelItems<&'a ThreadsafeIter<I>> {
        ParallelItems(self)
    }
}

impl<I: Iterator<Item: Send> + Send> IntoParallelIterator for ThreadsafeIter<I> {
    type Iter = ParallelItems<Self>;
    type Item = I::Item;

    fn into_par_iter(self) -> ParallelItems<Self> {
        ParallelItems(self)
    }
}

impl<I: Iterator<Item: Send> + Send> ParallelIterator for ParallelItems<ThreadsafeIter<I>> {
    type Item = I::Item;

    fn drive_unindexed<C: UnindexedConsumer<I::Item>>(self, consumer: C) -> C::Result {
        drive(&self.0, consumer)
    }
}

impl<I: Iterator<Item: Send> + Send> ParallelIterator for ParallelItems<&ThreadsafeIter<I>> {
    type Item = I::Item;

    fn drive_unindexed<C: UnindexedConsumer<I::Item>>(self, consumer: C) -> C::Result {
        drive(self.0, consumer)
    }
}

/// One drive on this thread's stack, counted until this is dropped.
///
/// A drive that waits runs other tasks of the pool on top of itself. If these are drives too, as with thousands of jobs
/// that share one slow iterator, the stack would grow by one drive a job.
struct Depth;

impl Depth {
    /// How many drives may stand on top of each other before the next one processes its items alone.
    const LIMIT: usize = 32;

    fn enter() -> Option<Self> {
        DRIVES.with(|drives| {
            let depth = drives.get();
            (depth < Self::LIMIT).then(|| {
                drives.set(depth + 1);
                Self
            })
        })
    }
}

thread_local!(static DRIVES: Cell<usize> = const { Cell::new(0) });

impl Drop for Depth {
    fn drop(&mut self) {
        DRIVES.with(|drives| drives.set(drives.get() - 1));
    }
}

/// What the tasks of one drive share.
struct Drive<'a, I: Iterator, C: Consumer<I::Item>> {
    iter: &'a ThreadsafeIter<I>,
    /// How many items the next chunk is to have.
    n: AtomicUsize,
    /// For each thread of the pool, whether it is working a chunk off.
    working: Vec<AtomicBool>,
    /// The right to pull, left by a task that was on top of another: the consumer of all that is still to come.
    left: Mutex<Option<C>>,
    result: Mutex<Option<C::Result>>,
    /// Whether somebody's work has panicked, after which nothing more is to be pulled.
    panicked: AtomicBool,
}

fn drive<I, C>(iter: &ThreadsafeIter<I>, consumer: C) -> C::Result
where
    I: Iterator<Item: Send> + Send,
    C: UnindexedConsumer<I::Item>,
{
    let nothing = consumer.split_off_left();
    let drive = Drive {
        iter,
        n: AtomicUsize::new(1),
        working: iter::repeat_with(AtomicBool::default).take(rayon::current_num_threads()).collect(),
        left: Mutex::new(None),
        result: Mutex::new(None),
        panicked: AtomicBool::new(false),
    };
    // On whatever thread it then runs, this one waits for it.
    iter.lock.assert_not_reentrant();
    let Some(_depth) = Depth::enter() else { return drive.alone(consumer) };
    rayon::scope(|scope| scope.spawn(|scope| drive.run(consumer, scope)));
    let result = drive.result.into_inner().unwrap_or_else(PoisonError::into_inner);
    result.unwrap_or_else(|| nothing.into_folder().complete())
}

impl<I, C> Drive<'_, I, C>
where
    I: Iterator<Item: Send> + Send,
    C: UnindexedConsumer<I::Item>,
{
    /// The task that may pull.
    fn run<'s>(&'s self, mut consumer: C, scope: &Scope<'s>) {
        let thread = rayon::current_thread_index().unwrap_or_default();
        if self.working[thread].swap(true, Relaxed) {
            *lock(&self.left) = Some(consumer);
            return;
        }
        let _working = Working(&self.working[thread]);
        while !(consumer.full() || self.panicked.load(Relaxed)) {
            let mut chunk = Buffered::new(self.iter, self.n.load(Relaxed));
            loop {
                match chunk.refill_within(Some(PATIENCE)) {
                    Ok(()) => break,
                    Err(TryNextError::TimedOut | TryNextError::Reentrant) => {
                        self.iter.lock.assert_not_reentrant();
                        rayon::yield_now();
                    }
                    // Panics, since it is somebody else's panic.
                    Err(_) => _ = self.iter.next(),
                }
            }
            if chunk.is_empty() {
                return;
            }
            let mine = consumer.split_off_left();
            // After a panic there is nothing more to pull.
            if !chunk.has_panicked() {
                scope.spawn(move |scope| self.run(consumer, scope));
            }
            self.work_off(chunk, &mine);
            match lock(&self.left).take() {
                Some(left) => consumer = left,
                None => return,
            }
        }
    }

    /// Processes all items on this thread, and runs no other task of the pool while it waits for one.
    fn alone(&self, consumer: C) -> C::Result {
        let mut folder = consumer.into_folder();
        while !folder.full() {
            let Some(item) = self.iter.next() else { break };
            folder = folder.consume(item);
        }
        folder.complete()
    }

    fn work_off(&self, mut chunk: Buffered<'_, I>, consumer: &C) {
        let (start, n) = (Instant::now(), chunk.len());
        let reducer = || consumer.to_reducer();
        let unless_done = Panicked(&self.panicked);
        let mut folder = consumer.split_off_left().into_folder();
        while !folder.full() {
            let Some(item) = chunk.pop() else { break };
            folder = folder.consume(item);
        }
        if chunk.is_empty() {
            let took = start.elapsed();
            if took < SHORTEST_TIME {
                self.n.store((n * 2).min(LONGEST), Relaxed);
            } else if took > LONGEST_TIME {
                self.n.store((n / 2).max(1), Relaxed);
            }
            chunk.resume_panic();
        }
        // Put with what there is outside of the lock, since to reduce is the user's business and may take its time.
        let mut result = folder.complete();
        loop {
            let mut other = lock(&self.result);
            match other.take() {
                None => {
                    *other = Some(result);
                    mem::forget(unless_done);
                    return;
                }
                Some(earlier) => {
                    drop(other);
                    result = reducer().reduce(earlier, result);
                }
            }
        }
    }
}

/// No user's code runs under these locks, so there is no panic that could have left anything half-done.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Sets its flag unless it is forgotten.
struct Panicked<'a>(&'a AtomicBool);

impl Drop for Panicked<'_> {
    fn drop(&mut self) {
        self.0.store(true, Relaxed);
    }
}

/// Clears its flag: the thread is no longer at work.
struct Working<'a>(&'a AtomicBool);

impl Drop for Working<'_> {
    fn drop(&mut self) {
        self.0.store(false, Relaxed);
    }
}
