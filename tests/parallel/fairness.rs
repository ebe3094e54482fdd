//! A drive beside plain threads that call `next`.

use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Barrier, Once};
use std::thread;
use std::time::Duration;

use rayon::prelude::*;
use support::limited;
use threadsafe_gen::ThreadsafeExt;

use crate::pools;

/// Returns how many of so many items went to the drive.
fn share_of_a_drive(pool: &rayon::ThreadPool, plain: usize, items: usize, making: Duration) -> usize {
    // Neither side begins before the other one is there.
    let start = Barrier::new(plain + 1);
    let first = Once::new();
    let shared = (0..=items).inspect(|n| _ = (*n > 0).then(|| thread::sleep(making))).threadsafe();
    let (by_drive, by_threads) = (AtomicUsize::new(0), AtomicUsize::new(0));
    thread::scope(|scope| {
        for _ in 0..plain {
            scope.spawn(|| {
                start.wait();
                shared.iter().for_each(|_| _ = by_threads.fetch_add(1, SeqCst));
            });
        }
        pool.install(|| {
            shared.par_iter().for_each(|_| {
                by_drive.fetch_add(1, SeqCst);
                first.call_once(|| _ = start.wait());
            });
        });
    });
    assert_eq!(by_drive.load(SeqCst) + by_threads.load(SeqCst), items + 1);
    by_drive.into_inner()
}

/// A machine that is busy otherwise may keep one side from running for a while, so each has several tries.
#[test]
fn beside_plain_threads_each_side_gets_its_share_of_a_slow_source() {
    limited(|| {
        for pool in pools(&[1, 2, 8]) {
            for (plain, items) in [(1, 60), (2, 90), (4, 100)] {
                // Of `plain + 1` callers the drive is one. At least half of an equal share is due to each side.
                let fair = items / (plain + 1);
                let is_fair = |share: usize| share >= fair / 2 && items - share >= items / 4;
                let mut shares = (0..8).map(|_| share_of_a_drive(&pool, plain, items, Duration::from_millis(5)));
                let threads = pool.current_num_threads();
                assert!(shares.any(is_fair), "of {items} items, beside {plain}, {threads} threads");
            }
        }
    });
}
