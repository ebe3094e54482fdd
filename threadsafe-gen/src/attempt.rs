//! [`Attempts`]: calls of a source that must not wait in it.
//!
//! A source that runs ahead is called under the lock, and callers wait for its items without the lock. So a call first
//! attempts to take an item. If there is none, the source marks the attempt as failed and returns `None`, which is then
//! not the end.

use std::sync::atomic::Ordering::Relaxed;

use crate::sync::{AtomicUsize, thread_id};

/// The attempt in progress. The lock around a source and the source share one.
///
/// On cache lines of its own, since it is stored for each item.
#[repr(align(128))]
pub(crate) struct Attempts {
    /// The id of the thread whose call must not wait, the bitwise complement of that id if the call would have waited,
    /// or 0. Stored by the thread that holds the lock. [`Attempt`] sets it to 0 without the lock, if it is still the
    /// thread's own.
    thread: AtomicUsize,
}

impl Attempts {
    pub(crate) fn new() -> Self {
        Self { thread: AtomicUsize::new(0) }
    }

    /// Starts an attempt of this thread, which holds the lock. It ends at the latest when the guard is dropped.
    pub(crate) fn start(&self) -> Attempt<'_> {
        self.thread.store(thread_id(), Relaxed);
        Attempt(self)
    }

    /// Marks the call in progress as failed if it is an attempt, and returns whether it is.
    ///
    /// A call that is none waits in the source.
    pub(crate) fn fail(&self) -> bool {
        let thread = thread_id();
        let is_attempt = self.thread.load(Relaxed) == thread;
        if is_attempt {
            self.thread.store(!thread, Relaxed);
        }
        is_attempt
    }

    /// Ends an attempt that has not failed, for a source that is being called.
    #[inline]
    pub(crate) fn end(&self) {
        self.thread.store(0, Relaxed);
    }

    /// Ends an attempt of this thread, which holds the lock, and returns whether it has failed.
    pub(crate) fn end_failed(&self) -> bool {
        let has_failed = self.thread.load(Relaxed) == !thread_id();
        if has_failed {
            self.end();
        }
        has_failed
    }
}

/// An attempt of this thread.
pub(crate) struct Attempt<'a>(&'a Attempts);

impl Drop for Attempt<'_> {
    /// Ends the attempt if that has not been done, because the call has panicked or the source is not the one that
    /// fails attempts any more. The lock has been released by then, and another thread may have started an attempt.
    fn drop(&mut self) {
        let (thread, own) = (&self.0.thread, thread_id());
        let attempt = thread.load(Relaxed);
        if attempt == own || attempt == !own {
            // Fails if another thread is faster.
            let _ = thread.compare_exchange(attempt, 0, Relaxed, Relaxed);
        }
    }
}
