//! [`ThreadsafeIter`]: the lock around an iterator.

use std::fmt;
use std::iter::FusedIterator;
use std::marker::PhantomData;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use crate::close_on_drop::CloseOnDrop;
use crate::error::TryNextError;
use crate::fill::Fill;
use crate::leftovers::Leftovers;
use crate::lock::{Lock, LockGuard};
use crate::prefetch::{Prefetch, Queue};
use crate::sync::Arc;

/// An iterator that threads can share: each item goes to exactly one of them.
///
/// A lock around the iterator's `next`, as `threadsafe_iter` of the [article of 2012][article] and
/// `threading.serialize_iterator` of `CPython` 3.15 are. Threads that call [`next`](Self::next) at the same time get
/// the lock one after the other, and the order of the items is the order in which they get it. **A call that waits for
/// the lock blocks its thread**, without using CPU. In async code use a `ThreadsafeStream`.
///
/// A `ThreadsafeIter` is not reference-counted: share it like a `Mutex`, by reference in a [scope](std::thread::scope),
/// in a `static`, or in an `Arc`.
///
/// For cheap items the lock dominates the cost: take them [`buffered`](Self::buffered).
///
/// The recipes show how to [share](crate::recipes#share-in-an-arc) one, to [keep](crate::recipes#keep-one-in-a-struct)
/// one in a struct, and more.
///
/// [article]: https://anandology.com/blog/using-iterators-and-generators/
///
/// # The end
///
/// The first `None` of the iterator is final. The iterator is dropped at once, and every later call returns `None`
/// without acquiring the lock, unless a [`buffered`](Self::buffered) consumer puts items back.
///
/// # Panics
///
/// A panic of the iterator, in its `next` or its `size_hint`, comes out of the call in which it happened, unchanged. It
/// is final, and poisons the iterator: every other call, blocked or later, by whichever method, panics with "the
/// iterator panicked earlier: " and the message, or returns an error if it can return one. It never returns `None`, so
/// that a consumer cannot mistake a failed source for an exhausted one. Dropping a poisoned `ThreadsafeIter` does not
/// panic.
///
/// An iterator that calls its own `ThreadsafeIter` from within its `next` panics with "generator already executing",
/// where a mutex alone would deadlock.
///
/// # Deadlocks
///
/// * Two iterators whose `next` calls the other one deadlock if two threads enter one each.
/// * An iterator whose `next` uses rayon can deadlock, or panic with "generator already executing", if jobs of the same
///   pool call `next`: a pool thread that waits within `next` runs other jobs meanwhile, and one of them may call
///   `next` again. Call it from threads outside of the pool.
/// * A [panic hook](std::panic::set_hook) runs while the iterator that panics is locked. If the hook calls `next` of
///   that iterator, the process aborts with a panic in a panic. [`try_next`](Self::try_next) returns an error there.
///
/// # Examples
///
/// ```
/// use std::thread;
/// use threadsafe_gen::ThreadsafeIter;
///
/// let numbers = ThreadsafeIter::new(1..=1000);
/// let sum: u32 = thread::scope(|s| {
///     let workers: Vec<_> = (0..4).map(|_| s.spawn(|| numbers.iter().sum::<u32>())).collect();
///     workers.into_iter().map(|worker| worker.join().unwrap()).sum()
/// });
/// assert_eq!(sum, 500_500);
/// ```
///
/// In an `Arc`, for threads that outlive the function that spawns them:
///
/// ```
/// use std::sync::Arc;
/// use std::thread;
/// use threadsafe_gen::ThreadsafeIter;
///
/// let jobs = Arc::new(ThreadsafeIter::new(["fetch", "parse", "store"].into_iter()));
/// let workers = [(); 2].map(|()| {
///     let jobs = Arc::clone(&jobs);
///     thread::spawn(move || jobs.iter().count())
/// });
/// let done: usize = workers.into_iter().map(|worker| worker.join().unwrap()).sum();
/// assert_eq!(done, 3);
/// ```
///
/// In a `static`, as a source of ids:
///
/// ```
/// use std::ops::RangeFrom;
/// use threadsafe_gen::ThreadsafeIter;
///
/// static IDS: ThreadsafeIter<RangeFrom<u64>> = ThreadsafeIter::new(1..);
///
/// assert_eq!(IDS.next(), Some(1));
/// assert_eq!(IDS.next(), Some(2));
/// ```
#[must_use = "iterators are lazy and do nothing unless consumed"]
pub struct ThreadsafeIter<I: Iterator> {
    pub(crate) lock: Lock<I, Fill<I>>,
    /// The items that `buffered` consumers put back.
    pub(crate) leftovers: Leftovers<I::Item>,
    /// The number of items that the iterator has returned. Stored by the thread that holds the lock.
    pub(crate) taken: AtomicUsize,
    /// The queue of a source that runs ahead: calls wait there, and not under the lock. The lock's status is then
    /// special, so that the fast paths need not look here.
    pub(crate) queue: Option<Arc<Queue<I::Item>>>,
}

impl<I: Iterator> ThreadsafeIter<I> {
    /// Creates a lock around `iter`.
    ///
    /// # Examples
    ///
    /// ```
    /// use threadsafe_gen::ThreadsafeIter;
    ///
    /// let letters = ThreadsafeIter::new("abc".chars());
    /// assert_eq!(letters.next(), Some('a'));
    /// ```
    pub const fn new(iter: I) -> Self {
        Self::with_fill(iter, Fill::OneByOne)
    }

    pub(crate) const fn with_fill(iter: I, fill: Fill<I>) -> Self {
        Self {
            // First, as in `Lock::new`.
            lock: Lock::new("iterator", iter, fill),
            leftovers: const { Leftovers::new() },
            taken: const { AtomicUsize::new(0) },
            queue: None,
        }
    }

    /// Converts the iterator, if it has not ended, together with its fill function and its queue.
    pub(crate) fn map_source<J>(self, convert: impl FnOnce(I, Fill<I>) -> J, fill: Fill<J>) -> ThreadsafeIter<J>
    where
        J: Iterator<Item = I::Item>,
    {
        let Self { lock, leftovers, taken, queue } = self;
        ThreadsafeIter { lock: lock.map(convert, fill), leftovers, taken, queue }
    }

    /// Takes the next item. Returns `None` if the iterator is exhausted or has been [closed](Self::close).
    ///
    /// **Blocks the thread** until the lock is acquired, and then for as long as the iterator's own `next` takes. Costs
    /// about ten nanoseconds if no other thread holds the lock.
    ///
    /// This method takes `&self`, and hides [`Iterator::next`], which needs `&mut self` and takes no lock. An owned
    /// `ThreadsafeIter` is an iterator by that: `for item in items` and `items.map(..)` consume it. To go on sharing
    /// it, write `&items` or [`items.iter()`](Self::iter).
    ///
    /// # Panics
    ///
    /// If the iterator panics or has panicked, or if the iterator itself calls: see [the type](Self#panics).
    ///
    /// # Examples
    ///
    /// ```
    /// use threadsafe_gen::ThreadsafeIter;
    ///
    /// let jobs = ThreadsafeIter::new(["fetch", "parse"].into_iter());
    /// // The lock is held while a job is taken, not while it is processed.
    /// while let Some(job) = jobs.next() {
    ///     println!("{job}");
    /// }
    /// ```
    #[inline]
    #[track_caller]
    pub fn next(&self) -> Option<I::Item> {
        if self.lock.status().is_open_and_empty() {
            if let Some((_, item)) = self.call_next(self.lock.lock()) {
                return Some(item);
            }
        }
        self.next_or_leftover().map(|(_, item)| item)
    }

    /// Calls the source, and releases the lock. The fast paths and the slow one share this, so that it is compiled
    /// once.
    #[inline]
    #[track_caller]
    pub(crate) fn call_next(&self, guard: LockGuard<'_, I, Fill<I>>) -> Option<(usize, I::Item)> {
        guard.call_and_unlock(|iter, _| iter.next(), |item| count_indexed(item, &self.taken), drop)
    }

    /// Attempts to take the next item without waiting for another thread.
    ///
    /// Once the lock is acquired, the call takes as long as the iterator's own `next`.
    ///
    /// # Errors
    ///
    /// * [`WouldBlock`](TryNextError::WouldBlock) if another thread executes the iterator or holds its
    ///   [guard](Self::lock);
    /// * [`Reentrant`](TryNextError::Reentrant) if this thread does;
    /// * [`Poisoned`](TryNextError::Poisoned) if the iterator has panicked.
    ///
    /// # Panics
    ///
    /// If the iterator panics in this call.
    ///
    /// # Examples
    ///
    /// ```
    /// use threadsafe_gen::{ThreadsafeIter, TryNextError};
    ///
    /// let numbers = ThreadsafeIter::new(1..);
    /// assert_eq!(numbers.try_next(), Ok(Some(1)));
    ///
    /// let guard = numbers.lock();
    /// assert_eq!(numbers.try_next(), Err(TryNextError::Reentrant));
    /// std::thread::scope(|s| {
    ///     s.spawn(|| assert_eq!(numbers.try_next(), Err(TryNextError::WouldBlock)));
    /// });
    /// ```
    pub fn try_next(&self) -> Result<Option<I::Item>, TryNextError> {
        self.next_now()
    }

    /// Takes the next item, and waits for the lock for at most `timeout`.
    ///
    /// **`timeout` bounds the wait for the lock, not the iterator's own `next`.** Once the lock is acquired, the call
    /// takes as long as that does. To bound the whole call, let the iterator run ahead by
    /// [`prefetch`](crate::ThreadsafeExt::prefetch).
    ///
    /// # Errors
    ///
    /// * [`TimedOut`](TryNextError::TimedOut) if another thread still holds the lock when the time is over;
    /// * [`Reentrant`](TryNextError::Reentrant), at once, if this thread holds the lock;
    /// * [`Poisoned`](TryNextError::Poisoned) if the iterator has panicked.
    ///
    /// # Panics
    ///
    /// If the iterator panics in this call.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use threadsafe_gen::ThreadsafeIter;
    ///
    /// let frames = ThreadsafeIter::new(["first", "second"].into_iter());
    /// assert_eq!(frames.next_timeout(Duration::from_millis(5)), Ok(Some("first")));
    /// ```
    pub fn next_timeout(&self, timeout: Duration) -> Result<Option<I::Item>, TryNextError> {
        self.next_within(timeout)
    }

    /// Takes the next item together with its index in the iterator, which starts at 0.
    ///
    /// Use the index to restore the iterator's order after parallel processing. Otherwise like [`next`](Self::next).
    ///
    /// Like [`enumerate`](Iterator::enumerate), the count does not guard against more than `usize::MAX` items. On
    /// 32-bit targets the index after 4,294,967,295 is 0.
    ///
    /// # Panics
    ///
    /// As [`next`](Self::next).
    ///
    /// # Examples
    ///
    /// ```
    /// use threadsafe_gen::ThreadsafeIter;
    ///
    /// let words = ThreadsafeIter::new("so it goes".split(' '));
    /// words.next();
    /// assert_eq!(words.next_indexed(), Some((1, "it")));
    /// ```
    #[inline]
    #[track_caller]
    pub fn next_indexed(&self) -> Option<(usize, I::Item)> {
        if self.lock.status().is_open_and_empty() {
            if let Some(item) = self.call_next(self.lock.lock()) {
                return Some(item);
            }
        }
        self.next_or_leftover()
    }

    /// Acquires the lock, to take several items with no other thread in between.
    ///
    /// Blocks until the lock is acquired. The guard is an iterator over the items. While it is alive, calls of other
    /// threads block, and a call of this thread panics with "generator already executing". (Only items that were put
    /// back can be taken beside a guard.) A panic of the thread that holds the guard does not poison the iterator,
    /// unless it is the iterator's own.
    ///
    /// **`while let Some(item) = items.lock().next()` holds the lock while the item is processed**, as with any mutex.
    /// So does `for item in items.lock()`. For one item at a time use [`next`](Self::next).
    ///
    /// The guard holds the lock until it is dropped. If the iterator ends while the guard is alive, **its destructor
    /// runs under the lock**: one that joins a thread which waits for the lock deadlocks, and one that calls this
    /// `ThreadsafeIter` panics. A pool thread of rayon that holds a guard and waits for a job may run a job that calls
    /// this iterator, which then panics: drop the guard before you call rayon.
    ///
    /// # Panics
    ///
    /// As [`next`](Self::next).
    ///
    /// # Examples
    ///
    /// ```
    /// use threadsafe_gen::ThreadsafeIter;
    ///
    /// let numbers = ThreadsafeIter::new(0..);
    /// let pair: Vec<_> = numbers.lock().take(2).collect();
    /// assert_eq!(pair, [0, 1]);
    /// ```
    #[track_caller]
    pub fn lock(&self) -> IterGuard<'_, I> {
        self.lock.status().check_open();
        let guard = self.lock.lock();
        self.lock.status().check_open();
        IterGuard { iter: self, guard, not_send: PhantomData }
    }

    /// Returns an iterator over the shared items, for chains of adaptors.
    ///
    /// **An adaptor that looks at an item and does not return it keeps that item from the other threads**: the first
    /// item that `take_while` rejects, the one that a dropped `peekable` has looked at, and the one that `zip` has
    /// taken when the other side ends. `enumerate` counts the items of this thread: for their indexes in the source,
    /// use [`next_indexed`](Self::next_indexed).
    ///
    /// Each thread can have its own. A `for` loop needs no call: `for item in &numbers`. For one in an `Arc`, write
    /// `for item in numbers.iter()`.
    ///
    /// # Examples
    ///
    /// ```
    /// use threadsafe_gen::ThreadsafeIter;
    ///
    /// let numbers = ThreadsafeIter::new(0..);
    /// let even: Vec<_> = numbers.iter().filter(|n| n % 2 == 0).take(3).collect();
    /// assert_eq!(even, [0, 2, 4]);
    /// ```
    pub const fn iter(&self) -> Iter<'_, I> {
        Iter(self)
    }

    /// Closes the iterator: ends it for all threads, without blocking.
    ///
    /// A call in progress finishes and delivers its item. **Calls that wait for the lock return `None` when the call in
    /// progress ends, not before**, except that callers of an iterator that runs ahead by
    /// [`prefetch`](crate::ThreadsafeExt::prefetch) return at once. Every later call returns `None`. The iterator is
    /// dropped here or, if a call is in progress, by that call's thread. Closing an iterator that has ended drops the
    /// items that were put back, and closing a poisoned one does nothing.
    ///
    /// **To a caller, `None` after a close looks like the end.** [`is_closed`](Self::is_closed) tells them apart.
    ///
    /// # Examples
    ///
    /// ```
    /// use threadsafe_gen::ThreadsafeIter;
    ///
    /// let numbers = ThreadsafeIter::new(0..);
    /// numbers.next();
    /// numbers.close();
    /// assert_eq!(numbers.next(), None);
    /// ```
    pub fn close(&self) {
        let iter = self.lock.close();
        let leftovers = self.leftovers.take_all(self.lock.status());
        self.wake_waiting();
        drop((iter, leftovers));
    }

    /// Returns a guard that [closes](Self::close) the iterator when it is dropped, unless it has ended by then.
    ///
    /// A worker that leaves early, by `?`, `break` or a panic, so stops the others. See [`CloseOnDrop`].
    ///
    /// # Examples
    ///
    /// ```
    /// use std::thread;
    /// use threadsafe_gen::ThreadsafeIter;
    ///
    /// let numbers = ThreadsafeIter::new(0..);
    /// let worker = thread::scope(|s| {
    ///     s.spawn(|| numbers.iter().for_each(drop)); // Ends only because the other worker closes the iterator.
    ///     let worker = s.spawn(|| {
    ///         let _close = numbers.close_on_drop();
    ///         panic!("out of memory");
    ///     });
    ///     worker.join().map(drop)
    /// });
    /// assert!(worker.is_err() && numbers.is_finished());
    /// ```
    pub const fn close_on_drop(&self) -> CloseOnDrop<'_, Self> {
        CloseOnDrop::new(self, |iter| {
            if let Ok(source) = iter.lock.close_if_open() {
                let leftovers = iter.leftovers.take_all(iter.lock.status());
                iter.wake_waiting();
                drop((source, leftovers));
            }
        })
    }

    /// Returns the number of items that callers have taken so far. Never blocks. Useful for progress bars.
    ///
    /// Items in the buffer of a consumer, and items that were put back, count as taken. An error that the source gives
    /// as its last item is an item too. Items that are ready by [`prefetch`](crate::ThreadsafeExt::prefetch) do not
    /// count.
    ///
    /// # Examples
    ///
    /// ```
    /// use threadsafe_gen::ThreadsafeIter;
    ///
    /// let numbers = ThreadsafeIter::new(0..100);
    /// numbers.iter().take(30).for_each(drop);
    /// assert_eq!(numbers.taken(), 30);
    /// ```
    #[must_use]
    pub fn taken(&self) -> usize {
        self.taken.load(Relaxed)
    }

    /// Returns `true` if no items are left: the iterator is exhausted or has been closed. Never blocks.
    ///
    /// Can change from `true` back to `false`: a [`buffered`](Self::buffered) consumer may put items back after the
    /// end. Returns `false` for an iterator that has panicked, see [`is_poisoned`](Self::is_poisoned).
    ///
    /// # Examples
    ///
    /// ```
    /// use threadsafe_gen::ThreadsafeIter;
    ///
    /// let numbers = ThreadsafeIter::new(0..2);
    /// assert!(!numbers.is_finished());
    /// numbers.iter().for_each(drop);
    /// assert!(numbers.is_finished());
    /// ```
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.lock.status().is_finished()
    }

    /// Returns `true` if the iterator was [closed](Self::close), so that the consumers may not have had all items.
    /// Never blocks.
    ///
    /// A `close` after the end counts too; a [`close_on_drop`](Self::close_on_drop) guard closes nothing then.
    ///
    /// # Examples
    ///
    /// ```
    /// use threadsafe_gen::ThreadsafeIter;
    ///
    /// let numbers = ThreadsafeIter::new(0..2);
    /// numbers.iter().for_each(drop);
    /// assert!(numbers.is_finished() && !numbers.is_closed());
    ///
    /// let numbers = ThreadsafeIter::new(0..2);
    /// numbers.next();
    /// numbers.close();
    /// assert!(numbers.is_finished() && numbers.is_closed());
    /// ```
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.lock.status().is_closed()
    }

    /// Returns `true` if the iterator has panicked. Never blocks.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::panic::catch_unwind;
    /// use threadsafe_gen::{ThreadsafeExt, TryNextError};
    ///
    /// let lines = ["1", "x"].into_iter().map(|line| line.parse::<u32>().expect("a number")).threadsafe();
    /// lines.next();
    /// assert!(catch_unwind(|| lines.next()).is_err());
    /// assert!(lines.is_poisoned());
    /// assert_eq!(lines.try_next(), Err(TryNextError::Poisoned));
    /// ```
    #[must_use]
    pub fn is_poisoned(&self) -> bool {
        self.lock.status().is_poisoned()
    }

    /// Returns bounds on the remaining items for one caller. Never blocks.
    ///
    /// The lower bound is always 0, because other threads may take the items. The upper bound is the iterator's own,
    /// and unknown while a call is in progress.
    ///
    /// This method hides [`Iterator::size_hint`] of an owned `ThreadsafeIter`, whose lower bound is the iterator's own.
    ///
    /// # Panics
    ///
    /// If the iterator's own `size_hint` panics in this call, which poisons the iterator.
    ///
    /// # Examples
    ///
    /// ```
    /// use threadsafe_gen::ThreadsafeIter;
    ///
    /// let numbers = ThreadsafeIter::new(0..10);
    /// numbers.next();
    /// assert_eq!(numbers.size_hint(), (0, Some(9)));
    /// ```
    #[must_use]
    pub fn size_hint(&self) -> (usize, Option<usize>) {
        (0, self.exact_size_hint().1)
    }

    /// Returns the size hint of the iterator together with the items that were put back.
    fn exact_size_hint(&self) -> (usize, Option<usize>) {
        let status = self.lock.status();
        // Held until the items that were put back are counted.
        let guard = self.lock.try_lock(None);
        let hint = guard.as_ref().and_then(|guard| guard.inspect(I::size_hint));
        let (lower, upper) = hint.unwrap_or((0, status.has_ended().then_some(0)));
        let Some((leftovers, may_come_back)) = self.leftovers.len(status) else { return (0, Some(0)) };
        let upper = upper.filter(|_| !may_come_back).and_then(|upper| upper.checked_add(leftovers));
        (lower.saturating_add(leftovers), upper)
    }

    /// Returns the iterator, or `None` if it has ended or been closed, and so been dropped.
    ///
    /// Items that were put back and not taken since are dropped.
    ///
    /// # Panics
    ///
    /// If the iterator has panicked.
    ///
    /// # Examples
    ///
    /// ```
    /// use threadsafe_gen::ThreadsafeIter;
    ///
    /// let numbers = ThreadsafeIter::new(0..3);
    /// numbers.next();
    /// assert_eq!(numbers.into_inner(), Some(1..3));
    /// ```
    #[track_caller]
    pub fn into_inner(self) -> Option<I> {
        self.lock.into_source()
    }

    /// Returns a reference to the iterator, or `None` if it has ended or been closed, and so been dropped.
    ///
    /// Exclusive access needs no lock. Items that are taken from the iterator directly are not counted by
    /// [`next_indexed`](Self::next_indexed) and [`taken`](Self::taken).
    ///
    /// If a [prefetched](crate::ThreadsafeExt::prefetch) iterator is [`boxed`](Self::boxed), this call makes it a
    /// source like any other: later calls wait for an item under the lock, where `close` and time limits do not reach
    /// them.
    ///
    /// # Panics
    ///
    /// If the iterator has panicked.
    ///
    /// # Examples
    ///
    /// ```
    /// use threadsafe_gen::ThreadsafeIter;
    ///
    /// let mut numbers = ThreadsafeIter::new(0..3);
    /// assert_eq!(numbers.get_mut().map(|range| range.len()), Some(3));
    /// ```
    #[track_caller]
    pub fn get_mut(&mut self) -> Option<&mut I> {
        if self.queue.is_some() && matches!(self.lock.aux_mut(), Fill::Batch(..)) {
            // The caller may put the box inside an adaptor, which takes each `None` for the end. Attempts would reach
            // the source within it.
            self.queue = None;
            self.lock.status_mut().clear_attempts();
        }
        self.lock.source_mut()
    }
}

/// Counts an item. The caller holds the lock, so that the store loses no count.
#[inline]
fn count<T>(item: T, taken: &AtomicUsize) -> T {
    count_indexed(item, taken).1
}

/// Counts an item, and returns it with its index.
#[inline]
pub(crate) fn count_indexed<T>(item: T, taken: &AtomicUsize) -> (usize, T) {
    let index = taken.load(Relaxed);
    taken.store(index.wrapping_add(1), Relaxed);
    (index, item)
}

impl<T> ThreadsafeIter<Prefetch<T>> {
    pub(crate) fn prefetched(prefetch: Prefetch<T>) -> Self {
        let queue = prefetch.queue();
        let mut iter = Self::with_fill(prefetch, Fill::Function(Prefetch::fill));
        iter.lock.status_mut().set_attempts(queue.attempts());
        iter.queue = Some(queue);
        iter
    }
}

/// Takes items by exclusive access, without locking.
impl<I: Iterator> Iterator for ThreadsafeIter<I> {
    type Item = I::Item;

    /// Takes the next item without locking. Hidden by the method of the same name that takes `&self`.
    #[inline]
    #[track_caller]
    fn next(&mut self) -> Option<I::Item> {
        let Self { lock, taken, .. } = self;
        if lock.status().is_open_and_empty_or_special() {
            if let Some(item) = lock.call_mut(|iter, _| iter.next(), |item| count(item, taken), drop) {
                return Some(item);
            }
        }
        self.next_or_leftover().map(|(_, item)| item)
    }

    /// Returns the bounds of the iterator itself. Hidden by the method of the same name, whose lower bound is 0.
    fn size_hint(&self) -> (usize, Option<usize>) {
        self.exact_size_hint()
    }
}

impl<I: Iterator> FusedIterator for ThreadsafeIter<I> {}

/// Takes items that are shared with all other threads.
#[expect(clippy::copy_iterator, reason = "a copy of the reference is meant to share the items")]
impl<I: Iterator> Iterator for &ThreadsafeIter<I> {
    type Item = I::Item;

    #[inline]
    #[track_caller]
    fn next(&mut self) -> Option<I::Item> {
        (**self).next()
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (**self).size_hint()
    }
}

impl<I: Iterator> From<I> for ThreadsafeIter<I> {
    fn from(iter: I) -> Self {
        Self::new(iter)
    }
}

impl<I: Iterator> fmt::Debug for ThreadsafeIter<I> {
    /// Writes the state without blocking. Writes nothing of the iterator, which another thread may execute.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ThreadsafeIter").field("state", &self.lock).finish_non_exhaustive()
    }
}

// A panic of the iterator poisons it, so that no caller can see a state that the panic left broken.
impl<I: Iterator> UnwindSafe for ThreadsafeIter<I> {}
impl<I: Iterator> RefUnwindSafe for ThreadsafeIter<I> {}

/// An iterator over the items of a [`ThreadsafeIter`], shared with all other threads. Returned by
/// [`ThreadsafeIter::iter`].
///
/// Its clones share the same items.
///
/// # Examples
///
/// ```
/// use threadsafe_gen::ThreadsafeIter;
///
/// let numbers = ThreadsafeIter::new(0..4);
/// let (one, other) = (numbers.iter(), numbers.iter());
/// assert!(one.zip(other).eq([(0, 1), (2, 3)]));
/// ```
#[must_use = "iterators are lazy and do nothing unless consumed"]
pub struct Iter<'a, I: Iterator>(&'a ThreadsafeIter<I>);

impl<I: Iterator> Iterator for Iter<'_, I> {
    type Item = I::Item;

    #[inline]
    #[track_caller]
    fn next(&mut self) -> Option<I::Item> {
        self.0.next()
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.0.size_hint()
    }
}

impl<I: Iterator> Clone for Iter<'_, I> {
    fn clone(&self) -> Self {
        Self(self.0)
    }
}

impl<I: Iterator> fmt::Debug for Iter<'_, I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Iter").field(self.0).finish()
    }
}

/// RAII guard that holds the lock of a [`ThreadsafeIter`]. Returned by [`ThreadsafeIter::lock`].
///
/// An iterator over the items. It releases the lock when it is dropped, on the thread that acquired it: it is not
/// `Send`.
///
/// # Examples
///
/// ```
/// use threadsafe_gen::ThreadsafeIter;
///
/// let lines = ThreadsafeIter::new(["length: 2", "a", "b", "length: 0"].into_iter());
/// let record: Vec<_> = {
///     // The header and the lines after it go to the same thread.
///     let mut lines = lines.lock();
///     let header = lines.next().unwrap_or_default();
///     let length = header.trim_start_matches("length: ").parse().unwrap_or(0);
///     lines.take(length).collect()
/// };
/// assert_eq!(record, ["a", "b"]);
/// ```
#[must_use = "the lock is released as soon as the guard is dropped"]
pub struct IterGuard<'a, I: Iterator> {
    iter: &'a ThreadsafeIter<I>,
    guard: LockGuard<'a, I, Fill<I>>,
    // Never `Send`: `owner` records the acquiring thread, also if a feature of parking_lot makes its guards `Send`.
    not_send: PhantomData<*mut ()>,
}

impl<I: Iterator> Iterator for IterGuard<'_, I> {
    type Item = I::Item;

    #[inline]
    #[track_caller]
    fn next(&mut self) -> Option<I::Item> {
        let ThreadsafeIter { lock, leftovers, taken, .. } = self.iter;
        let leftover = || leftovers.take(lock.status()).map(|(_, item)| item);
        loop {
            if let Some(item) = leftover() {
                return Some(item);
            }
            let attempt = lock.status().start_attempt();
            let item = self.guard.call(|iter, _| iter.next(), |item| count(item, taken), drop);
            drop(attempt);
            match self.iter.queue_unless_finished() {
                // Waits under the lock, as the guard's holder wants it, but so that `close` ends the wait.
                Some(queue) if item.is_none() => self.iter.wait_for_item(queue),
                _ => return item.or_else(leftover),
            }
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let Some((leftovers, may_come_back)) = self.iter.leftovers.len(self.iter.lock.status()) else {
            return (0, Some(0));
        };
        let (lower, upper) = self.guard.inspect(I::size_hint).unwrap_or((0, Some(0)));
        (lower, upper.filter(|_| leftovers == 0 && !may_come_back))
    }
}

impl<I: Iterator> fmt::Debug for IterGuard<'_, I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IterGuard").finish_non_exhaustive()
    }
}
