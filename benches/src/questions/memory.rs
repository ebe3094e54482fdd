//! The growth of memory while an endless generator runs.

use std::fs;
use std::thread;

use indicatif::ProgressBar;

use crate::answer::{Answer, Row};
use crate::measure::Plan;
use crate::names;
use crate::sources::{self, Count};
use crate::work::Nothing;

/// Two threads take items and read the process's resident size after every tenth of them.
pub fn ask(plan: &Plan, bar: &ProgressBar) -> Vec<Answer> {
    const PARTS: u64 = 10;
    let items: u64 = if plan.quick { 10_000_000 } else { 100_000_000 };
    bar.set_position(0);
    bar.set_length(2);

    bar.set_message(names::OURS);
    let ours = sources::shared(u64::MAX, Nothing);
    let ours = growth(PARTS, items / 2 / PARTS, || ours.next());
    bar.inc(1);

    // The baseline: the growth without this library, from the threads' stacks and the allocator's arenas.
    bar.set_message(names::HAND);
    let hand = parking_lot::Mutex::new(Count::new(u64::MAX, Nothing));
    let hand = growth(PARTS, items / 2 / PARTS, || hand.lock().next());
    bar.inc(1);

    vec![Answer {
        question: "memory",
        setting: format!("growth of resident memory in the last nine tenths of {} million items", items / 1_000_000),
        threads: Some(2),
        unit: "KiB",
        rows: vec![Row { contender: names::OURS, samples: ours }, Row { contender: names::HAND, samples: hand }],
    }]
}

/// Returns, for each thread, the greatest growth of the process in KiB after the first part.
fn growth(parts: u64, items: u64, next: impl Fn() -> Option<u64> + Sync) -> Vec<f64> {
    let consume = || {
        let mut sizes = (0..parts).map(|_| {
            for _ in 0..items {
                next().expect("the source is endless");
            }
            resident_kib()
        });
        let first = sizes.next().expect("there is more than one part");
        sizes.fold(first, f64::max) - first
    };
    thread::scope(|scope| {
        let threads = [scope.spawn(consume), scope.spawn(consume)];
        threads.map(|thread| thread.join().expect("no contender panics")).into()
    })
}

/// Returns the resident size of this process in KiB.
fn resident_kib() -> f64 {
    let status = fs::read_to_string("/proc/self/status").expect("/proc is mounted");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("Linux reports the resident size");
    line.trim().trim_end_matches(" kB").parse().expect("the resident size is a number of kB")
}
