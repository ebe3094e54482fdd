//! rayon over a generator: sums the primes among its items on all cores, then looks for any one prime and stops.
//!
//! The generator leaves the multiples of 2 and 3 out; whether one of its numbers is prime costs far more than the number,
//! so that is what the pool's threads do. A search that has found something gives back what it took and did not look at:
//! after it, the rest is still there.
//!
//! ```console
//! $ cargo run --release --example parallel
//! ```

use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Instant;

use rayon::prelude::*;
use threadsafe_gen::threadsafe_generator;

/// `6 k + 1` and `6 k + 5` for each `k`, which 2 and 3 do not divide: all primes above 3 are among these.
#[threadsafe_generator]
fn candidates(ks: Range<u64>) -> impl Iterator<Item = u64> {
    for k in ks {
        yield_!(6 * k + 1);
        yield_!(6 * k + 5);
    }
}

/// Dear: tries a third of the numbers up to the square root of `n`.
fn is_prime(n: u64) -> bool {
    (5..).step_by(6).take_while(|d| d * d <= n).all(|d| n % d != 0 && n % (d + 2) != 0)
}

fn main() {
    let ks = 200_000_000..200_200_000;

    let start = Instant::now();
    let sequential: u64 = candidates(ks.clone()).filter(|&n| is_prime(n)).sum();
    println!("sum of the primes, on one thread: {sequential} in {:.2?}", start.elapsed());

    let start = Instant::now();
    let parallel: u64 = candidates(ks).into_par_iter().filter(|&n| is_prime(n)).sum();
    println!("sum of the primes, on a pool of {}: {parallel} in {:.2?}", rayon::current_num_threads(), start.elapsed());
    assert_eq!(parallel, sequential);

    let ks = 200_000_000_000_000..200_000_000_100_000;
    let total = 2 * (ks.end - ks.start);
    let candidates = candidates(ks);
    let tested = AtomicU64::new(0);
    // `par_iter` borrows, where `into_par_iter` would take the generator with it.
    let prime = candidates.par_iter().find_any(|&n| {
        tested.fetch_add(1, Relaxed);
        is_prime(n)
    });
    let (prime, tested) = (prime.expect("there is a prime among them"), tested.into_inner());
    println!("a prime: {prime}, found after {tested} of {total} tests");

    let next = candidates.next().expect("most of them are left");
    let rest = candidates.iter().fold(1, |n, _| n + 1);
    println!("next() goes on with {next}; {rest} are left");
    assert_eq!(tested + rest, total);
}
