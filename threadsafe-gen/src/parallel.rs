//! rayon over shared items.
//!
//! A *drive* is one call that consumes the iterator in parallel, as `for_each` does. Its *tasks* are jobs of the rayon
//! pool, at most one for each thread of it.
//!
//! # One item at a time
//!
//! A task pulls one item, processes it, and pulls the next. No item is ever held: not for the items that the source has
//! not given yet, however slow it is, and not for those that another task processes, however expensive these are. A
//! task keeps one folder for all its items, so there are a few states of `fold` or `map_init` for each thread. There is
//! nothing to put back at an early exit but the item that a task was about to get.
//!
//! To pull up to 256 items in a row, each of which other tasks could take from a deque at once, was tried. To share an
//! item that way costs an atomic read-modify-write, which is half of what the lock costs, and moving it to another core
//! costs more than it gains: cheap items took a third longer, on two cores with 2, 4 and 8 threads. It also cannot keep
//! the promise: a task that is in the source while its deque has items holds them back unless another thread is idle.
//! [`ThreadsafeIter::par_chunks`] is for items that are cheap and always ready.
//!
//! # Waiting
//!
//! A task that finds the lock free takes it. If not, it is one of these:
//!
//! * At most one task is *in line*: it waits for the lock, so that it pulls next. A drive has one place in the queue of
//!   the lock, as every other caller has.
//! * The others sleep. A task that has pulled an item, and finds no task in line, calls one of them, or spawns one.
//!   `idle.rs` shows that none is forgotten.
//!
//! A task waits for a bounded time and then ends: for some milliseconds, or as long as it takes to get the lock, up to
//! 128 milliseconds. A new task is spawned when there is an item for it.
//!
//! # Why nothing deadlocks
//!
//! A thread of the pool that waits for a job of its own, as in `join`, runs other jobs meanwhile, on top of that. So a
//! task can come to run on top of anything else that the pool does.
//!
//! * *On top of a job that the source waits for.* The body of a generator may use rayon. While it waits for `join`,
//!   another thread may run a part of that, which waits for a part of its own, and on top of it a task that waits for
//!   the source. Such a task ends after a bounded time, and what is below it goes on.
//! * *On top of the source itself, or of a task of the same drive* whose consumer uses rayon (`join`, `scope`,
//!   `install`, `yield_now`). Such a task ends at once, and another one is spawned in its place, which an idle thread
//!   steals. If none does for ten milliseconds, the next task that pulls calls one.
//! * *In a pool of one*, or if the pool is busy elsewhere, one task does everything. In a pool of one there are no
//!   tasks: the drive pulls and processes on its thread. If it does not get the lock, it runs other jobs of the pool
//!   from time to time, since the caller that holds the lock may wait for one of them.
//! * *Many drives of one iterator in one pool.* The thread that waits for the end of one may start the next on top of
//!   it. A drive on top of 16 others has no tasks and starts nothing on top of itself, so that the stack does not
//!   overflow. Drives of different iterators do not pile up: each that has begun keeps a thread.
//!
//! # What still can
//!
//! * A task can end and leave its thread to what is below it, but the call of the drive cannot. So a drive must not
//!   begin while another caller, or another drive, is in a source whose body uses the same pool: a thread that waits in
//!   the middle of that body's work may start the drive on top of it. On the thread that is in the source itself this
//!   is re-entry, and panics.
//! * A consumer that waits until another item has been processed needs another thread of the pool for that item.

mod drive;
mod idle;
mod portion;

use rayon::iter::plumbing::UnindexedConsumer;
use rayon::iter::{IntoParallelIterator, ParallelIterator};

use self::drive::drive;
use self::portion::{Chunk, Single};
use crate::iter::ThreadsafeIter;

/// A parallel iterator over the items of a [`ThreadsafeIter`], made by `into_par_iter`, or by `par_iter` for a
/// reference.
///
/// **Order is not preserved.** `collect` returns the items in the order in which they have been processed, and
/// `find_first`, `find_last`, `position_first` and the like do not follow the order of the source, as with
/// [`par_bridge`](rayon::iter::ParallelBridge). Use [`next_indexed`](ThreadsafeIter::next_indexed) on threads, or
/// enumerate the source and sort, if the order matters.
///
/// Each thread of the rayon pool pulls one item at a time and processes it at once, so items from a live source, such
/// as a channel, a socket or a generator that waits, never wait for the items after them. The drive, which is one use
/// of the parallel iterator, ends when the source is exhausted or [closed](ThreadsafeIter::close), and processes what
/// has been pulled by then.
///
/// # Early exit
///
/// After `find_any`, an error in `try_for_each` or the like, no thread pulls another item, except for a call of the
/// source that is in progress. The item of that call is put back for the next caller. By reference, one can therefore
/// go on with the rest. `take_any` may discard an item that a thread pulls while another one takes the last.
///
/// # Cost
///
/// An item costs some nanoseconds more than by [`next`](ThreadsafeIter::next), mostly for the lock: negligible if
/// processing an item takes a microsecond or more. For cheaper items that are always ready, use
/// [`par_chunks`](ThreadsafeIter::par_chunks).
///
/// `fold`, `map_init` and the like make a state for each thread that gets an item, and a new one if that thread has had
/// nothing to do for 50 milliseconds. Waiting for a slow source uses no CPU, and leaves the threads of the pool to its
/// other jobs, except for the one in the source, and up to some milliseconds for each other one.
///
/// # Blocking
///
/// One thread of the pool is blocked while it is in a source that blocks. An early exit, a panic and `close` do not
/// interrupt that call: the drive returns when it does.
///
/// The source and the consumer may use rayon, also the same pool, and other drives. These block for ever:
///
/// - A consumer that waits for another item to be processed, if the pool has no thread left for that item. A pool of
///   one has none.
/// - A second `par_iter` or `next` on the pool, while a thread of the pool is in a source that itself uses the pool.
///   For example, the source calls `rayon::join`, and that thread runs another job meanwhile, which calls `par_iter` of
///   the same source: the job waits for the source, and the source for the job.
///
/// # Alternatives
///
/// - [`par_bridge`](rayon::iter::ParallelBridge) drives an iterator that is not shared otherwise at about the same
///   cost. Items that were pulled are lost at an early exit. It deadlocks if the source uses rayon.
/// - Plain threads that call [`next`](ThreadsafeIter::next) are better for consumers that block, as those that do I/O:
///   a rayon pool has one thread for each core, and other computations wait for it.
/// - `parallel_map` returns its results in the order of the items.
///
/// # Panics
///
/// A panic of the source comes out of the call that drives it, with its payload, after the items before it have been
/// processed. So does a panic of the consumer, which ends the drive when it has unwound: until then the other threads
/// go on. The iterator is not poisoned, and its rest is still there. A drive on a thread that holds the lock, in the
/// source's own `next` or beside a [guard](ThreadsafeIter::lock), panics with "generator already executing".
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
///
/// Over a channel, whose messages are processed as they come:
///
/// ```
/// use std::sync::mpsc;
/// use std::thread;
///
/// use rayon::prelude::*;
/// use threadsafe_gen::ThreadsafeExt;
///
/// let (sender, receiver) = mpsc::channel();
/// let (answers, answered) = mpsc::channel();
/// thread::scope(|scope| {
///     let requests = receiver.into_iter().threadsafe();
///     scope.spawn(move || requests.into_par_iter().for_each(|n: u32| answers.send(n * n).unwrap()));
///     for n in 0..3 {
///         sender.send(n).unwrap();
///         assert_eq!(answered.recv(), Ok(n * n));
///     }
///     drop(sender);
/// });
/// ```
#[derive(Debug)]
#[must_use = "iterators are lazy and do nothing unless consumed"]
pub struct ParallelItems<T>(T);

impl<'a, I: Iterator<Item: Send> + Send> IntoParallelIterator for &'a ThreadsafeIter<I> {
    type Iter = ParallelItems<Self>;
    type Item = I::Item;

    /// Returns a parallel iterator over the items, which leaves the rest after an early exit: see [`ParallelItems`].
    /// **Order is not preserved.**
    fn into_par_iter(self) -> ParallelItems<&'a ThreadsafeIter<I>> {
        ParallelItems(self)
    }
}

impl<I: Iterator<Item: Send> + Send> IntoParallelIterator for ThreadsafeIter<I> {
    type Iter = ParallelItems<Self>;
    type Item = I::Item;

    /// Returns a parallel iterator over the items: see [`ParallelItems`]. **Order is not preserved.**
    fn into_par_iter(self) -> ParallelItems<Self> {
        ParallelItems(self)
    }
}

impl<I: Iterator<Item: Send> + Send> ParallelIterator for ParallelItems<ThreadsafeIter<I>> {
    type Item = I::Item;

    fn drive_unindexed<C: UnindexedConsumer<I::Item>>(self, consumer: C) -> C::Result {
        drive(&self.0, &Single, consumer)
    }
}

impl<I: Iterator<Item: Send> + Send> ParallelIterator for ParallelItems<&ThreadsafeIter<I>> {
    type Item = I::Item;

    fn drive_unindexed<C: UnindexedConsumer<I::Item>>(self, consumer: C) -> C::Result {
        drive(self.0, &Single, consumer)
    }
}

/// A parallel iterator over chunks of the items of a [`ThreadsafeIter`], made by
/// [`par_chunks`](ThreadsafeIter::par_chunks).
///
/// # Examples
///
/// ```
/// use rayon::prelude::*;
/// use threadsafe_gen::ThreadsafeExt;
///
/// let lines = (1..=1000).map(|n| format!("line {n}")).threadsafe();
/// let bytes: usize = lines.par_chunks(64).map(|lines| lines.iter().map(String::len).sum::<usize>()).sum();
/// assert_eq!(bytes, 7893);
/// ```
#[derive(Debug)]
#[must_use = "iterators are lazy and do nothing unless consumed"]
pub struct ParallelChunks<'a, I: Iterator> {
    iter: &'a ThreadsafeIter<I>,
    size: usize,
}

impl<I: Iterator<Item: Send> + Send> ParallelIterator for ParallelChunks<'_, I> {
    type Item = Vec<I::Item>;

    fn drive_unindexed<C: UnindexedConsumer<Vec<I::Item>>>(self, consumer: C) -> C::Result {
        drive(self.iter, &Chunk::new(self.size), consumer)
    }
}

impl<I: Iterator<Item: Send> + Send> ThreadsafeIter<I> {
    /// Returns a parallel iterator over `Vec`s of up to `n` items, each taken under one lock.
    ///
    /// **Waits for `n` items** before any of them is processed, and one thread processes all of them: for items that
    /// are cheap and always ready. For live or expensive items use `par_iter`. **Order is not preserved** between
    /// chunks; in a chunk the items are consecutive and in order. A chunk is shorter at the end, and where it consists
    /// of items that have been put back.
    ///
    /// For cheap items the lock dominates the cost, which this spreads over `n` items.
    ///
    /// An early exit puts back chunks that have been pulled and not processed. All else is as for [`ParallelItems`].
    ///
    /// # Panics
    ///
    /// Panics if `n` is 0. The drive panics as [`ParallelItems`] does; if the source panics in the middle of a chunk,
    /// the items before that are processed first.
    ///
    /// # Examples
    ///
    /// ```
    /// use rayon::prelude::*;
    /// use threadsafe_gen::ThreadsafeIter;
    ///
    /// let numbers = ThreadsafeIter::new(1..=1000_u64);
    /// let sum: u64 = numbers.par_chunks(64).flat_map_iter(|chunk| chunk).map(|n| n * n).sum();
    /// assert_eq!(sum, 333_833_500);
    /// ```
    #[track_caller]
    pub fn par_chunks(&self, n: usize) -> ParallelChunks<'_, I> {
        assert!(n > 0, "chunk size must be non-zero");
        ParallelChunks { iter: self, size: n }
    }
}
