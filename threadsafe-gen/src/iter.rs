//! [`ThreadsafeIter`]: the lock around an iterator. How a turn is taken and ended is in `lock.rs`.

use std::error::Error;
use std::fmt;
use std::iter::FusedIterator;
use std::marker::PhantomData;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::time::Duration;

use crate::buffered::{Buffered, Chunks};
use crate::leftovers::Leftovers;
use crate::lock::{Lock, LockGuard, Refusal};

/// An iterator that threads can share: each item goes to exactly one of them.
///
/// It is a lock around the iterator's `next`, as `threadsafe_iter` of the [article of 2012][article] and
/// `threading.serialize_iterator` of `CPython` 3.15 are. Where several threads call [`next`](Self::next) at a time,
/// they take turns, and the order of the items is the order of the turns. A thread that waits uses no CPU.
///
/// There is no `Arc` in it, as there is none in a `Mutex`: share it by reference in a [scope](std::thread::scope), in a
/// `static`, or in an `Arc`.
///
/// A consumer of many cheap items takes them [`buffered`](Self::buffered).
///
/// [article]: https://anandology.com/blog/using-iterators-and-generators/
///
/// # The end
///
/// The first `None` of the iterator is final. The iterator is dropped there and then, and every later call returns
/// `None` without taking the lock, unless a consumer of many items at a time gives some [back](Self::buffered).
///
/// # Panics
///
/// A panic of the iterator comes out of the call in which it happened, unchanged. It is final too, and everybody is
/// told: every other call, waiting or later, by whichever method, panics with "the iterator panicked earlier: " and
/// the message, or returns an error if it can return one. It never returns `None`: nobody shall take half of the items
/// for all of them. Dropping the `ThreadsafeIter` is quiet.
///
/// An iterator that asks itself for an item, from within its own `next`, panics with "generator already executing",
/// where a mutex alone would wait for itself for ever.
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
    pub(crate) lock: Lock<I, IterState<I>>,
    /// What consumers of many items at a time took and gave back.
    pub(crate) leftovers: Leftovers<I::Item>,
}

/// What goes with the iterator under the lock.
pub(crate) struct IterState<I: Iterator> {
    /// How many items the iterator has given.
    pub(crate) taken: usize,
    pub(crate) fill: Fill<I>,
}

/// Puts up to so many items of the iterator into an empty buffer, and says whether it ended before.
///
/// A function that is chosen where it is still known what the iterator is, and called once for many items.
pub(crate) type Fill<I> = fn(&mut I, &mut Vec<<I as Iterator>::Item>, usize) -> bool;

impl<I: Iterator> ThreadsafeIter<I> {
    /// Puts a lock around `iter`.
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
        Self::with_fill(iter, fill)
    }

    pub(crate) const fn with_fill(iter: I, fill: Fill<I>) -> Self {
        Self { leftovers: const { Leftovers::new() }, lock: Lock::new("iterator", iter, IterState { taken: 0, fill }) }
    }

    /// Takes the next item, or `None` if there is none left or the iterator has been [closed](Self::close).
    ///
    /// Waits for its turn, and for the iterator. It costs what a lock costs: some ten nanoseconds when nobody else is
    /// inside.
    ///
    /// # Panics
    ///
    /// If the iterator panics, now or earlier, or if it is its own `next` that calls: see [the type](Self#panics).
    ///
    /// # Examples
    ///
    /// ```
    /// use threadsafe_gen::ThreadsafeIter;
    ///
    /// let jobs = ThreadsafeIter::new(["fetch", "parse"].into_iter());
    /// // The lock is held while a job is taken, not while it is worked on.
    /// while let Some(job) = jobs.next() {
    ///     println!("{job}");
    /// }
    /// ```
    #[inline]
    #[track_caller]
    pub fn next(&self) -> Option<I::Item> {
        if self.lock.status().is_open_and_empty() {
            if let Some(item) = self.lock.call(|iter, aux| take(iter, aux), drop) {
                return Some(item);
            }
        }
        self.next_or_leftover().map(|(_, item)| item)
    }

    /// Takes the next item if that is possible without waiting for another thread.
    ///
    /// Once it has its turn it does wait for the iterator's own `next`.
    ///
    /// # Errors
    ///
    /// [`AlreadyExecuting`](TryNextError::AlreadyExecuting) if a call is in progress, on another thread or on this
    /// one, or somebody holds a [guard](Self::lock); [`Poisoned`](TryNextError::Poisoned) if the iterator has panicked.
    ///
    /// # Panics
    ///
    /// If the iterator panics in this very call.
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
    /// assert_eq!(numbers.try_next(), Err(TryNextError::AlreadyExecuting));
    /// ```
    pub fn try_next(&self) -> Result<Option<I::Item>, TryNextError> {
        self.next_within(None)
    }

    /// Takes the next item, waiting at most `timeout` for its turn.
    ///
    /// The limit is for the turn. Once it has it, the call waits for the iterator's own `next`, however long that
    /// takes.
    ///
    /// # Errors
    ///
    /// [`AlreadyExecuting`](TryNextError::AlreadyExecuting) if another call is still in progress when the time is
    /// over, or, at once, if it is this thread's own, which no waiting would end;
    /// [`Poisoned`](TryNextError::Poisoned) if the iterator has panicked.
    ///
    /// # Panics
    ///
    /// If the iterator panics in this very call.
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
        self.next_within(Some(timeout))
    }

    fn next_within(&self, timeout: Option<Duration>) -> Result<Option<I::Item>, TryNextError> {
        let leftover = || self.leftovers.take(self.lock.status()).map(|(_, item)| item);
        if let Some(item) = leftover() {
            return Ok(Some(item));
        }
        match self.lock.try_call(timeout, take) {
            Ok(item) => Ok(item.or_else(leftover)),
            Err(Refusal::AlreadyExecuting) => Err(TryNextError::AlreadyExecuting),
            Err(Refusal::Poisoned) => Err(TryNextError::Poisoned),
        }
    }

    /// Takes the next item together with its position: the first item of the iterator has index 0.
    ///
    /// By the indexes, what several threads make of the items can be put back in order. In all else it is
    /// [`next`](Self::next).
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
            if let Some(item) = self.lock.call(take_indexed, drop) {
                return Some(item);
            }
        }
        self.next_or_leftover()
    }

    /// The next item for whoever may find that others have given some back, which come first.
    #[cold]
    #[track_caller]
    fn next_or_leftover(&self) -> Option<(usize, I::Item)> {
        let leftover = || self.leftovers.take(self.lock.status());
        if let Some(item) = leftover() {
            return Some(item);
        }
        self.lock.status().check_open()?;
        self.lock.call(take_indexed, drop).or_else(leftover)
    }

    /// Takes the lock, for several items with nobody in between.
    ///
    /// Waits for its turn. The guard is an iterator over the items. While it lives every other call waits, and a call
    /// of this same thread is re-entry, which panics, unless there are items that a [`buffered`](Self::buffered)
    /// consumer gave back, which are had without the iterator. A panic of the thread that holds the guard spoils
    /// nothing, unless it is the iterator's own.
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
        let held = self.lock.lock();
        self.lock.status().check_open();
        IterGuard { iter: self, held, not_send: PhantomData }
    }

    /// An iterator for one consumer that takes up to `n` items a lock.
    ///
    /// The lock is most of what a cheap item costs; this divides it by `n`. The order of the items within a consumer
    /// stays. What it has taken and not given out goes back when it is dropped, by a `break` or a panic too, and is
    /// what the next caller gets, whoever that is.
    ///
    /// Each refill waits for its turn, and for `n` items, or for as many as there are. How to choose `n`: see [the
    /// crate's page](crate#how-many-at-a-time).
    ///
    /// # Panics
    ///
    /// If `n` is 0. Its `next` panics as [`next`](Self::next) does; where the iterator panics with a part of the `n`
    /// items taken, the consumer first gets these.
    ///
    /// # Examples
    ///
    /// ```
    /// use threadsafe_gen::ThreadsafeIter;
    ///
    /// let numbers = ThreadsafeIter::new(0..1000);
    /// let first = numbers.buffered(64).find(|n| n % 10 == 9);
    /// assert_eq!(first, Some(9));
    /// // 64 items were taken, 10 used, 54 given back.
    /// assert_eq!(numbers.next(), Some(10));
    /// ```
    #[track_caller]
    pub fn buffered(&self, n: usize) -> Buffered<'_, I> {
        Buffered::new(self, n)
    }

    /// An iterator for one consumer over `Vec`s of up to `n` items, each taken under one lock.
    ///
    /// A `Vec` is shorter where the iterator ends, and where it consists of what others gave back.
    ///
    /// # Panics
    ///
    /// As [`buffered`](Self::buffered).
    ///
    /// # Examples
    ///
    /// ```
    /// use threadsafe_gen::ThreadsafeIter;
    ///
    /// let numbers = ThreadsafeIter::new(0..5);
    /// assert!(numbers.chunks(2).eq([vec![0, 1], vec![2, 3], vec![4]]));
    /// ```
    #[track_caller]
    pub fn chunks(&self, n: usize) -> Chunks<'_, I> {
        Chunks::new(self, n)
    }

    /// A reference, which is itself an iterator over the shared items: for chains of adaptors.
    ///
    /// Each thread can have its own. In `for item in &numbers` no call is needed.
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
    pub const fn iter(&self) -> &Self {
        self
    }

    /// Ends the iteration for everybody, from any thread, without waiting.
    ///
    /// A call in progress finishes and delivers its item. Every call that waits and every later one returns `None`.
    /// The iterator is dropped here or, if a call is in progress, when that call is over. Closing what has ended does
    /// nothing.
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
        drop((iter, leftovers));
    }

    /// Whether there is nothing left to take: the iterator has ended or been closed. Never waits.
    ///
    /// A consumer of many at a time may still give items back, and then there is something again.
    ///
    /// One that has panicked has not finished, see [`is_poisoned`](Self::is_poisoned).
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.lock.status().is_finished()
    }

    /// Whether the iterator has panicked. Never waits.
    #[must_use]
    pub fn is_poisoned(&self) -> bool {
        self.lock.status().is_poisoned()
    }

    /// How many items there may be for one caller: none at least, since others may take them, and at most as many as
    /// the iterator says it has.
    ///
    /// Never waits; while a call is in progress the upper bound is not known.
    #[must_use]
    pub fn size_hint(&self) -> (usize, Option<usize>) {
        (0, self.exact_size_hint().1)
    }

    /// The size hint of the iterator together with what has been given back.
    fn exact_size_hint(&self) -> (usize, Option<usize>) {
        let status = self.lock.status();
        // LockGuard until what has been given back is counted.
        let held = self.lock.try_lock(None);
        let hint = held.as_ref().and_then(|held| held.inspect(I::size_hint));
        let (lower, upper) = hint.unwrap_or((0, status.has_ended().then_some(0)));
        let Some((leftovers, may_come_back)) = self.leftovers.len(status) else { return (0, Some(0)) };
        let upper = upper.filter(|_| !may_come_back).and_then(|upper| upper.checked_add(leftovers));
        (lower.saturating_add(leftovers), upper)
    }

    /// Gives the iterator back, or `None` if it has ended or been closed, and so been dropped.
    ///
    /// Items that a [`buffered`](Self::buffered) consumer gave back and nobody has taken since are dropped.
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

    /// The iterator itself, or `None` if it has ended or been closed, and so been dropped. Takes no lock.
    ///
    /// Items that are taken from it directly are not counted by [`next_indexed`](Self::next_indexed).
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
        self.lock.source_mut()
    }
}

/// Takes one item from the iterator, and counts it.
#[inline]
fn take<I: Iterator>(iter: &mut I, aux: &mut IterState<I>) -> Option<I::Item> {
    let item = iter.next()?;
    aux.taken += 1;
    Some(item)
}

#[inline]
fn take_indexed<I: Iterator>(iter: &mut I, aux: &mut IterState<I>) -> Option<(usize, I::Item)> {
    let item = take(iter, aux)?;
    Some((aux.taken - 1, item))
}

/// The [`Fill`] for iterators of which nothing is known: by internal iteration, which chains of adaptors are better at.
fn fill<I: Iterator>(iter: &mut I, buffer: &mut Vec<I::Item>, n: usize) -> bool {
    // As much as there can be, but not whatever a caller asks for; past that it grows as it is filled.
    const AT_ONCE: usize = 1024;
    buffer.reserve_exact(iter.size_hint().1.unwrap_or(0).min(n).min(AT_ONCE));
    iter.all(|item| {
        buffer.push(item);
        buffer.len() < n
    })
}

/// By `&mut self` nobody else can be inside, and no lock is taken.
impl<I: Iterator> Iterator for ThreadsafeIter<I> {
    type Item = I::Item;

    #[inline]
    #[track_caller]
    fn next(&mut self) -> Option<I::Item> {
        if self.lock.status().is_open_and_empty() {
            if let Some(item) = self.lock.call_mut(|iter, aux| take(iter, aux), drop) {
                return Some(item);
            }
        }
        self.next_or_leftover().map(|(_, item)| item)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.exact_size_hint()
    }
}

impl<I: Iterator> FusedIterator for ThreadsafeIter<I> {}

/// Items shared with every other holder of a reference.
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
    /// Never waits, and says nothing of the iterator, which may be in use.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ThreadsafeIter").field("state", &self.lock).finish_non_exhaustive()
    }
}

// A panic of the iterator poisons it, so that no caller can come upon what the panic left half-done.
impl<I: Iterator> UnwindSafe for ThreadsafeIter<I> {}
impl<I: Iterator> RefUnwindSafe for ThreadsafeIter<I> {}

/// Several items with nobody in between: the lock of a [`ThreadsafeIter`], held. Made by [`ThreadsafeIter::lock`].
///
/// An iterator. It lets the lock go when it is dropped, on the thread that took it: it is not `Send`.
#[must_use = "the lock is let go as soon as the guard is dropped"]
pub struct IterGuard<'a, I: Iterator> {
    iter: &'a ThreadsafeIter<I>,
    held: LockGuard<'a, I, IterState<I>>,
    // A thread is told from another by who took the lock, whatever a feature of parking_lot says about its guards.
    not_send: PhantomData<*mut ()>,
}

impl<I: Iterator> Iterator for IterGuard<'_, I> {
    type Item = I::Item;

    #[inline]
    #[track_caller]
    fn next(&mut self) -> Option<I::Item> {
        let leftover = || self.iter.leftovers.take(self.iter.lock.status()).map(|(_, item)| item);
        if let Some(item) = leftover() {
            return Some(item);
        }
        self.held.call(take, drop).or_else(leftover)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let Some((leftovers, may_come_back)) = self.iter.leftovers.len(self.iter.lock.status()) else {
            return (0, Some(0));
        };
        let (lower, upper) = self.held.inspect(I::size_hint).unwrap_or((0, Some(0)));
        (lower, upper.filter(|_| leftovers == 0 && !may_come_back))
    }
}

impl<I: Iterator> fmt::Debug for IterGuard<'_, I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IterGuard").finish_non_exhaustive()
    }
}

/// Why [`try_next`](ThreadsafeIter::try_next) or [`next_timeout`](ThreadsafeIter::next_timeout) took no item.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TryNextError {
    /// A call is in progress, on another thread or on this one.
    AlreadyExecuting,
    /// The iterator has panicked.
    Poisoned,
}

impl fmt::Display for TryNextError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::AlreadyExecuting => "generator already executing",
            Self::Poisoned => "the iterator panicked earlier",
        })
    }
}

impl Error for TryNextError {}

/// [`threadsafe`](Self::threadsafe) on every iterator.
pub trait ThreadsafeExt: Iterator + Sized {
    /// Puts a lock around the iterator: [`ThreadsafeIter::new`] at the end of a chain.
    ///
    /// A `ThreadsafeIter` within the chain takes no lock of its own, since the chain owns it.
    ///
    /// # Examples
    ///
    /// ```
    /// use threadsafe_gen::ThreadsafeExt;
    ///
    /// let lines = "a\nb".lines().enumerate().threadsafe();
    /// assert_eq!(lines.next(), Some((0, "a")));
    /// ```
    fn threadsafe(self) -> ThreadsafeIter<Self> {
        ThreadsafeIter::new(self)
    }
}

impl<I: Iterator> ThreadsafeExt for I {}
