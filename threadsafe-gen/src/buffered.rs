//! Pulling many items for one lock, and giving back what was not used.
//!
//! An item is at every moment in exactly one place: not yet produced, among the [`Leftovers`], in the buffer of one
//! consumer, or given out.

use std::any::Any;
use std::collections::BTreeMap;
use std::fmt;
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use std::time::Duration;

use crate::ThreadsafeIter;
use crate::iter::Beside;
use crate::lock::{Refusal, Status};
use crate::primitives::{AtomicUsize, Mutex};

/// Items that consumers took and gave back, by index.
///
/// They have a lock of their own, so that a consumer that is dropped need not wait for a slow iterator, and may be
/// dropped within it. That there are any is a bit of the [`Status`], which every call reads in any case.
pub(crate) struct Leftovers<T> {
    items: Mutex<BTreeMap<usize, T>>,
    /// How many consumers there are that may yet give back.
    consumers: AtomicUsize,
}

impl<T> Leftovers<T> {
    pub(crate) const fn new() -> Self {
        Self { items: Mutex::new(BTreeMap::new()), consumers: AtomicUsize::new(0) }
    }

    /// Takes the first of them.
    pub(crate) fn take(&self, status: &Status) -> Option<(usize, T)> {
        if !status.has_leftovers() {
            return None;
        }
        let mut items = self.items.lock();
        let first = items.pop_first();
        status.set_leftovers(!items.is_empty());
        first
    }

    /// Takes up to `n` of them that follow one another, and says where they begin.
    fn take_run(&self, status: &Status, run: &mut Vec<T>, n: usize) -> Option<usize> {
        if !status.has_leftovers() {
            return None;
        }
        let mut items = self.items.lock();
        let first = items.first_key_value().map(|(&index, _)| index);
        while let Some(entry) = items.first_entry() {
            if run.len() == n || Some(*entry.key()) != first.map(|first| first + run.len()) {
                break;
            }
            run.push(entry.remove());
        }
        status.set_leftovers(!items.is_empty());
        first
    }

    /// Gives back items that follow one another from `first` on, unless the iteration is over for everybody.
    fn put(&self, status: &Status, first: usize, run: impl ExactSizeIterator<Item = T>) {
        if run.len() == 0 {
            return;
        }
        let mut items = self.items.lock();
        // Looked at under this lock, under which `take_all` comes after a `close`: one of the two sees the other.
        if status.takes_back() {
            items.extend((first..).zip(run));
            status.set_leftovers(true);
        }
    }

    /// Takes what nobody will ask for any more, to be dropped.
    pub(crate) fn take_all(&self, status: &Status) -> BTreeMap<usize, T> {
        let mut items = self.items.lock();
        status.set_leftovers(false);
        mem::take(&mut *items)
    }

    /// How many they are, and whether more may come back; `None` if there can be none any more.
    ///
    /// For a bound on what there is, ask with the source's lock held, so that nothing passes from there to here unseen.
    pub(crate) fn len(&self, status: &Status) -> Option<(usize, bool)> {
        // Both under the lock, since a consumer that is gone from the one is in the other.
        let items = self.items.lock();
        let consumers = self.consumers.load(Acquire) > 0;
        (!status.is_finished() || consumers).then_some((items.len(), consumers))
    }
}

/// An iterator for one consumer that takes many items a lock, made by [`ThreadsafeIter::buffered`].
#[must_use = "iterators are lazy and do nothing unless consumed"]
pub struct Buffered<'a, I: Iterator> {
    iter: &'a ThreadsafeIter<I>,
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
        iter.leftovers.consumers.fetch_add(1, Relaxed);
        Self { iter, n, buffer: Vec::new(), end: 0, panicked: None }
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
    pub(crate) fn refill_within(&mut self, patience: Option<Duration>) -> Result<(), Refusal> {
        let Self { iter: ThreadsafeIter { lock, leftovers }, n, buffer, end, panicked } = self;
        let status = lock.status();
        let take_leftovers = |buffer: &mut Vec<I::Item>| leftovers.take_run(status, buffer, *n);
        let mut first = take_leftovers(buffer);
        if first.is_none() {
            let pull = |iter: &mut I, beside: &mut Beside<I>| {
                first = Some(beside.taken);
                let ended = (beside.fill)(iter, buffer, *n);
                beside.taken += buffer.len();
                (!ended).then_some(())
            };
            let pulled = catch_unwind(AssertUnwindSafe(|| match patience {
                None => status.check().map_or(Ok(None), |()| Ok(lock.call(pull, drop))),
                Some(_) => lock.try_call(patience, pull),
            }));
            match pulled {
                Err(payload) if buffer.is_empty() => resume_unwind(payload),
                Err(payload) => *panicked = Some(payload),
                // While this waited another consumer may have given something back.
                Ok(Ok(_)) if buffer.is_empty() => first = take_leftovers(buffer),
                Ok(result) => _ = result?,
            }
        }
        *end = first.unwrap_or_default() + buffer.len();
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

/// Gives back what was taken and not given out.
impl<I: Iterator> Drop for Buffered<'_, I> {
    fn drop(&mut self) {
        /// One consumer less, by a panic of an item's destructor too.
        struct Gone<'a>(&'a AtomicUsize);

        impl Drop for Gone<'_> {
            fn drop(&mut self) {
                self.0.fetch_sub(1, Release);
            }
        }

        let ThreadsafeIter { lock, leftovers } = self.iter;
        let _gone = Gone(&leftovers.consumers);
        leftovers.put(lock.status(), self.end - self.buffer.len(), self.buffer.drain(..).rev());
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
