//! rayon over shared items: each item exactly once, none held back, what is not used put back, panics passed on, and no
//! thread that waits for itself.

mod ahead;
mod chunks;
mod fairness;
mod items;
mod live;
mod nested;
mod panics;
mod states;
mod stopping;

use std::sync::{Condvar, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use rayon::{ThreadPool, ThreadPoolBuilder};
use threadsafe_gen::{ThreadsafeIter, threadsafe_generator};

/// Items from any source.
type Numbers = Box<dyn Iterator<Item = usize> + Send>;

#[threadsafe_generator]
fn annotated(end: usize) -> impl Iterator<Item = usize> {
    for n in 0..end {
        yield_!(n);
    }
}

/// Runs a test with each kind of source: `each_source!(end, |kind, shared| { .. })`.
macro_rules! each_source {
    ($end:expr, |$kind:ident, $shared:ident| $test:block) => {{
        let end: usize = $end;
        {
            let by_hand = generator(async move |co| co.yield_from(0..end).await);
            let ($kind, $shared) = ("generator", by_hand.threadsafe());
            $test
        }
        {
            let ($kind, $shared) = ("annotated", annotated(end));
            $test
        }
        {
            let ($kind, $shared) = ("plain", (0..end).threadsafe());
            $test
        }
        {
            let ($kind, $shared) = ("boxed", (Box::new(0..end) as Numbers).threadsafe());
            $test
        }
    }};
}

pub(crate) use each_source;

fn pool(threads: usize) -> ThreadPool {
    ThreadPoolBuilder::new().num_threads(threads).build().unwrap()
}

fn pools(sizes: &[usize]) -> Vec<ThreadPool> {
    sizes.iter().copied().map(pool).collect()
}

/// Items that have been used, on whichever thread.
#[derive(Default)]
struct Used(Mutex<Vec<usize>>);

impl Used {
    fn add(&self, n: usize) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(n);
    }

    fn into_sorted(self) -> Vec<usize> {
        let mut all = self.0.into_inner().unwrap_or_else(PoisonError::into_inner);
        all.sort_unstable();
        all
    }

    /// Together with what is left, if anything, these are the items up to `end`, each once.
    #[track_caller]
    fn assert_complete_with<I: Iterator<Item = usize>>(self, rest: &ThreadsafeIter<I>, end: usize, what: &str) {
        while let Some((index, n)) = rest.next_indexed() {
            assert_eq!(index, n, "{what}");
            self.add(n);
        }
        let all = self.into_sorted();
        assert!(all.iter().copied().eq(0..end), "{what}: {} of {end}", all.len());
        assert!(rest.is_finished(), "{what}");
    }
}

/// A count that threads wait for.
#[derive(Default)]
struct Count {
    count: Mutex<usize>,
    changed: Condvar,
}

impl Count {
    fn add_one(&self) -> usize {
        let mut count = self.count.lock().unwrap();
        *count += 1;
        self.changed.notify_all();
        *count
    }

    fn get(&self) -> usize {
        *self.count.lock().unwrap()
    }

    /// Waits until the count is `goal`.
    #[track_caller]
    fn wait_for(&self, goal: usize) {
        let limit = Duration::from_secs(10);
        let count = self.count.lock().unwrap();
        let (count, timeout) = self.changed.wait_timeout_while(count, limit, |count| *count < goal).unwrap();
        assert!(!timeout.timed_out(), "{} of {goal} after {limit:?}", *count);
    }
}

/// Sleeps, or does nothing for a duration of zero.
fn sleep(time: Duration) {
    if !time.is_zero() {
        thread::sleep(time);
    }
}

/// Repeats a check that a busy machine can fail, because it keeps threads from running. A wrong drive fails every try.
#[track_caller]
fn in_one_of_several_tries(mut check: impl FnMut() -> Result<(), String>) {
    let mut failures = Vec::new();
    while let Err(failure) = check() {
        failures.push(failure);
        assert!(failures.len() < 8, "{failures:?}");
    }
}

/// Keeps a thread busy.
fn work_for(time: Duration) {
    let start = Instant::now();
    while start.elapsed() < time {
        std::hint::spin_loop();
    }
}
