//! The complete program of "Using iterators and generators in multi-threaded applications" (Anand Chitipothu, 2012): a
//! generator and an iterator, each called 100,000 times on each of two threads.
//!
//! The first half shows the article's two failures, as far as they compile in Rust. A generator that is called without
//! waiting returns an error while another thread executes it. A counter loses counts if its load and its store are two
//! atomic operations. (A plain `i += 1` without a lock, as in Python, does not compile.) How often depends on the run.
//! The second half shows the solution: `c1` and `c2` are 200001 in every run. The article's first run, in Python,
//! printed 112106 and 158368.
//!
//! ```console
//! $ cargo run --release --example count
//! ```
//!
//! <https://anandology.com/blog/using-iterators-and-generators/>

use std::io::{self, Write};
use std::process::ExitCode;
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

/// Loses counts: if another thread stores between this thread's load and store, one of the two counts is overwritten.
#[derive(Default)]
struct RacyCounter {
    i: AtomicU64,
}

impl RacyCounter {
    fn next(&self) -> u64 {
        sometimes_yield_now();
        let i = self.i.load(Relaxed) + 1;
        sometimes_yield_now();
        self.i.store(i, Relaxed);
        i
    }
}

/// Counts, and sometimes yields the processor while it executes, so that other threads call it during execution.
#[threadsafe_generator]
fn interrupted_count() -> impl Iterator<Item = u64> {
    for i in 1.. {
        sometimes_yield_now();
        yield_!(i);
    }
}

/// Lets another thread run, in one of eight calls, at random.
fn sometimes_yield_now() {
    if fastrand::u8(..8) == 0 {
        thread::yield_now();
    }
}

/// Calls `func` `n` times. In the article this function is called `loop`, which is a keyword in Rust.
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

fn main() -> ExitCode {
    program::run(&program::no_options("Counts on two threads, first wrongly, then with a lock"), |()| {
        let mut output = io::stdout();

        let generator = interrupted_count();
        let failed = AtomicU64::new(0);
        let call = || {
            while generator.try_next() == Err(TryNextError::WouldBlock) {
                failed.fetch_add(1, Relaxed);
                thread::yield_now();
            }
        };
        run(call, REPEATS, THREADS);
        let (failed, error) = (failed.into_inner(), TryNextError::WouldBlock);
        writeln!(output, "without waiting, {failed} calls failed before {CALLS} succeeded in this run: {error}")?;

        let counter = RacyCounter::default();
        run(|| counter.next(), REPEATS, THREADS);
        let lost = CALLS + 1 - counter.next();
        writeln!(output, "without a lock, {lost} of {CALLS} counts were lost in this run")?;

        let c1 = count();
        run(|| c1.next(), REPEATS, THREADS);
        writeln!(output, "c1 {}", c1.next().expect("the counter is endless"))?;

        let c2 = ThreadsafeIter::new(Counter { i: 0 });
        run(|| c2.next(), REPEATS, THREADS);
        writeln!(output, "c2 {}", c2.next().expect("the counter is endless"))?;
        Ok(())
    })
}
