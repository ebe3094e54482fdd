//! A coroutine that threads share: each sends how many ids it wants, and gets a range of them that is nobody else's.
//!
//! The allocator is complete once all ids are given away. One thread is told so, and how many there were; the others
//! find that nothing is left, and stop as well.
//!
//! ```console
//! $ cargo run --release --example allocator
//! ```

use std::ops::Range;
use std::thread;
use std::time::Duration;

use threadsafe_gen::GeneratorState::{Complete, Yielded};
use threadsafe_gen::{Coroutine, ThreadsafeCoroutine, threadsafe_generator};

const IDS: Range<u64> = 1_000..2_000;

/// How many ids each of the threads wants at a time.
const WANTED: [u64; 4] = [20, 30, 70, 130];

/// Answers each request by the next ids, as many as are wanted or as there are, and ends with how many it gave away.
#[threadsafe_generator]
fn allocator(ids: Range<u64>) -> impl Coroutine<Yield = Range<u64>, Resume = u64, Return = u64> {
    let mut next = ids.start;
    // The first request comes before the first yield, every other one as what a yield returns.
    let mut wanted = resumed_with!();
    while next < ids.end {
        let given = next..ids.end.min(next.saturating_add(wanted));
        next = given.end;
        wanted = yield_!(given);
    }
    next - ids.start
}

/// What one thread has got in the end.
struct Share {
    ranges: Vec<Range<u64>>,
    /// What the allocator ended with, which one thread is told.
    total: Option<u64>,
}

/// What a thread does until there are no more ids.
fn work(
    allocator: &ThreadsafeCoroutine<impl Coroutine<Yield = Range<u64>, Resume = u64, Return = u64> + Unpin>,
    wanted: u64,
) -> Share {
    let mut ranges = Vec::new();
    loop {
        match allocator.resume_with(wanted) {
            Some(Yielded(range)) => {
                for _ in range.clone() {
                    // What the ids are for, which takes its time; the allocator is free for the others meanwhile.
                    thread::sleep(Duration::from_micros(50));
                }
                ranges.push(range);
            }
            Some(Complete(total)) => return Share { ranges, total: Some(total) },
            None => return Share { ranges, total: None },
        }
    }
}

fn main() {
    let allocator = &allocator(IDS);
    let shares = thread::scope(|s| {
        let workers = WANTED.map(|wanted| s.spawn(move || work(allocator, wanted)));
        workers.map(|worker| worker.join().expect("the allocator does not panic"))
    });

    for (thread, (wanted, Share { ranges, total })) in WANTED.iter().zip(&shares).enumerate() {
        let ids: u64 = ranges.iter().map(|range| range.end - range.start).sum();
        println!("thread {thread}, {wanted} at a time, got {ids} ids: {ranges:?}");
        if let Some(total) = total {
            println!("thread {thread} was told the total: {total}");
        }
    }

    let totals: Vec<_> = shares.iter().filter_map(|share| share.total).collect();
    assert_eq!(totals, [IDS.end - IDS.start], "one thread is told the total");
    let mut ranges: Vec<_> = shares.into_iter().flat_map(|share| share.ranges).collect();
    ranges.sort_unstable_by_key(|range| range.start);
    let end = ranges.iter().fold(IDS.start, |end, range| {
        assert_eq!(range.start, end, "each range begins where the one before it ends");
        range.end
    });
    assert_eq!(end, IDS.end, "all ids are given away");
    println!("together: {} ranges, each id of {IDS:?} in one of them", ranges.len());
}
