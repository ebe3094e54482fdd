//! A coroutine shared by threads: each thread sends the number of ids that it wants and gets a range of ids for itself.
//!
//! The allocator completes once all ids are allocated. Exactly one thread receives `Complete` with the total; the
//! others receive `None` and stop as well.
//!
//! ```console
//! $ cargo run --release --example id_ranges
//! ```

use std::io::{self, Write};
use std::ops::Range;
use std::process::ExitCode;
use std::thread;
use std::time::Duration;

use threadsafe_gen::GeneratorState::{Complete, Yielded};
use threadsafe_gen::{Coroutine, ThreadsafeCoroutine, threadsafe_generator};

const IDS: Range<u64> = 1_000..2_000;

/// The number of ids that each thread requests at a time.
const WANTED: [u64; 4] = [20, 30, 70, 130];

/// Answers each request with a range of the next ids, shorter than requested if too few are left, and returns the
/// total.
#[threadsafe_generator]
fn allocator(ids: Range<u64>) -> impl Coroutine<Yield = Range<u64>, Resume = u64, Return = u64> {
    let mut next = ids.start;
    // `resumed_with!` is the first request. Each later request is the value of a `yield_!`.
    let mut wanted = resumed_with!();
    while next < ids.end {
        let range = next..ids.end.min(next.saturating_add(wanted));
        next = range.end;
        wanted = yield_!(range);
    }
    next - ids.start
}

/// The result of one thread.
struct Share {
    ranges: Vec<Range<u64>>,
    /// The return value of the allocator, for the thread that received `Complete`.
    total: Option<u64>,
}

/// Requests and uses ids until none are left.
fn work(
    allocator: &ThreadsafeCoroutine<impl Coroutine<Yield = Range<u64>, Resume = u64, Return = u64> + Unpin>,
    wanted: u64,
) -> Share {
    let mut ranges = Vec::new();
    loop {
        match allocator.resume_with(wanted) {
            Some(Yielded(range)) => {
                for _ in range.clone() {
                    // Stands for the use of an id. The allocator is not locked meanwhile.
                    thread::sleep(Duration::from_micros(50));
                }
                ranges.push(range);
            }
            Some(Complete(total)) => return Share { ranges, total: Some(total) },
            None => return Share { ranges, total: None },
        }
    }
}

fn main() -> ExitCode {
    program::run(&program::no_options("Allocates ranges of ids to four threads"), |()| {
        let mut output = io::stdout();
        let allocator = &allocator(IDS);
        let shares = thread::scope(|s| {
            let workers = WANTED.map(|wanted| s.spawn(move || work(allocator, wanted)));
            workers.map(|worker| worker.join().expect("the allocator does not panic"))
        });

        for (thread, (wanted, Share { ranges, total })) in WANTED.iter().zip(&shares).enumerate() {
            let ids: u64 = ranges.iter().map(|range| range.end - range.start).sum();
            writeln!(output, "thread {thread}, {wanted} at a time, got {ids} ids: {ranges:?}")?;
            if let Some(total) = total {
                writeln!(output, "thread {thread} received the total: {total}")?;
            }
        }

        let totals: Vec<_> = shares.iter().filter_map(|share| share.total).collect();
        assert_eq!(totals, [IDS.end - IDS.start], "exactly one thread receives the total");
        let mut ranges: Vec<_> = shares.into_iter().flat_map(|share| share.ranges).collect();
        ranges.sort_unstable_by_key(|range| range.start);
        let end = ranges.iter().fold(IDS.start, |end, range| {
            assert_eq!(range.start, end, "there is a gap or an overlap between two ranges");
            range.end
        });
        assert_eq!(end, IDS.end, "the last ids were not allocated");
        writeln!(output, "together: {} ranges, each id of {IDS:?} in one of them", ranges.len())?;
        Ok(())
    })
}
