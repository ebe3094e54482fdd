//! The portion that a task pulls at a time: an item, or a chunk of items.

use std::any::Any;
use std::convert::identity;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use crate::error::TryNextError;
use crate::fill::Fill;
use crate::iter::{ThreadsafeIter, count_indexed};
use crate::lock::LockGuard;
use crate::pull::Pulled;
use crate::sync::Mutex;

/// Whether a task of the drive is in the source, as opposed to another caller.
///
/// Stored with the lock held. On a cache line of its own, since it is stored for each item.
#[derive(Debug)]
#[repr(align(128))]
pub(super) struct Inside(AtomicBool);

impl Inside {
    pub(super) const fn new() -> Self {
        Self(AtomicBool::new(false))
    }

    #[inline]
    pub(super) fn get(&self) -> bool {
        self.0.load(Relaxed)
    }

    #[inline]
    pub(super) fn set(&self, inside: bool) {
        self.0.store(inside, Relaxed);
    }

    /// A call of the source that says so while it lasts. After a panic there is no other call.
    #[inline]
    fn during<S, B, R>(&self, call: impl FnOnce(&mut S, &mut B) -> R) -> impl FnOnce(&mut S, &mut B) -> R {
        move |source, beside| {
            self.set(true);
            let result = call(source, beside);
            self.set(false);
            result
        }
    }
}

/// A kind of portion of the items of `I`.
pub(super) trait Portion<I: Iterator>: Send + Sync {
    /// The type of a portion, which a consumer gets.
    type Item: Send;

    /// Takes a portion of what has been put back, with the index of its first item.
    fn leftover(&self, iter: &ThreadsafeIter<I>) -> Option<(usize, Self::Item)>;

    /// Pulls a portion if no thread holds the lock, with the index of its first item.
    fn try_pull(&self, iter: &ThreadsafeIter<I>, inside: &Inside) -> Option<(usize, Self::Item)>;

    /// Pulls a portion, with the index of its first item.
    fn pull(
        &self,
        iter: &ThreadsafeIter<I>,
        guard: LockGuard<'_, I, Fill<I>>,
        inside: &Inside,
    ) -> Option<(usize, Self::Item)>;

    /// Waits up to `timeout` for a portion of a source that runs ahead, without the lock, so that `close` ends the
    /// wait.
    fn pull_ahead(
        &self,
        iter: &ThreadsafeIter<I>,
        timeout: Duration,
    ) -> Result<Option<(usize, Self::Item)>, TryNextError>;

    /// Puts a portion back.
    fn put_back(&self, iter: &ThreadsafeIter<I>, portion: (usize, Self::Item));

    /// Panics if the source has.
    fn check(&self, iter: &ThreadsafeIter<I>);
}

/// One item.
#[derive(Debug)]
pub(super) struct Single;

impl<I: Iterator<Item: Send>> Portion<I> for Single {
    type Item = I::Item;

    #[inline]
    fn leftover(&self, iter: &ThreadsafeIter<I>) -> Option<(usize, I::Item)> {
        iter.leftovers.take(iter.lock.status())
    }

    #[inline]
    fn try_pull(&self, iter: &ThreadsafeIter<I>, inside: &Inside) -> Option<(usize, I::Item)> {
        iter.lock.try_call_free(
            inside.during(|source: &mut I, _: &mut Fill<I>| source.next()),
            |item| count_indexed(item, &iter.taken),
            drop,
        )
    }

    fn pull(
        &self,
        iter: &ThreadsafeIter<I>,
        guard: LockGuard<'_, I, Fill<I>>,
        inside: &Inside,
    ) -> Option<(usize, I::Item)> {
        guard.call_and_unlock(
            inside.during(|source: &mut I, _: &mut Fill<I>| source.next()),
            |item| count_indexed(item, &iter.taken),
            drop,
        )
    }

    fn pull_ahead(
        &self,
        iter: &ThreadsafeIter<I>,
        timeout: Duration,
    ) -> Result<Option<(usize, I::Item)>, TryNextError> {
        iter.next_or_leftover_within(iter.limit(timeout))
    }

    #[cold]
    fn put_back(&self, iter: &ThreadsafeIter<I>, (index, item): (usize, I::Item)) {
        iter.put_back(index + 1, vec![item]);
    }

    fn check(&self, iter: &ThreadsafeIter<I>) {
        iter.lock.status().check_open();
    }
}

/// Up to so many items, in a `Vec`.
#[derive(Debug)]
pub(super) struct Chunk {
    size: usize,
    /// The panic of the source in the middle of a chunk, for when that chunk has been delivered.
    panic: Mutex<Option<Box<dyn Any + Send>>>,
}

impl Chunk {
    pub(super) fn new(size: usize) -> Self {
        Self { size, panic: Mutex::new(None) }
    }

    fn resume_panic(&self) {
        let payload = self.panic.lock().take();
        if let Some(payload) = payload {
            resume_unwind(payload);
        }
    }

    /// Fills a chunk in a `call` of the source.
    fn fill<I: Iterator>(
        &self,
        iter: &ThreadsafeIter<I>,
        call: impl FnOnce(&mut dyn FnMut(&mut I, &mut Fill<I>) -> Option<()>) -> Option<()>,
    ) -> Option<(usize, Vec<I::Item>)> {
        let mut first = 0;
        let mut chunk = Vec::new();
        let mut pull = |source: &mut I, fill: &mut Fill<I>| {
            first = iter.taken.load(Relaxed);
            let ended = fill.call(source, &mut chunk, self.size);
            iter.taken.store(first.wrapping_add(chunk.len()), Relaxed);
            (!ended).then_some(())
        };
        match catch_unwind(AssertUnwindSafe(|| call(&mut pull))) {
            Err(payload) if chunk.is_empty() => resume_unwind(payload),
            Err(payload) => {
                iter.taken.store(first.wrapping_add(chunk.len()), Relaxed);
                *self.panic.lock() = Some(payload);
            }
            Ok(_) => {}
        }
        (!chunk.is_empty()).then_some((first, chunk))
    }
}

impl<I: Iterator<Item: Send>> Portion<I> for Chunk {
    type Item = Vec<I::Item>;

    fn leftover(&self, iter: &ThreadsafeIter<I>) -> Option<(usize, Vec<I::Item>)> {
        let mut chunk = Vec::new();
        let end = iter.leftovers.take_run(iter.lock.status(), &mut chunk, self.size)?;
        Some((end - chunk.len(), chunk))
    }

    fn try_pull(&self, iter: &ThreadsafeIter<I>, inside: &Inside) -> Option<(usize, Vec<I::Item>)> {
        self.fill(iter, |pull| iter.lock.try_call_free(inside.during(pull), identity, drop))
    }

    fn pull(
        &self,
        iter: &ThreadsafeIter<I>,
        guard: LockGuard<'_, I, Fill<I>>,
        inside: &Inside,
    ) -> Option<(usize, Vec<I::Item>)> {
        self.fill(iter, |pull| guard.call_and_unlock(inside.during(pull), identity, drop))
    }

    fn pull_ahead(
        &self,
        iter: &ThreadsafeIter<I>,
        timeout: Duration,
    ) -> Result<Option<(usize, Vec<I::Item>)>, TryNextError> {
        let limit = iter.limit(timeout);
        loop {
            if let Some(leftover) = self.leftover(iter) {
                return Ok(Some(leftover));
            }
            let mut result = Ok(Pulled::End);
            let chunk = self.fill(iter, |pull| {
                result = iter.pull(limit, pull);
                None
            });
            match result? {
                Pulled::PutBack => {}
                // While this call was blocked another consumer may have put items back.
                _ => return Ok(chunk.or_else(|| self.leftover(iter))),
            }
        }
    }

    #[cold]
    fn put_back(&self, iter: &ThreadsafeIter<I>, (first, chunk): (usize, Vec<I::Item>)) {
        iter.put_back(first + chunk.len(), chunk);
    }

    fn check(&self, iter: &ThreadsafeIter<I>) {
        self.resume_panic();
        iter.lock.status().check_open();
    }
}
