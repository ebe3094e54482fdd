//! The primitives that the protocols are made of, in one place, so that a model checker can stand in for them.
//!
//! In every build but that of the models these are the names of others' types and no more. `tests/model/` has what
//! takes their place there, and says how the models are run. They are compiled in a test of this very crate, so what
//! they check is the code that is shipped, and nobody else's `--cfg loom` changes it.

#[cfg(not(all(test, any(loom, shuttle))))]
pub(crate) use self::real::*;
#[cfg(all(test, any(loom, shuttle)))]
pub(crate) use crate::model::primitives::*;

#[cfg(not(all(test, any(loom, shuttle))))]
mod real {
    use std::ptr;

    pub(crate) use parking_lot::{Mutex, MutexGuard};
    pub(crate) use std::sync::atomic::{AtomicU8, AtomicUsize, fence};
    pub(crate) use std::sync::{Arc, OnceLock};
    #[cfg(feature = "stream")]
    pub(crate) use tokio::sync::{Semaphore, SemaphorePermit, TryAcquireError};

    /// A name for this thread, shared by no other thread alive.
    #[inline]
    pub(crate) fn this_thread() -> usize {
        thread_local!(static NAME: u8 = const { 0 });
        NAME.with(|name| ptr::from_ref(name).addr())
    }
}
