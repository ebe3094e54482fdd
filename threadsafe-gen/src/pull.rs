//! Calls of a source that may have to wait for more than the lock: for a source that runs ahead, and for items that
//! were put back. The fast paths, which need neither, are in `iter.rs`.

use std::convert::identity;
use std::time::{Duration, Instant};

use crate::error::TryNextError;
use crate::fill::Fill;
use crate::iter::{ThreadsafeIter, count_indexed};
use crate::lock::{LockGuard, Status};
use crate::prefetch::Queue;

/// The time for which a call may wait.
#[derive(Clone, Copy)]
pub(crate) enum Limit {
    /// Without limit.
    None,
    /// Not at all.
    Now,
    /// For the lock, for this time.
    Within(Duration),
    /// For the lock and for an item together.
    Until(Instant),
}

/// The result of a call of the source.
pub(crate) enum Pulled {
    Items,
    /// The source has ended. Look for items that were put back once more.
    End,
    /// Items were put back. Take these, and call again if others were faster.
    PutBack,
}

impl<I: Iterator> ThreadsafeIter<I> {
    /// Takes the next item where others may have put some back, which come first.
    ///
    /// The same as [`next_or_leftover_within`](Self::next_or_leftover_within) without a limit. It is compiled for every
    /// type of source of which `next` is called, and so without the code for time limits.
    #[cold]
    #[track_caller]
    pub(crate) fn next_or_leftover(&self) -> Option<(usize, I::Item)> {
        let leftover = || self.leftovers.take(self.lock.status());
        loop {
            if let Some(item) = leftover() {
                return Some(item);
            }
            self.lock.status().check_open()?;
            let guard = self.lock.lock();
            let attempt = self.lock.status().start_attempt();
            let item = self.call_next(guard);
            drop(attempt);
            match self.queue_unless_finished() {
                Some(queue) if item.is_none() => self.wait_for_item(queue),
                // While this call was blocked another consumer may have put items back.
                _ => return item.or_else(leftover),
            }
        }
    }

    /// Takes the next item if that needs no wait.
    pub(crate) fn next_now(&self) -> Result<Option<I::Item>, TryNextError> {
        Ok(self.next_or_leftover_within(Limit::Now)?.map(|(_, item)| item))
    }

    /// Takes the next item. Waits for at most `timeout`.
    pub(crate) fn next_within(&self, timeout: Duration) -> Result<Option<I::Item>, TryNextError> {
        Ok(self.next_or_leftover_within(self.limit(timeout))?.map(|(_, item)| item))
    }

    #[track_caller]
    pub(crate) fn next_or_leftover_within(&self, limit: Limit) -> Result<Option<(usize, I::Item)>, TryNextError> {
        let leftover = || self.leftovers.take(self.lock.status());
        loop {
            if let Some(item) = leftover() {
                return Ok(Some(item));
            }
            let mut item = None;
            let pulled = self.pull(limit, &mut |iter, _| {
                item = Some(count_indexed(iter.next()?, &self.taken));
                Some(())
            })?;
            match pulled {
                Pulled::Items => return Ok(item),
                // While this call was blocked another consumer may have put items back.
                Pulled::End => return Ok(leftover()),
                Pulled::PutBack => {}
            }
        }
    }

    /// Calls the source under the lock. The call waits for as long as `limit` says.
    ///
    /// `call` stores what it takes from the source. It is a `dyn` function, so that this method is compiled once for
    /// each type of source.
    ///
    /// # Panics
    ///
    /// If the source panics in this call. Without a limit, also if it has panicked, or if this thread holds the lock.
    #[track_caller]
    pub(crate) fn pull(
        &self,
        limit: Limit,
        call: &mut dyn FnMut(&mut I, &mut Fill<I>) -> Option<()>,
    ) -> Result<Pulled, TryNextError> {
        loop {
            let Some(guard) = self.acquire(limit)? else { return Ok(Pulled::End) };
            let attempt = self.lock.status().start_attempt();
            let items = guard.call_and_unlock(&mut *call, identity, drop);
            drop(attempt);
            match self.queue_unless_finished() {
                _ if items.is_some() => return Ok(Pulled::Items),
                Some(queue) => self.wait_for_item_within(queue, limit)?,
                None => return Ok(Pulled::End),
            }
            if self.lock.status().has_leftovers() {
                return Ok(Pulled::PutBack);
            }
        }
    }

    /// Acquires the lock, unless the source has ended.
    #[track_caller]
    fn acquire(&self, limit: Limit) -> Result<Option<LockGuard<'_, I, Fill<I>>>, TryNextError> {
        let (timeout, error) = match limit {
            Limit::None => return Ok(self.lock.status().check_open().map(|()| self.lock.lock())),
            Limit::Now => (None, TryNextError::WouldBlock),
            Limit::Within(timeout) => (Some(timeout), TryNextError::TimedOut),
            Limit::Until(deadline) => {
                (Some(deadline.saturating_duration_since(Instant::now())), TryNextError::TimedOut)
            }
        };
        let acquired = self.lock.try_lock_open(timeout, error);
        if acquired.is_err() {
            // This thread may have been woken for an item.
            self.queue.iter().for_each(|queue| queue.wake_another());
        }
        acquired
    }

    /// Returns `true` if the source runs ahead, so that calls wait for it without the lock.
    #[cfg(feature = "rayon")]
    pub(crate) fn runs_ahead(&self) -> bool {
        self.queue.is_some()
    }

    /// Returns the limit of a call that may wait for `timeout`.
    pub(crate) fn limit(&self, timeout: Duration) -> Limit {
        let deadline = self.queue.as_ref().and_then(|_| Instant::now().checked_add(timeout));
        // A deadline that is too far away for an `Instant` is never reached.
        deadline.map_or(Limit::Within(timeout), Limit::Until)
    }

    /// Returns the queue of a source that runs ahead. If the source has returned `None`, the attempt has then failed,
    /// or the source has ended and items were put back. Returns `None` if there are no more items.
    pub(crate) fn queue_unless_finished(&self) -> Option<&Queue<I::Item>> {
        self.queue.as_deref().filter(|_| !self.lock.status().is_finished())
    }

    /// Blocks until an item is ready in the queue or was put back, or the iterator has ended or is closed.
    pub(crate) fn wait_for_item(&self, queue: &Queue<I::Item>) {
        // Without a limit there is no error.
        let _ = self.wait_for_item_within(queue, Limit::None);
    }

    fn wait_for_item_within(&self, queue: &Queue<I::Item>, limit: Limit) -> Result<(), TryNextError> {
        wait_within(queue, limit, self.lock.is_held_by_this_thread(), self.lock.status())
    }

    /// Puts back items with consecutive indexes, up to `end`, for the next callers and those that wait for an item.
    pub(crate) fn put_back(&self, end: usize, run: Vec<I::Item>) {
        self.leftovers.put(self.lock.status(), end, run);
        self.wake_waiting();
    }

    /// Wakes the callers that wait for a source that runs ahead, after the iterator was closed or items were put back.
    pub(crate) fn wake_waiting(&self) {
        if let Some(queue) = &self.queue {
            queue.wake_all();
        }
    }
}

fn wait_within<T>(queue: &Queue<T>, limit: Limit, holds_lock: bool, status: &Status) -> Result<(), TryNextError> {
    let is_over = || !status.is_open_and_empty_or_special();
    let deadline = match limit {
        // Items that were put back during the attempt need no wait.
        Limit::Now if is_over() => return Ok(()),
        Limit::Now => return Err(TryNextError::WouldBlock),
        Limit::None | Limit::Within(_) => None,
        Limit::Until(deadline) => Some(deadline),
    };
    if queue.wait(deadline, holds_lock, is_over) { Ok(()) } else { Err(TryNextError::TimedOut) }
}
