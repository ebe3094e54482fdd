//! A source of ids in a `static`, used by any thread.
//!
//! The generator yields account numbers: a serial number and its check digit. The type of a `static` must be written
//! out, so the function returns a `Box<dyn Iterator>`.
//!
//! ```console
//! $ cargo run --release --example ids
//! ```

use std::collections::HashSet;
use std::io::{self, Write};
use std::process::ExitCode;
use std::sync::LazyLock;
use std::thread;

use threadsafe_gen::{ThreadsafeIter, threadsafe_generator};

const THREADS: usize = 8;
const IDS_PER_THREAD: usize = 50_000;

/// The ids of the program. Each id goes to exactly one caller.
static IDS: LazyLock<ThreadsafeIter<Box<dyn Iterator<Item = u64> + Send>>> = LazyLock::new(ids);

#[threadsafe_generator]
fn ids() -> Box<dyn Iterator<Item = u64>> {
    for serial in 1_000_000.. {
        yield_!(serial * 10 + check_digit(serial));
    }
}

/// Returns the check digit, which reveals a mistyped number, by Luhn's algorithm, as on a bank card.
fn check_digit(mut number: u64) -> u64 {
    let mut sum = 0;
    let mut doubled = true;
    while number > 0 {
        let digit = number % 10 * if doubled { 2 } else { 1 };
        sum += digit / 10 + digit % 10;
        number /= 10;
        doubled = !doubled;
    }
    (10 - sum % 10) % 10
}

fn main() -> ExitCode {
    program::run(&program::no_options("Draws ids from a static on eight threads"), |()| {
        let mut output = io::stdout();
        let drawn: Vec<u64> = thread::scope(|s| {
            let workers: Vec<_> =
                (0..THREADS).map(|_| s.spawn(|| IDS.iter().take(IDS_PER_THREAD).collect::<Vec<_>>())).collect();
            workers.into_iter().flat_map(|worker| worker.join().expect("the ids are endless")).collect()
        });

        let distinct: HashSet<_> = drawn.iter().collect();
        assert_eq!(distinct.len(), drawn.len(), "an id was delivered twice");
        writeln!(output, "{} ids drawn by {THREADS} threads, no duplicates; one of them is {}", drawn.len(), drawn[0])?;
        Ok(())
    })
}
