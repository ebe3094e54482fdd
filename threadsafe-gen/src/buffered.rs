//! Pulling many items for one lock, and giving back what was not used.
//!
//! An item is at every moment in exactly one place: not yet produced, among the [`Leftovers`](crate::leftovers::Leftovers),
//! in the buffer of one consumer, or given out.

use std::any::Any;
use std::fmt;
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use crate::ThreadsafeIter;
use crate::error::TryNextError;
use crate::iter::Fill;
use crate::leftovers::Consumer;

/// An iterator for one consumer that takes many items a lock, made by [`ThreadsafeIter::buffered`].
#[must_use = "iterators are lazy and do nothing unless consumed"]
pub struct Buffered<'a, I: Iterator> {
    iter: &'a ThreadsafeIter<I>,
    // Dropped after `drop` has put back what is left, or has unwound.
    _consumer: Consumer<'a, I::Item>,
    n: usize,
    /// What has been taken and not given out, the last item first: it is cheapest to take from the end.
    buffer: Vec<I::Item>,
    /// The index after that of the last item in the buffer, which says the others' without being counted along.
    end: usize,
    /// The panic of the iterator in the midst of this buffer, for when the buffer is used up.
    panicked: Option<Box<dyn Any + Send>>,
}

impl<'a, I: Iterator> Buffered<'a, I> {
    #[track_caller]
    pub(crate) fn new(iter: &'a ThreadsafeIter<I>, n: usize) -> Self {
        assert!(n > 0, "items cannot be taken 0 at a time: `n` must be at least 1");
        Self { iter, _consumer: iter.leftovers.add_consumer(), n, buffer: Vec::new(), end: 0, panicked: None }
    }

    /// The items with their positions: the first item of the iterator has index 0.
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

    #[inline]
    fn next_indexed(&mut self) -> Option<(usize, I::Item)> {
        if self.buffer.is_empty() {
            self.refill();
        }
        let item = self.pop()?;
        Some((self.end - self.buffer.len() - 1, item))
    }

    /// Takes an item out of the buffer.
    #[inline]
    pub(crate) fn pop(&mut self) -> Option<I::Item> {
        self.buffer.pop()
    }

    /// Goes on with the panic of the iterator, if there was one, now that what came before it is used up.
    pub(crate) fn resume_panic(&mut self) {
        if let Some(payload) = self.panicked.take() {
            resume_unwind(payload);
        }
    }

    /// Fills the buffer, which is empty, and leaves it empty if there is nothing left.
    #[cold]
    fn refill(&mut self) {
        self.resume_panic();
        // Without a limit on the wait there is no refusal.
        let _ = self.refill_within(None);
    }

    /// Fills the buffer, which is empty, if that is possible within `patience`, or however long it takes.
    pub(crate) fn refill_within(&mut self, patience: Option<Duration>) -> Result<(), TryNextError> {
        let Self { iter: ThreadsafeIter { lock, leftovers, taken }, n, buffer, end, panicked, .. } = self;
        let status = lock.status();
        if let Some(run_end) = leftovers.take_run(status, buffer, *n) {
            *end = run_end;
            return Ok(());
        }
        let mut first = 0;
        let pull = |iter: &mut I, fill: &mut Fill<I>| {
            first = taken.load(Relaxed);
            let ended = fill.call(iter, buffer, *n);
            taken.store(first.wrapping_add(buffer.len()), Relaxed);
            (!ended).then_some(())
        };
        let pulled = catch_unwind(AssertUnwindSafe(|| match patience {
            None => status.check_open().map_or(Ok(None), |()| Ok(lock.call(pull, drop))),
            Some(_) => lock.try_call(patience, TryNextError::TimedOut, pull),
        }));
        match pulled {
            Err(payload) if buffer.is_empty() => resume_unwind(payload),
            Err(payload) => {
                // No other call takes items from a poisoned source, so that the count is this call's to correct.
                taken.store(first.wrapping_add(buffer.len()), Relaxed);
                *panicked = Some(payload);
            }
            // While this call was blocked another consumer may have put items back.
            Ok(Ok(_)) if buffer.is_empty() => {
                *end = leftovers.take_run(status, buffer, *n).unwrap_or_default();
                return Ok(());
            }
            Ok(result) => _ = result?,
        }
        *end = first.wrapping_add(buffer.len());
        buffer.reverse();
        Ok(())
    }

    #[cfg(feature = "rayon")]
    pub(crate) fn is_empty(&self) -> bool {
        self.buffer.is_empty()
    }

    #[cfg(feature = "rayon")]
    pub(crate) fn len(&self) -> usize {
        self.buffer.len()
    }

    #[cfg(feature = "rayon")]
    pub(crate) fn has_panicked(&self) -> bool {
        self.panicked.is_some()
    }
}

impl<I: Iterator> Iterator for Buffered<'_, I> {
    type Item = I::Item;

    #[inline]
    fn next(&mut self) -> Option<I::Item> {
        self.next_indexed().map(|(_, item)| item)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.buffer.len(), None)
    }
}

/// Puts back what was taken and not given out.
impl<I: Iterator> Drop for Buffered<'_, I> {
    fn drop(&mut self) {
        let ThreadsafeIter { lock, leftovers, .. } = self.iter;
        leftovers.put(lock.status(), self.end, mem::take(&mut self.buffer));
    }
}

impl<I: Iterator> fmt::Debug for Buffered<'_, I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Buffered").field("n", &self.n).field("buffered", &self.buffer.len()).finish_non_exhaustive()
    }
}

/// An iterator for one consumer over `Vec`s of items, made by [`ThreadsafeIter::chunks`].
#[must_use = "iterators are lazy and do nothing unless consumed"]
pub struct Chunks<'a, I: Iterator>(Buffered<'a, I>);

impl<'a, I: Iterator> Chunks<'a, I> {
    #[track_caller]
    pub(crate) fn new(iter: &'a ThreadsafeIter<I>, n: usize) -> Self {
        Self(Buffered::new(iter, n))
    }

    /// The `Vec`s with the positions of their first items, which the others of each follow.
    pub fn indexed(self) -> Indexed<Self> {
        Indexed(self)
    }
}

impl<I: Iterator> Iterator for Chunks<'_, I> {
    type Item = Vec<I::Item>;

    fn next(&mut self) -> Option<Vec<I::Item>> {
        self.0.refill();
        let mut chunk = mem::take(&mut self.0.buffer);
        chunk.reverse();
        (!chunk.is_empty()).then_some(chunk)
    }
}

impl<I: Iterator> fmt::Debug for Chunks<'_, I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Chunks").field("n", &self.0.n).finish_non_exhaustive()
    }
}

/// With positions: made by `indexed` of [`Buffered`] and [`Chunks`].
#[derive(Debug)]
#[must_use = "iterators are lazy and do nothing unless consumed"]
pub struct Indexed<B>(B);

impl<I: Iterator> Iterator for Indexed<Buffered<'_, I>> {
    type Item = (usize, I::Item);

    #[inline]
    fn next(&mut self) -> Option<(usize, I::Item)> {
        self.0.next_indexed()
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.0.size_hint()
    }
}

impl<I: Iterator> Iterator for Indexed<Chunks<'_, I>> {
    type Item = (usize, Vec<I::Item>);

    fn next(&mut self) -> Option<(usize, Vec<I::Item>)> {
        let chunk = self.0.next()?;
        Some((self.0.0.end - chunk.len(), chunk))
    }
}
