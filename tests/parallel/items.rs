//! Each item exactly once, whatever the pool, the source and the consumer.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use rayon::ThreadPoolBuilder;
use rayon::prelude::*;
use support::{limited, together};
use threadsafe_gen::{ThreadsafeExt, generator};

use crate::{Numbers, Used, annotated, each_source, pool, pools, work_for};

#[test]
fn every_item_is_processed_once_in_pools_of_any_size() {
    const END: usize = 20_000;
    limited(|| {
        for pool in pools(&[1, 2, 8]) {
            pool.install(|| {
                each_source!(END, |kind, shared| {
                    let used = Used::default();
                    shared.par_iter().for_each(|n| used.add(n));
                    used.assert_complete_with(&shared, END, kind);
                });
                each_source!(END, |kind, shared| {
                    assert_eq!((&shared).into_par_iter().sum::<usize>(), END * (END - 1) / 2, "{kind}");
                    assert!(shared.is_finished() && (&shared).into_par_iter().count() == 0);
                });
                each_source!(END, |kind, shared| {
                    assert_eq!(shared.into_par_iter().count(), END, "{kind}");
                });
                each_source!(END, |kind, shared| {
                    let mut items: Vec<_> = shared.into_par_iter().filter(|n| n % 2 == 0).map(|n| n / 2).collect();
                    items.sort_unstable();
                    assert!(items.into_iter().eq(0..END / 2), "{kind}");
                });
                each_source!(END, |kind, shared| {
                    let set: BTreeSet<_> = shared.into_par_iter().collect();
                    assert!(set.into_iter().eq(0..END), "{kind}");
                });
                each_source!(END, |kind, shared| {
                    assert_eq!(shared.into_par_iter().find_any(|n| *n == END - 1), Some(END - 1), "{kind}");
                });
                each_source!(END, |kind, shared| {
                    let found = shared.into_par_iter().fold(Vec::new, |mut items, n| {
                        items.push(n);
                        items
                    });
                    assert_eq!(found.map(|items| items.len()).sum::<usize>(), END, "{kind}");
                });
                each_source!(END, |kind, shared| {
                    let (even, odd): (Vec<_>, Vec<_>) = (&shared).into_par_iter().partition(|n| n % 2 == 0);
                    assert_eq!((even.len(), odd.len()), (END / 2, END / 2), "{kind}");
                    assert_eq!(shared.into_par_iter().max(), None);
                });
            });
        }
    });
}

#[test]
fn a_drive_outside_of_a_pool_runs_in_the_global_one() {
    limited(|| {
        each_source!(5000, |kind, shared| {
            assert_eq!(shared.par_iter().count(), 5000, "{kind}");
        });
        // By the traits of rayon that there are for collections, too.
        assert_eq!(annotated(100).par_bridge().count(), 100);
        assert_eq!(annotated(100).into_par_iter().map(|n| n % 7).max(), Some(6));
        assert_eq!(annotated(100).par_iter().min(), Some(0));
    });
}

#[test]
fn items_of_any_cost_are_processed_once() {
    limited(|| {
        for pool in pools(&[1, 2, 8]) {
            for step in [1, 10, usize::MAX] {
                each_source!(300, |kind, shared| {
                    let used = Used::default();
                    pool.install(|| {
                        shared.par_iter().for_each(|n| {
                            if n % step == 0 {
                                work_for(Duration::from_micros(200));
                            }
                            used.add(n);
                        });
                    });
                    used.assert_complete_with(&shared, 300, kind);
                });
            }
        }
    });
}

#[test]
fn a_drive_of_an_exhausted_or_closed_iterator_is_empty() {
    limited(|| {
        for pool in pools(&[1, 2, 8]) {
            pool.install(|| {
                each_source!(0, |kind, shared| {
                    assert_eq!(shared.par_iter().count(), 0, "{kind}: empty");
                    assert!(shared.is_finished());
                    assert_eq!(shared.par_iter().sum::<usize>(), 0, "{kind}: finished");
                    assert_eq!(shared.par_iter().collect::<Vec<_>>(), [0; 0], "{kind}");
                    assert_eq!(shared.into_par_iter().max(), None, "{kind}");
                });
                each_source!(10, |kind, shared| {
                    shared.close();
                    assert_eq!(shared.par_iter().count(), 0, "{kind}: closed");
                });
                each_source!(10, |kind, shared| {
                    assert_eq!(shared.buffered(20).next(), Some(0));
                    assert_eq!(shared.par_iter().sum::<usize>(), 45, "{kind}: ended, but for what was put back");
                });
            });
        }
    });
}

#[test]
fn a_drive_begins_where_the_iterator_stands() {
    limited(|| {
        for pool in pools(&[1, 4]) {
            each_source!(1000, |kind, shared| {
                assert_eq!(shared.next(), Some(0));
                let mut consumer = shared.buffered(10);
                assert_eq!(consumer.next(), Some(1));
                let mut taken: Vec<_> = pool.install(|| shared.par_iter().collect());
                taken.sort_unstable();
                assert!(taken.into_iter().eq(11..1000), "{kind}");
                drop(consumer);
                let mut taken: Vec<_> = pool.install(|| shared.par_iter().collect());
                taken.sort_unstable();
                assert!(taken.into_iter().eq(2..11), "{kind}: put back after the end");
            });
        }
    });
}

#[test]
fn other_callers_may_take_items_during_a_drive() {
    const END: usize = 30_000;
    limited(|| {
        for pool in pools(&[1, 2, 8]) {
            each_source!(END, |kind, shared| {
                let used = Used::default();
                together(5, |index| match index {
                    0 => pool.install(|| shared.par_iter().for_each(|n| used.add(n))),
                    1 => shared.iter().for_each(|n| used.add(n)),
                    2 => shared.buffered(50).for_each(|n| used.add(n)),
                    3 => shared.chunks(20).flatten().for_each(|n| used.add(n)),
                    _ => {
                        while !shared.is_finished() {
                            shared.lock().take(3).for_each(|n| used.add(n));
                            shared.buffered(9).take(4).for_each(|n| used.add(n));
                        }
                    }
                });
                used.assert_complete_with(&shared, END, kind);
            });
        }
    });
}

#[test]
fn several_drives_of_one_iterator_share_the_items() {
    const END: usize = 20_000;
    limited(|| {
        for pool in pools(&[1, 2, 8]) {
            // Within one pool.
            each_source!(END, |kind, shared| {
                let used = Used::default();
                let use_all = || shared.par_iter().for_each(|n| used.add(n));
                pool.install(|| rayon::join(use_all, || rayon::join(use_all, use_all)));
                used.assert_complete_with(&shared, END, kind);
            });
            // From threads outside, in one pool and in another.
            each_source!(END, |kind, shared| {
                let used = Used::default();
                let other = ThreadPoolBuilder::new().num_threads(2).build().unwrap();
                together(4, |index| {
                    let pool = if index % 2 == 0 { &pool } else { &other };
                    pool.install(|| shared.par_iter().for_each(|n| used.add(n)));
                });
                used.assert_complete_with(&shared, END, kind);
            });
            // One within the other.
            each_source!(END, |kind, shared| {
                let used = Used::default();
                pool.install(|| {
                    shared.par_iter().for_each(|n| {
                        used.add(n);
                        if n == 10 {
                            shared.par_iter().for_each(|n| used.add(n));
                        }
                    });
                });
                used.assert_complete_with(&shared, END, kind);
            });
        }
    });
}

#[test]
fn a_pool_of_one_pulls_an_item_only_when_it_has_processed_the_one_before() {
    limited(|| {
        let pulled = AtomicUsize::new(0);
        let numbers = (0..200_000_usize).inspect(|_| _ = pulled.fetch_add(1, SeqCst)).threadsafe();
        let process = |n: usize| assert_eq!(pulled.load(SeqCst), n + 1);
        pool(1).install(|| numbers.par_iter().for_each(process));
        assert_eq!(pulled.into_inner(), 200_000);
    });
}

#[test]
fn of_expensive_items_no_more_are_pulled_than_there_are_threads() {
    limited(|| {
        for threads in [2, 4] {
            let (pulled, processed) = (AtomicUsize::new(0), AtomicUsize::new(0));
            let numbers = (0..300_usize).inspect(|_| _ = pulled.fetch_add(1, SeqCst)).threadsafe();
            let most_ahead = AtomicUsize::new(0);
            pool(threads).install(|| {
                numbers.par_iter().for_each(|_| {
                    most_ahead.fetch_max(pulled.load(SeqCst) - processed.load(SeqCst), SeqCst);
                    std::thread::sleep(Duration::from_millis(1));
                    processed.fetch_add(1, SeqCst);
                });
            });
            // One more may be on its way out of the source.
            assert!(most_ahead.into_inner() <= threads + 1);
        }
    });
}

#[test]
fn every_adaptor_and_every_size_of_source_is_served() {
    limited(|| {
        for pool in pools(&[1, 2, 4]) {
            pool.install(|| {
                // Far more than there will ever be.
                assert!((0..u64::MAX).threadsafe().into_par_iter().any(|n| n == 70_000));
                assert_eq!(std::iter::repeat(1).threadsafe().into_par_iter().take_any(5000).count(), 5000);
                assert_eq!(std::iter::empty::<u8>().threadsafe().into_par_iter().max(), None);
                assert_eq!(std::iter::once("one").threadsafe().into_par_iter().collect::<Vec<_>>(), ["one"]);

                let flat = annotated(300).into_par_iter().flat_map_iter(|n| 0..n).count();
                assert_eq!(flat, 300 * 299 / 2);
                let nested = annotated(300).into_par_iter().flat_map(|n| (0..n).into_par_iter()).count();
                assert_eq!(nested, 300 * 299 / 2);
                let chained = annotated(2000).into_par_iter().chain(annotated(3000).into_par_iter());
                assert_eq!(chained.count(), 5000);
                let (evens, odds): (BTreeSet<_>, BTreeSet<_>) =
                    annotated(2000).into_par_iter().partition(|n| n % 2 == 0);
                assert_eq!((evens.len(), odds.len()), (1000, 1000));
                let sums: Result<Vec<_>, usize> =
                    annotated(2000).into_par_iter().try_fold(|| 0, |sum, n| Ok(sum + n)).collect();
                assert_eq!(sums.unwrap().into_iter().sum::<usize>(), 1999 * 1000);
                let some: Vec<_> =
                    annotated(9000).into_par_iter().map(|n| (n != 4000).then_some(n)).while_some().collect();
                assert!(!some.contains(&4000));
            });
        }
    });
}
