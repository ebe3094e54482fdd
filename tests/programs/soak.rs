//! A long run: many items shared by 64 threads, many generators, tee branches that fall behind and are dropped, and
//! sources that run ahead of results in order, exhausted and dropped half-way.
//! Checks that every item arrives once and that memory stays flat, and measures the longest wait of any call.
//!
//! `cargo run --release --example soak -- --items 100000000 --generators 1000000 --longest-wait-ms 1000`. Without
//! options the run takes seconds. The limit on the wait is for an otherwise idle machine; without a limit the wait is
//! only printed.

use std::env;
use std::fs;
use std::process::ExitCode;
use std::thread;
use std::time::{Duration, Instant};

use threadsafe_gen::{Tee, ThreadsafeExt, threadsafe_generator};

const THREADS: u64 = 64;
/// The allowed growth of memory between the first part of a run and its end. It allows for memory that the allocator
/// keeps, and is far less than a leak of one allocation per item.
const SLACK_KIB: u64 = 8 * 1024;

struct Options {
    items: u64,
    generators: u64,
    longest_wait: Option<Duration>,
}

fn main() -> ExitCode {
    let Some(options) = options(env::args().skip(1)) else {
        eprintln!("usage: soak [--items N] [--generators N] [--longest-wait-ms N]");
        return ExitCode::FAILURE;
    };
    many_items(&options);
    many_generators(options.generators);
    lagging_branches(options.items / 10);
    run_ahead(options.items / 10);
    many_threads_left_behind(options.generators / 50);
    ExitCode::SUCCESS
}

fn options(mut args: impl Iterator<Item = String>) -> Option<Options> {
    let mut options = Options { items: 4_000_000, generators: 50_000, longest_wait: None };
    while let Some(arg) = args.next() {
        let value: u64 = args.next()?.parse().ok()?;
        match &*arg {
            "--items" => options.items = value,
            "--generators" => options.generators = value,
            "--longest-wait-ms" => options.longest_wait = Some(Duration::from_millis(value)),
            _ => return None,
        }
    }
    Some(options)
}

/// Yields boxes, so that an item that is leaked shows as memory.
#[threadsafe_generator]
fn boxes(n: u64) -> impl Iterator<Item = Box<u64>> {
    for i in 1..=n {
        yield_!(Box::new(i));
    }
}

/// Takes items with `next` on half of the threads and with `buffered` on the others, and checks that each arrives once.
fn many_items(options: &Options) {
    let n = options.items;
    // During the first tenth the allocator's memory and the threads' stacks grow.
    let warm_up = share(n / 10);
    let before = resident();
    let Shared { sum, busiest, longest_wait } = share(n);
    let grown = grown_since(before);
    assert_eq!(sum, u128::from(n) * u128::from(n + 1) / 2, "an item was lost or delivered twice");
    println!(
        "{n} items over {THREADS} threads: the busiest thread took {} % of the mean; longest wait {longest_wait:?}, in the \
         warm-up {:?}; memory {grown}",
        busiest * THREADS * 100 / n.max(1),
        warm_up.longest_wait,
    );
    if let Some(limit) = options.longest_wait {
        assert!(longest_wait <= limit, "a call waited for {longest_wait:?}");
    }
}

struct Shared {
    sum: u128,
    busiest: u64,
    longest_wait: Duration,
}

fn share(n: u64) -> Shared {
    let items = &boxes(n);
    thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS)
            .map(|thread| {
                scope.spawn(move || {
                    let (mut sum, mut count, mut longest) = (0, 0, Duration::ZERO);
                    let mut buffered = items.buffered(64);
                    loop {
                        let called = Instant::now();
                        let item = if thread % 2 == 0 { items.next() } else { buffered.next() };
                        longest = longest.max(called.elapsed());
                        let Some(item) = item else { return (sum, count, longest) };
                        sum += u128::from(*item);
                        count += 1;
                    }
                })
            })
            .collect();
        let mut all = Shared { sum: 0, busiest: 0, longest_wait: Duration::ZERO };
        for thread in threads {
            let (sum, count, longest) = thread.join().expect("no thread panics");
            all.sum += sum;
            all.busiest = all.busiest.max(count);
            all.longest_wait = all.longest_wait.max(longest);
        }
        all
    })
}

/// Creates generators, takes none, some or all of their items, and drops them.
fn many_generators(n: u64) {
    let round = |n: u64| {
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(move || {
                    for i in 0..n / 4 {
                        let generator = boxes(3);
                        assert_eq!(
                            generator.iter().take(usize::try_from(i % 5).expect("less than 5")).count() as u64,
                            (i % 5).min(3)
                        );
                    }
                });
            }
        });
    };
    round(n / 10);
    let before = resident();
    round(n);
    println!("{n} generators created and dropped: memory {}", grown_since(before));
}

/// One branch reads every item; other branches start at its position, fall behind and are dropped.
fn lagging_branches(n: u64) {
    let read = |n: u64| {
        let mut leader = Tee::new(boxes(n).threadsafe());
        let mut laggards = Vec::new();
        for i in 1..=n {
            assert_eq!(leader.next().as_deref(), Some(&i));
            if i % 1000 == 0 {
                laggards.push(leader.clone());
            }
            if laggards.len() > 8 {
                let mut laggard = laggards.remove(0);
                assert_eq!(laggard.next().as_deref(), Some(&(i - 7999)));
            }
        }
        assert_eq!(leader.next(), None);
    };
    read(n / 10);
    let before = resident();
    read(n);
    println!("{n} items of a tee, the slowest branch 8000 behind: memory {}", grown_since(before));
}

/// Runs a source ahead of threads that map its items, and lets the results run ahead again.
fn run_ahead(n: u64) {
    let read = |n: u64| {
        let square = |item: Box<u64>| Box::new(*item * *item);
        let results = boxes(n).prefetch(64).parallel_map(4, square).prefetch(8);
        assert!(results.map(|square| *square).eq((1..=n).map(|i| i * i)), "a result is wrong or not in its place");
    };
    read(n / 10);
    let before = resident();
    read(n);
    println!("{n} items that run ahead, mapped by 4 threads: memory {}", grown_since(before));
}

/// Drops sources that run ahead, and the threads behind them, half-way or unused.
fn many_threads_left_behind(n: u64) {
    let round = |n: u64| {
        for i in 0..n {
            let taken = usize::try_from(i % 20).expect("less than 20");
            let mut results = boxes(u64::MAX).prefetch(8).parallel_map(2, |item| item);
            assert_eq!(results.by_ref().take(taken).count(), taken);
            drop(results);
            // Nothing joins the threads. Wait for them here, so that they do not pile up.
            while threads().is_some_and(|threads| threads > 16) {
                thread::yield_now();
            }
        }
    };
    round(n / 10);
    let before = resident();
    round(n);
    println!("{n} sources that run ahead dropped half-way: memory {}", grown_since(before));
}

/// Returns the number of this process's threads, or `None` if the system does not report it.
fn threads() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    status.lines().find_map(|line| line.strip_prefix("Threads:")?.trim().parse().ok())
}

/// Returns the memory in use in KiB, or `None` if the system does not report it.
fn resident() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    status.lines().find_map(|line| line.strip_prefix("VmRSS:")?.trim().strip_suffix(" kB")?.parse().ok())
}

/// Checks the growth of memory since `before`, and formats it.
fn grown_since(before: Option<u64>) -> String {
    let (Some(before), Some(now)) = (before, resident()) else { return "unknown on this system".into() };
    let grown = now.saturating_sub(before);
    assert!(grown <= SLACK_KIB, "memory has grown by {grown} KiB");
    format!("grew by {grown} KiB")
}
