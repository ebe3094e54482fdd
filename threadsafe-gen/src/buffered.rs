//! [`Buffered`] and [`Chunks`]: consumers that take many items per lock and put back the items that they do not use.
//!
//! At any time an item is in exactly one place: still in the source, among the
//! [`Leftovers`](crate::leftovers::Leftovers), in the buffer of one consumer, or with the code that received it.

use std::any::Any;
use std::fmt;
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::Ordering::Relaxed;
use std::vec;

use crate::fill::Fill;
use crate::iter::ThreadsafeIter;
use crate::leftovers::ConsumerGuard;
use crate::pull::{Limit, Pulled};

impl<I: Iterator> ThreadsafeIter<I> {
    /// Returns an iterator for one consumer that takes up to `size` items per lock.
    ///
    /// For cheap items the lock dominates the cost. Buffering spreads it over `size` items. **Each refill blocks until
    /// `size` items are there**, or the source ends: for a slow or live source, use [`next`](Self::next). How to choose
    /// `size`: see [the crate's page](crate#how-many-at-a-time).
    ///
    /// The items in the buffer wait for this consumer: no other thread can take them while it processes one slowly. For
    /// expensive items use [`next`](Self::next), and for a live source [`prefetch`](crate::ThreadsafeExt::prefetch),
    /// whose refills take the items that are ready.
    ///
    /// The consumer returns its items in the source's order. When it is dropped, also by a `break` or a panic, it puts
    /// back the items that it took and did not return. The next calls get these items first, whichever thread makes
    /// them. A thread that is blocked behind a slow source at that moment does not get one of them.
    ///
    /// # Panics
    ///
    /// If `size` is 0. The consumer's `next` panics as [`next`](Self::next) does. If the source panics during a refill,
    /// the consumer first returns the items that the refill took before the panic.
    ///
    /// # Examples
    ///
    /// ```
    /// use threadsafe_gen::ThreadsafeIter;
    ///
    /// let numbers = ThreadsafeIter::new(0..1000);
    /// let first = numbers.buffered(64).find(|n| n % 10 == 9);
    /// assert_eq!(first, Some(9));
    /// // The consumer took 64 items, returned 10 and put back 54.
    /// assert_eq!(numbers.next(), Some(10));
    /// ```
    #[track_caller]
    pub fn buffered(&self, size: usize) -> Buffered<'_, I> {
        Buffered::new(self, size)
    }

    /// Returns an iterator for one consumer over `Vec`s of up to `size` items, each taken under one lock.
    ///
    /// **Each call blocks until `size` items are there**, or the source ends. A `Vec` is shorter if the source ends, or
    /// if it consists of items that other consumers have put back. Nothing is put back of a `Vec` that was returned.
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
    pub fn chunks(&self, size: usize) -> Chunks<'_, I> {
        Chunks::new(self, size)
    }
}

/// An iterator for one consumer that takes many items per lock, created by [`ThreadsafeIter::buffered`].
///
/// # Examples
///
/// ```
/// use std::thread;
/// use threadsafe_gen::ThreadsafeIter;
///
/// let numbers = ThreadsafeIter::new(1..=1000_u32);
/// let sum: u32 = thread::scope(|scope| {
///     let workers: Vec<_> = (0..4).map(|_| scope.spawn(|| numbers.buffered(64).sum::<u32>())).collect();
///     workers.into_iter().map(|worker| worker.join().unwrap()).sum()
/// });
/// assert_eq!(sum, 500_500);
/// ```
#[must_use = "iterators are lazy and do nothing unless consumed"]
pub struct Buffered<'a, I: Iterator> {
    iter: &'a ThreadsafeIter<I>,
    // Dropped after `drop` has put items back, also if `drop` unwinds.
    _consumer: ConsumerGuard<'a, I::Item>,
    size: usize,
    /// The items that were taken and not yet returned.
    buffer: vec::IntoIter<I::Item>,
    /// The index after the last item in the buffer. The other indexes follow from it, so that none is counted per item.
    end: usize,
    /// The payload of a panic of the source during the last refill, to be resumed when the buffer is empty.
    panicked: Option<Box<dyn Any + Send>>,
}

impl<'a, I: Iterator> Buffered<'a, I> {
    #[track_caller]
    pub(crate) fn new(iter: &'a ThreadsafeIter<I>, size: usize) -> Self {
        assert!(size > 0, "buffer size must be non-zero");
        Self {
            iter,
            _consumer: iter.leftovers.add_consumer(),
            size,
            buffer: Vec::new().into_iter(),
            end: 0,
            panicked: None,
        }
    }

    /// Returns the items together with their indexes, as [`next_indexed`](ThreadsafeIter::next_indexed) does.
    ///
    /// # Examples
    ///
    /// ```
    /// use threadsafe_gen::ThreadsafeIter;
    ///
    /// let letters = ThreadsafeIter::new("abc".chars());
    /// letters.next();
    /// assert!(letters.buffered(8).indexed().eq([(1, 'b'), (2, 'c')]));
    /// ```
    pub fn indexed(self) -> Indexed<Self> {
        Indexed(self)
    }

    /// Resumes the source's panic, if the last refill ended with one. The items before it have been returned by then.
    fn resume_panic(&mut self) {
        if let Some(payload) = self.panicked.take() {
            resume_unwind(payload);
        }
    }

    /// Fills the buffer, which is empty, and takes its first item.
    #[cold]
    fn refill(&mut self) -> Option<I::Item> {
        // To collect an adaptor of a `Vec`'s iterator keeps the allocation, also if there is nothing to collect.
        let emptied = mem::take(&mut self.buffer).take(0).collect();
        self.buffer = self.take_batch(emptied).into_iter();
        self.buffer.next()
    }

    /// Returns the next items in `buffer`, which is empty, and stays so if the source is exhausted.
    fn take_batch(&mut self, mut buffer: Vec<I::Item>) -> Vec<I::Item> {
        self.resume_panic();
        let Self { iter, size, end, panicked, .. } = self;
        let ThreadsafeIter { lock, leftovers, taken, .. } = iter;
        let status = lock.status();
        loop {
            if let Some(run_end) = leftovers.take_run(status, &mut buffer, *size) {
                *end = run_end;
                return buffer;
            }
            let mut first = 0;
            let mut pull = |source: &mut I, fill: &mut Fill<I>| {
                first = taken.load(Relaxed);
                let ended = fill.call(source, &mut buffer, *size);
                taken.store(first.wrapping_add(buffer.len()), Relaxed);
                (!ended).then_some(())
            };
            match catch_unwind(AssertUnwindSafe(|| iter.pull(Limit::None, &mut pull))) {
                Err(payload) if buffer.is_empty() => resume_unwind(payload),
                Err(payload) => {
                    // A poisoned source gives no more items, so that no other call changes the count.
                    taken.store(first.wrapping_add(buffer.len()), Relaxed);
                    *panicked = Some(payload);
                }
                Ok(Ok(Pulled::PutBack)) => continue,
                // While this call was blocked another consumer may have put items back.
                Ok(_) if buffer.is_empty() => {
                    *end = leftovers.take_run(status, &mut buffer, *size).unwrap_or_default();
                    return buffer;
                }
                // Without a limit there is no error.
                Ok(_) => {}
            }
            *end = first.wrapping_add(buffer.len());
            return buffer;
        }
    }
}

impl<I: Iterator> Iterator for Buffered<'_, I> {
    type Item = I::Item;

    #[inline]
    fn next(&mut self) -> Option<I::Item> {
        self.buffer.next().or_else(|| self.refill())
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.buffer.len(), None)
    }
}

/// Puts back the items that were taken and not returned.
impl<I: Iterator> Drop for Buffered<'_, I> {
    fn drop(&mut self) {
        if self.buffer.len() == 0 {
            return;
        }
        self.iter.put_back(self.end, mem::take(&mut self.buffer).collect());
    }
}

impl<I: Iterator> fmt::Debug for Buffered<'_, I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Buffered")
            .field("size", &self.size)
            .field("buffered", &self.buffer.len())
            .finish_non_exhaustive()
    }
}

/// An iterator for one consumer over `Vec`s of items, created by [`ThreadsafeIter::chunks`].
///
/// # Examples
///
/// ```
/// use threadsafe_gen::ThreadsafeIter;
///
/// let rows = ThreadsafeIter::new(["a,1", "b,2", "c,3"].into_iter());
/// let inserts = rows.chunks(2).map(|rows| format!("INSERT {}", rows.join(" ")));
/// assert!(inserts.eq(["INSERT a,1 b,2", "INSERT c,3"]));
/// ```
#[must_use = "iterators are lazy and do nothing unless consumed"]
pub struct Chunks<'a, I: Iterator> {
    /// Takes the batches. Its own buffer stays empty.
    consumer: Buffered<'a, I>,
    /// The length of the last chunk, for which the next one has room from the start.
    last_len: usize,
}

impl<'a, I: Iterator> Chunks<'a, I> {
    #[track_caller]
    pub(crate) fn new(iter: &'a ThreadsafeIter<I>, size: usize) -> Self {
        Self { consumer: Buffered::new(iter, size), last_len: 0 }
    }

    /// Returns each `Vec` together with the index of its first item. The items of a `Vec` have consecutive indexes.
    ///
    /// # Examples
    ///
    /// ```
    /// use threadsafe_gen::ThreadsafeIter;
    ///
    /// let letters = ThreadsafeIter::new("abc".chars());
    /// assert!(letters.chunks(2).indexed().eq([(0, vec!['a', 'b']), (2, vec!['c'])]));
    /// ```
    pub fn indexed(self) -> Indexed<Self> {
        Indexed(self)
    }
}

impl<I: Iterator> Iterator for Chunks<'_, I> {
    type Item = Vec<I::Item>;

    fn next(&mut self) -> Option<Vec<I::Item>> {
        let chunk = self.consumer.take_batch(Vec::with_capacity(self.last_len));
        self.last_len = chunk.len();
        (!chunk.is_empty()).then_some(chunk)
    }
}

impl<I: Iterator> fmt::Debug for Chunks<'_, I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Chunks").field("size", &self.consumer.size).finish_non_exhaustive()
    }
}

/// An iterator over items with their indexes, created by [`Buffered::indexed`] and [`Chunks::indexed`].
///
/// # Examples
///
/// ```
/// use threadsafe_gen::ThreadsafeIter;
///
/// let words = ThreadsafeIter::new("so it goes".split(' '));
/// let found = words.buffered(8).indexed().find(|(_, word)| word.starts_with('g'));
/// assert_eq!(found, Some((2, "goes")));
/// ```
#[derive(Debug)]
#[must_use = "iterators are lazy and do nothing unless consumed"]
pub struct Indexed<B>(B);

impl<I: Iterator> Iterator for Indexed<Buffered<'_, I>> {
    type Item = (usize, I::Item);

    #[inline]
    fn next(&mut self) -> Option<(usize, I::Item)> {
        let item = self.0.next()?;
        Some((self.0.end - self.0.buffer.len() - 1, item))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.0.size_hint()
    }
}

impl<I: Iterator> Iterator for Indexed<Chunks<'_, I>> {
    type Item = (usize, Vec<I::Item>);

    fn next(&mut self) -> Option<(usize, Vec<I::Item>)> {
        let chunk = self.0.next()?;
        Some((self.0.consumer.end - chunk.len(), chunk))
    }
}
