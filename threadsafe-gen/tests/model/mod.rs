//! The models: the protocols of this crate under [loom], which goes through every interleaving of a few threads and every
//! value that a relaxed load may return, and under [shuttle], which goes through many interleavings of some more.
//!
//! They are unit tests of this crate, compiled with `--cfg loom` or `--cfg shuttle` only. `.ci/model` runs them, and shows
//! that they can fail by planting faults. By hand:
//!
//! ```text
//! RUSTFLAGS="--cfg loom" cargo test --release -p threadsafe-gen --lib --features stream
//! RUSTFLAGS="--cfg shuttle" cargo test --release -p threadsafe-gen --lib --features stream
//! ```
//!
//! `scenarios/` says what is to hold, for both. `loom.rs` and `shuttle.rs` are what they run on, each with the same names:
//! atomics, threads that park, `explore`. `mutex.rs`, `once.rs` and `semaphore.rs` are made of these and take the place of
//! what `src/sync.rs` names.
//!
//! # What is modelled and what is not
//!
//! * The mutex is `parking_lot`'s algorithm, step by step, since `lock.rs` argues with its steps. What is not in it is
//!   the spinning. A limit on the wait may pass at any time, however long it is, unless it is `Duration::MAX`.
//! * loom knows no `try_lock` that may fail for want of a turn, and reports threads as deadlocked that wait for one another by it.
//!   None is used here: a try is an operation on the word of the mutex, a plain atomic, and who waits is parked.
//!   So a deadlock that is reported is one.
//! * `std::sync::Arc` orders nothing here, it is only a step at which others may come between.
//! * The semaphore is tokio's by its documentation: first come first served, a permit goes to who waits first.
//! * loom treats a `SeqCst` access as `AcqRel`, and knows `SeqCst` fences. Shuttle treats everything as `SeqCst`, so faults
//!   in the orderings are loom's to find.
//! * The threads of both are coroutines on one thread of the system. `catch_unwind` works in them;
//!   `std::thread::panicking` does not tell them apart, so nothing here may look at it, as mutexes do that poison.

#[cfg_attr(loom, path = "loom.rs")]
#[cfg_attr(shuttle, path = "shuttle.rs")]
mod backend;
mod bare;
mod mutex;
mod once;
mod scenarios;
#[cfg(feature = "stream")]
mod semaphore;
mod trace;

use std::any::Any;
use std::io::{self, Write};
use std::panic::{self, AssertUnwindSafe, catch_unwind};
use std::sync::{LazyLock, Once};
use std::time::Instant;

/// What `src/sync.rs` names.
pub(crate) mod primitives {
    pub(crate) use super::backend::thread_id;
    pub(crate) use super::fence;
    pub(crate) use super::mutex::{Mutex, MutexGuard};
    pub(crate) use super::once::{Arc, OnceLock};
    #[cfg(feature = "stream")]
    pub(crate) use super::semaphore::{Semaphore, SemaphorePermit, TryAcquireError};
    pub(crate) use super::trace::{AtomicU8, AtomicUsize};
}

/// Faults that the models are to find. One is chosen by the environment variable `PLANTED`.
///
/// The first are faults of a primitive, or of which one is used, and stand in this directory. The others are faults of the code
/// itself, which `.ci/model` plants in a copy of it, by an `if` that asks [`planted`].
const FAULTS: [&str; 17] = [
    // A try of the mutex with a limit gives up on a mere read of its word.
    "try-gives-up-on-a-read",
    // The unlock forgets who waits.
    "unlock-wakes-nobody",
    // There is no fence where the closer has one.
    "no-fence-in-close",
    // There is no fence where a holder that leaves has one.
    "no-fence-in-leave",
    // A semaphore that is closed does not tell who waits.
    "close-wakes-nobody",
    // A permit that comes back is not passed on.
    "permit-is-not-passed-on",
    // Who leaves does not look back.
    "no-look-back",
    // The bit that says that there is something given back is cleared after the lock is let go.
    "leftovers-told-outside-the-lock",
    // Whether something may be given back is asked before the lock is taken.
    "given-back-unasked",
    // A task does not look whether the stream was closed during its poll.
    "close-not-looked-at-after-a-poll",
    // The source is poisoned before its message is there.
    "poisoned-before-the-message",
    // A poll that does not wait gives its permit back before it.
    "polls-without-the-permit",
    // A task registers its waker after it has checked for a `close`.
    "registers-after-the-check",
    // A wait with a limit does not drop the source of a closed lock when its time is over.
    "no-look-back-after-a-limit",
    // What was put back is counted before the source's lock is held.
    "leftovers-counted-without-the-lock",
    // The end is stored after the lock is released.
    "end-stored-after-the-unlock",
    // A branch does not look again whether another has pulled the item.
    "tee-pulls-without-a-look",
];

/// Whether `fault` is the one to be found.
pub(crate) fn planted(fault: &str) -> bool {
    static PLANTED: LazyLock<Option<String>> = LazyLock::new(|| {
        let planted = std::env::var("PLANTED").ok()?;
        assert!(FAULTS.contains(&&*planted), "no such fault: {planted}");
        Some(planted)
    });
    debug_assert!(FAULTS.contains(&fault));
    PLANTED.as_deref() == Some(fault)
}

#[track_caller]
pub(crate) fn fence(order: std::sync::atomic::Ordering) {
    use std::sync::atomic::Ordering::{Acquire, SeqCst};

    let missing =
        (order == SeqCst && planted("no-fence-in-close")) || (order == Acquire && planted("no-fence-in-leave"));
    if !missing {
        backend::fence(order);
        trace::step("fence", order);
    }
}

/// How much is to be explored: all of it in the long run, or what fits in a minute.
fn long() -> bool {
    std::env::var("MODEL").is_ok_and(|mode| mode == "long")
}

/// Says what was explored, past the test harness, which keeps the output of tests that pass to itself.
fn report(name: &str, schedules: usize, bound: &str, began: Instant) {
    let seconds = began.elapsed().as_secs_f32();
    // In one write: what the harness prints at the same time must not come between the parts of the line.
    let line = format!("\nmodel {name}: {schedules} schedules{bound}, {seconds:.1} s\n");
    let _ = io::stderr().write_all(line.as_bytes());
}

/// Keeps the panics quiet that belong to the scenarios, of which there are as many as schedules.
fn expect_panics() {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        backend::prepare();
        let default = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            let message = message(info.payload());
            if !message.contains("panicked earlier") && !message.contains("already executing") {
                default(info);
                let _ = writeln!(io::stderr(), "the schedule, a column a thread:\n{}", trace::steps());
            }
        }));
    });
}

/// What a panic said.
fn message(payload: &dyn Any) -> &str {
    payload
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| payload.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no message")
}

/// What `action` returns, or what it panics with.
fn outcome<R>(action: impl FnOnce() -> R) -> Result<R, String> {
    catch_unwind(AssertUnwindSafe(action)).map_err(|payload| message(&*payload).to_owned())
}
