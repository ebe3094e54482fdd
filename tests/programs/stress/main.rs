//! Runs every public operation in random mixes on 2 to 16 threads, with panics, closes and drops in between, and checks
//! at the end of each round that each item arrived exactly once. A program, not a test, so that it can run under
//! sanitizers and for hours.
//!
//! `cargo run --release --example stress -- --seconds 60`; `--seed` repeats the random choices of a run, but not the
//! scheduling of its threads; `--only` and `--without` select rounds.
//!
//! The threads synchronize only by spawning, joining and the locks of `parking_lot`. A sanitizer cannot follow the
//! primitives of the precompiled standard library.

mod ahead;
mod coroutines;
mod items;
mod iterators;
mod parallel;
mod streams;
mod tees;

use std::env;
use std::panic;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use fastrand::Rng;

/// A kind of round.
struct Round {
    name: &'static str,
    run: fn(&mut Rng) -> u64,
}

const ROUNDS: &[Round] = &[
    Round { name: "iterators", run: iterators::round },
    Round { name: "coroutines", run: coroutines::round },
    Round { name: "streams", run: streams::round },
    Round { name: "tees", run: tees::round },
    Round { name: "parallel", run: parallel::round },
    Round { name: "ahead", run: ahead::round },
];

fn main() -> ExitCode {
    let Some(Options { seconds, seed, rounds }) = options(env::args().skip(1)) else {
        eprintln!("usage: stress [--seconds N] [--seed N] [--only ROUND] [--without ROUND]");
        return ExitCode::FAILURE;
    };
    items::silence_planned_panics();
    println!("seed {seed}");
    let mut rng = Rng::with_seed(seed);
    let until = Instant::now() + Duration::from_secs(seconds);
    let mut done = vec![(0_u64, 0_u64); rounds.len()];
    while Instant::now() < until {
        for (round, (count, operations)) in rounds.iter().zip(&mut done) {
            *operations += (round.run)(&mut rng);
            *count += 1;
        }
    }
    for (round, (count, operations)) in rounds.iter().zip(done) {
        println!("{}: {count} rounds, {operations} operations", round.name);
    }
    ExitCode::SUCCESS
}

struct Options {
    seconds: u64,
    seed: u64,
    rounds: Vec<&'static Round>,
}

fn options(mut args: impl Iterator<Item = String>) -> Option<Options> {
    let mut options = Options { seconds: 5, seed: Rng::new().u64(..), rounds: ROUNDS.iter().collect() };
    while let Some(arg) = args.next() {
        let value = args.next()?;
        match &*arg {
            "--seconds" => options.seconds = value.parse().ok()?,
            "--seed" => options.seed = value.parse().ok()?,
            "--only" => options.rounds.retain(|round| round.name == value),
            "--without" => options.rounds.retain(|round| round.name != value),
            _ => return None,
        }
    }
    (!options.rounds.is_empty()).then_some(options)
}

/// Runs `work` on `threads` threads that start together, and returns their results.
fn on_threads<R: Send + 'static>(
    threads: usize,
    rng: &mut Rng,
    work: impl Fn(Rng) -> R + Clone + Send + 'static,
) -> Vec<R> {
    let start = items::Gate::new(threads);
    let threads: Vec<_> = (0..threads)
        .map(|_| {
            let (start, work, rng) = (start.clone(), work.clone(), rng.fork());
            std::thread::spawn(move || {
                start.wait();
                work(rng)
            })
        })
        .collect();
    threads.into_iter().map(|thread| thread.join().unwrap_or_else(|payload| panic::resume_unwind(payload))).collect()
}
