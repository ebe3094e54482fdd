//! The models: the protocols of this crate under [loom] and [shuttle]. loom explores every interleaving of a few
//! threads and every value that a relaxed load may return. shuttle explores many interleavings of some more threads.
//!
//! They are unit tests of this crate, and are compiled with `--cfg loom` or `--cfg shuttle` only. `.ci/model` runs
//! them. It also plants faults, to show that the models can fail. By hand:
//!
//! ```text
//! RUSTFLAGS="--cfg loom" cargo test --release -p threadsafe-gen --lib --features stream
//! RUSTFLAGS="--cfg shuttle" cargo test --release -p threadsafe-gen --lib --features stream
//! ```
//!
//! `scenarios/` has the properties to check, for both tools. `loom.rs` and `shuttle.rs` are the backends, with the same
//! names in each: atomics, threads that park, `explore`. `mutex.rs`, `once.rs` and `semaphore.rs` are built on these,
//! and replace the primitives of `src/sync.rs`.
//!
//! # What the models cover
//!
//! * The mutex is `parking_lot`'s algorithm, step by step, because the argument in `lock.rs` uses its steps. Only the
//!   spinning is left out. A timeout may expire at any time, however long it is, unless it is `Duration::MAX`.
//! * loom's own `try_lock` reports deadlocks that do not exist. The models do not use it. A try is an operation on the
//!   mutex word, a plain atomic, and a waiting thread is parked. A deadlock that is reported is therefore real.
//! * `std::sync::Arc` orders nothing here. It is only a step at which the backend may switch threads.
//! * The semaphore follows tokio's documentation: a permit goes to the first waiting task.
//! * loom treats a `SeqCst` access as `AcqRel`, and supports `SeqCst` fences. shuttle treats every access as `SeqCst`,
//!   so only loom can find faults in the orderings.
//! * The threads of both tools are coroutines on one system thread. `catch_unwind` works in them.
//!   `std::thread::panicking` does not distinguish them, so no code under test may use it, as mutexes with poisoning
//!   do.

#[cfg_attr(loom, path = "loom.rs")]
#[cfg_attr(shuttle, path = "shuttle.rs")]
mod backend;
mod bare;
mod condvar;
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

/// The replacements for the primitives of `src/sync.rs`.
pub(crate) mod primitives {
    pub(crate) use super::backend::thread_id;
    pub(crate) use super::condvar::Condvar;
    pub(crate) use super::mutex::{Mutex, MutexGuard};
    pub(crate) use super::once::{Arc, OnceLock};
    #[cfg(feature = "stream")]
    pub(crate) use super::semaphore::{Semaphore, SemaphorePermit, TryAcquireError};
    pub(crate) use super::trace::{AtomicU8, AtomicUsize};
    pub(crate) use super::{fence, spin_until};
}

/// Faults that the models must find. The environment variable `PLANTED` selects one.
///
/// The first seven are faults of the primitives and are in this directory. The others are faults of the code under
/// test: `.ci/model` plants them in a copy of the code, each behind an `if` that calls [`planted`].
const FAULTS: [&str; 32] = [
    // A timed try of the mutex fails on a pure load of its word.
    "timed-try-is-a-pure-load",
    // An unlock does not wake the waiting thread.
    "unlock-without-wake-up",
    // The fence of the closer is left out.
    "no-fence-in-close",
    // The fence after an unlock is left out.
    "no-fence-after-unlock",
    // Closing the semaphore does not wake the waiting tasks.
    "semaphore-close-without-wake-up",
    // A notification of a condition variable does not wake the waiting thread.
    "condvar-without-wake-up",
    // A released permit is not given to the first waiting task.
    "permit-not-passed-on",
    // A thread does not check for a `close` after its unlock.
    "no-check-after-unlock",
    // The bit for leftovers is stored after the mutex of the leftovers is released.
    "leftovers-bit-stored-after-unlock",
    // A consumer that puts items back checks for a `close` before it acquires the mutex of the leftovers.
    "put-back-checked-before-lock",
    // A task whose poll is pending does not check for a `close`.
    "no-check-after-pending",
    // The state becomes `POISONED` before the message is set.
    "poisoned-before-message",
    // `poll_once` of a stream releases its permit before it polls.
    "poll-without-permit",
    // A task registers its waker after it has checked for a `close`.
    "waker-registered-after-check",
    // A thread whose timeout expires does not drop the source of a closed lock.
    "no-check-after-timeout",
    // The leftovers are counted before the source's lock is acquired.
    "leftovers-counted-before-lock",
    // The state becomes `FINISHED` after the lock is released.
    "end-stored-after-unlock",
    // A task of a drive falls asleep without a second check for one in line.
    "sleep-without-check",
    // A branch does not check under the lock whether another branch has pulled the item.
    "tee-pulls-without-check",
    // `close` does not wake the callers that wait for an item of a source that runs ahead.
    "close-without-wake-up",
    // A caller waits for an item without a check for a `close` under the mutex of the queue.
    "wait-without-check-for-close",
    // The length of the batch is stored after the mutex of the queue is released.
    "batch-stored-after-unlock",
    // A caller that gives up does not wake another one in its place.
    "give-up-without-wake-up",
    // An item wakes another caller while the one that holds the lock waits.
    "holder-not-woken-first",
    // A try does not look again for items that were put back.
    "try-blocks-beside-leftovers",
    // A call starts its attempt before it acquires the lock.
    "attempt-started-before-lock",
    // A call ends the attempt in progress, whichever thread has started it.
    "attempt-of-another-ended",
    // The holder of the lock waits in the source.
    "holder-without-attempt",
    // A source that has failed an attempt has ended.
    "failed-attempt-is-the-end",
    // A slot is marked as done after the mutex of the slot is released.
    "done-stored-after-unlock",
    // A worker looks for room and counts itself as sleeping without a fence between.
    "sleep-without-fence",
    // The drop of the results does not wake the workers that wait for room.
    "stop-without-wake-up",
];

/// Returns `true` if `fault` is selected.
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
        (order == SeqCst && planted("no-fence-in-close")) || (order == Acquire && planted("no-fence-after-unlock"));
    if !missing {
        backend::fence(order);
        trace::step("fence", order);
    }
}

/// Returns `true` for a long run, which explores everything. The quick run takes a minute.
fn long() -> bool {
    std::env::var("MODEL").is_ok_and(|mode| mode == "long")
}

/// The models do not spin: a wait that puts the thread to sleep must do without.
pub(crate) fn spin_until(_: impl Fn() -> bool) {}

/// Prints the number of schedules to the real stderr. The test harness captures `eprintln!` of tests that pass.
fn report(name: &str, schedules: usize, bound: &str, began: Instant) {
    let seconds = began.elapsed().as_secs_f32();
    // A single write, so that concurrent output of the harness cannot split the line.
    let line = format!("\nmodel {name}: {schedules} schedules{bound}, {seconds:.1} s\n");
    let _ = io::stderr().write_all(line.as_bytes());
}

/// Silences the panics that belong to the scenarios. There can be one per schedule.
fn expect_panics() {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        backend::prepare();
        let default = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            let message = message(info.payload());
            if !message.contains("panicked earlier") && !message.contains("already executing") {
                default(info);
                let _ = writeln!(io::stderr(), "the schedule, one column per thread:\n{}", trace::steps());
            }
        }));
    });
}

/// Returns the message of a panic.
fn message(payload: &dyn Any) -> &str {
    payload
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| payload.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no message")
}

/// Returns the result of `action`, or the message of its panic.
fn outcome<R>(action: impl FnOnce() -> R) -> Result<R, String> {
    catch_unwind(AssertUnwindSafe(action)).map_err(|payload| message(&*payload).to_owned())
}
