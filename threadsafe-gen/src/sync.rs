//! The synchronization primitives of the crate, in one place, so that a model checker can replace them.
//!
//! In every build except that of the models these are only re-exports. `tests/model/` has the replacements, and says
//! how the models are run. They are compiled in a test of this crate, so that they check the code that is shipped. A
//! user's `--cfg loom` changes nothing.

#[cfg(not(all(test, any(loom, shuttle))))]
pub(crate) use self::real::*;
#[cfg(all(test, any(loom, shuttle)))]
pub(crate) use crate::model::primitives::*;

#[cfg(not(all(test, any(loom, shuttle))))]
mod real {
    use std::hint;
    use std::ptr;
    use std::thread;
    use std::time::{Duration, Instant};

    pub(crate) use parking_lot::{Condvar, Mutex, MutexGuard};
    pub(crate) use std::sync::atomic::{AtomicU8, AtomicUsize, fence};
    pub(crate) use std::sync::{Arc, OnceLock};
    #[cfg(feature = "stream")]
    pub(crate) use tokio::sync::{Semaphore, SemaphorePermit, TryAcquireError};

    /// Looks for `condition` for about ten microseconds, before a wait that puts the thread to sleep: to sleep and to
    /// be woken takes longer, and the other thread is often about to make the condition true. Two threads that exchange
    /// cheap items would otherwise sleep and wake each other for each batch.
    pub(crate) fn spin_until(condition: impl Fn() -> bool) {
        const LIMIT: Duration = Duration::from_micros(10);
        for pauses in [1, 2, 4, 8, 16] {
            if condition() {
                return;
            }
            (0..pauses).for_each(|_| hint::spin_loop());
        }
        let start = Instant::now();
        // On a busy machine a yield gives the core to another thread, often the one that is waited for, and may take
        // longer than the limit.
        while !condition() && start.elapsed() < LIMIT {
            thread::yield_now();
        }
    }

    /// Returns an id of this thread that no other live thread has: the address of a thread-local.
    ///
    /// On targets without native thread-locals the standard library allocates that thread-local, and frees it when the
    /// destructors of thread-locals run. A thread that uses a lock in such a destructor may then get a second id, and
    /// another thread its first. The worst case is a re-entry that deadlocks, or an error that reports one where there
    /// is none.
    #[inline]
    pub(crate) fn thread_id() -> usize {
        thread_local!(static ADDRESS: u8 = const { 0 });
        ADDRESS.with(|address| ptr::from_ref(address).addr())
    }
}
