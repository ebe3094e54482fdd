//! What the tests share: a limit on their time, and threads that really meet.

use std::sync::Barrier;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

/// How long a test may take before it counts as one that hangs.
const LIMIT: Duration = Duration::from_secs(60);

/// Runs a test on a thread of its own, and fails it if it does not end.
///
/// # Panics
///
/// If `test` panics, with its payload, or if it takes longer than the limit.
pub fn limited<R: Send + 'static>(test: impl FnOnce() -> R + Send + 'static) -> R {
    let (done, ended) = mpsc::channel();
    let thread = thread::spawn(move || {
        let result = test();
        // Nobody listens any more if the limit has passed.
        let _ = done.send(());
        result
    });
    let hangs = ended.recv_timeout(LIMIT) == Err(RecvTimeoutError::Timeout);
    assert!(!hangs, "the test has not ended after {LIMIT:?}");
    thread.join().unwrap_or_else(|payload| std::panic::resume_unwind(payload))
}

/// Runs `work` on `threads` threads that start together, and returns what each of them returned.
///
/// # Panics
///
/// If `work` panics on one of them, with its payload.
pub fn together<R: Send>(threads: usize, work: impl Fn(usize) -> R + Sync) -> Vec<R> {
    let start = Barrier::new(threads);
    thread::scope(|scope| {
        let workers: Vec<_> = (0..threads)
            .map(|index| {
                let (start, work) = (&start, &work);
                scope.spawn(move || {
                    start.wait();
                    work(index)
                })
            })
            .collect();
        workers
            .into_iter()
            .map(|worker| worker.join().unwrap_or_else(|payload| std::panic::resume_unwind(payload)))
            .collect()
    })
}
