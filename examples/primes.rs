//! rayon over a generator: sums the primes among its items on all cores, then searches for any one prime and stops.
//!
//! The generator yields numbers that are not multiples of 2 or 3. Testing a number for primality costs far more than
//! generating it, and the pool's threads do the tests in parallel. When a search ends early, the items that were taken
//! and not tested are put back, so every untested item is still in the iterator after it.
//!
//! ```console
//! $ cargo run --release --example primes
//! ```

use std::io::{self, Write};
use std::ops::Range;
use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Instant;

use rayon::prelude::*;
use threadsafe_gen::threadsafe_generator;

/// Yields `6 k + 1` and `6 k + 5` for each `k`. Neither is divisible by 2 or 3, and every prime above 3 has this form.
#[threadsafe_generator]
fn candidates(ks: Range<u64>) -> impl Iterator<Item = u64> {
    for k in ks {
        yield_!(6 * k + 1);
        yield_!(6 * k + 5);
    }
}

/// Returns whether `n` is prime. Expensive: divides by a third of the numbers up to the square root of `n`.
fn is_prime(n: u64) -> bool {
    (5..).step_by(6).take_while(|d| d * d <= n).all(|d| n % d != 0 && n % (d + 2) != 0)
}

fn main() -> ExitCode {
    program::run(&program::no_options("Sums primes on all cores, then searches for one"), |()| {
        let mut output = io::stdout();
        let ks = 200_000_000..200_050_000;

        let start = Instant::now();
        let sequential: u64 = candidates(ks.clone()).filter(|&n| is_prime(n)).sum();
        writeln!(output, "sum of the primes, on one thread: {sequential} in {:.2?}", start.elapsed())?;

        let start = Instant::now();
        let parallel: u64 = candidates(ks).into_par_iter().filter(|&n| is_prime(n)).sum();
        let (threads, time) = (rayon::current_num_threads(), start.elapsed());
        writeln!(output, "sum of the primes, on a pool of {threads}: {parallel} in {time:.2?}")?;
        assert_eq!(parallel, sequential);

        let ks = 200_000_000_000_000..200_000_000_100_000;
        let total = 2 * (ks.end - ks.start);
        let candidates = candidates(ks);
        let tested = AtomicU64::new(0);
        // `par_iter` borrows the generator, which is used again below. `into_par_iter` would consume it.
        let prime = candidates.par_iter().find_any(|&n| {
            tested.fetch_add(1, Relaxed);
            is_prime(n)
        });
        let (prime, tested) = (prime.expect("the range contains a prime"), tested.into_inner());
        writeln!(output, "a prime: {prime}, found after {tested} of {total} tests")?;

        let next = candidates.next().expect("most candidates are left");
        let rest = candidates.iter().fold(1, |n, _| n + 1);
        writeln!(output, "next() continues with {next}; {rest} candidates are left")?;
        assert_eq!(tested + rest, total);
        Ok(())
    })
}
