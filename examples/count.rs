//! The program of "Using iterators and generators in multi-threaded applications" (Anand Chitipothu, 2012), whole: a
//! generator and an iterator, each called 100,000 times on each of two threads.
//!
//! First what went wrong there, as far as Rust lets it. A generator that does not make its callers wait refuses them,
//! and a counter whose parts are atomic while its step is not loses counts. (A plain `i += 1`, as in Python, does not
//! compile.) Then the cure: `c1` and `c2` are both 200001 in every run, where the article began with 112106 and 158368.
//!
//! ```console
//! $ cargo run --release --example count
//! ```
//!
//! <https://anandology.com/blog/using-iterators-and-generators/>

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::thread;

use threadsafe_gen::{ThreadsafeIter, TryNextError, threadsafe_generator};

const REPEATS: u64 = 100_000;
const THREADS: usize = 2;
const CALLS: u64 = REPEATS * THREADS as u64;

/// Counts, as a generator.
#[threadsafe_generator]
fn count() -> impl Iterator<Item = u64> {
    let mut i = 0;
    loop {
        i += 1;
        yield_!(i);
    }
}

/// Counts, as an iterator written by hand.
struct Counter {
    i: u64,
}

impl Iterator for Counter {
    type Item = u64;

    fn next(&mut self) -> Option<u64> {
        self.i += 1;
        Some(self.i)
    }
}

/// Counts wrongly: between the load and the store another thread counts too, and one of the two counts is lost.
#[derive(Default)]
struct RacyCounter {
    i: AtomicU64,
}

impl RacyCounter {
    fn next(&self) -> u64 {
        let i = self.i.load(Relaxed) + 1;
        thread::yield_now();
        self.i.store(i, Relaxed);
        i
    }
}

/// Counts, and lets other threads run in the middle of it, so that they find it executing.
#[threadsafe_generator]
fn interrupted_count() -> impl Iterator<Item = u64> {
    for i in 1.. {
        thread::yield_now();
        yield_!(i);
    }
}

/// Calls `func` `n` times. The article's name for it, `loop`, is a keyword here.
fn loop_<R>(func: impl Fn() -> R, n: u64) {
    for _ in 0..n {
        func();
    }
}

/// Starts `nthreads` threads, each of which calls `f` `repeats` times, and waits for them.
fn run<R>(f: impl Fn() -> R + Sync, repeats: u64, nthreads: usize) {
    thread::scope(|s| {
        for _ in 0..nthreads {
            s.spawn(|| loop_(&f, repeats));
        }
    });
}

fn main() {
    let generator = interrupted_count();
    let refused = AtomicU64::new(0);
    let call = || {
        if generator.try_next() == Err(TryNextError::AlreadyExecuting) {
            refused.fetch_add(1, Relaxed);
        }
    };
    run(call, REPEATS, THREADS);
    println!("without waiting, {} of {CALLS} calls fail: {}", refused.into_inner(), TryNextError::AlreadyExecuting);

    let counter = RacyCounter::default();
    run(|| counter.next(), REPEATS, THREADS);
    println!("without a lock, {} of {CALLS} counts are lost", CALLS + 1 - counter.next());

    let c1 = count();
    run(|| c1.next(), REPEATS, THREADS);
    println!("c1 {}", c1.next().expect("it counts for ever"));

    let c2 = ThreadsafeIter::new(Counter { i: 0 });
    run(|| c2.next(), REPEATS, THREADS);
    println!("c2 {}", c2.next().expect("it counts for ever"));
}
