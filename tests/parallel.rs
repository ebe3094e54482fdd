//! rayon over shared items: each exactly once, the rest given back, panics passed on, and no thread waits for itself.

use std::collections::BTreeSet;
use std::hint;
use std::iter;
use std::panic::panic_any;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Barrier, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use rayon::prelude::*;
use rayon::{ThreadPool, ThreadPoolBuilder};
use support::{limited, message_of, panic_of, together};
use threadsafe_gen::{ThreadsafeExt, ThreadsafeIter, generator, threadsafe_generator};

/// Items from any source.
type Numbers = Box<dyn Iterator<Item = usize> + Send>;

#[threadsafe_generator]
fn annotated(end: usize) -> impl Iterator<Item = usize> {
    for n in 0..end {
        yield_!(n);
    }
}

/// Runs a test with each kind of source: `each_source!(end, |kind, shared| { .. })`.
macro_rules! each_source {
    ($end:expr, |$kind:ident, $shared:ident| $test:block) => {{
        let end: usize = $end;
        {
            let by_hand = generator(async move |co| co.yield_from(0..end).await);
            let ($kind, $shared) = ("generator", by_hand.threadsafe());
            $test
        }
        {
            let ($kind, $shared) = ("annotated", annotated(end));
            $test
        }
        {
            let ($kind, $shared) = ("plain", (0..end).threadsafe());
            $test
        }
        {
            let ($kind, $shared) = ("boxed", (Box::new(0..end) as Numbers).threadsafe());
            $test
        }
    }};
}

fn pools(sizes: &[usize]) -> Vec<ThreadPool> {
    sizes.iter().map(|size| ThreadPoolBuilder::new().num_threads(*size).build().unwrap()).collect()
}

/// Items that have been used, on whichever thread.
#[derive(Default)]
struct Used(Mutex<Vec<usize>>);

impl Used {
    fn add(&self, n: usize) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(n);
    }

    /// Together with what is left, if anything, these are the items up to `end`, each once.
    #[track_caller]
    fn assert_complete_with<I: Iterator<Item = usize>>(self, rest: &ThreadsafeIter<I>, end: usize, what: &str) {
        let mut all = self.0.into_inner().unwrap_or_else(PoisonError::into_inner);
        while let Some((index, n)) = rest.next_indexed() {
            assert_eq!(index, n, "{what}");
            all.push(n);
        }
        all.sort_unstable();
        assert!(all.iter().copied().eq(0..end), "{what}: {} of {end}", all.len());
        assert!(rest.is_finished(), "{what}");
    }
}

/// Keeps a thread busy.
fn work_for(time: Duration) {
    let start = Instant::now();
    while start.elapsed() < time {
        hint::spin_loop();
    }
}

#[test]
fn every_item_is_used_once_in_pools_of_any_size() {
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
fn it_needs_no_pool_of_the_users_own() {
    limited(|| {
        each_source!(5000, |kind, shared| {
            assert_eq!(shared.par_iter().count(), 5000, "{kind}");
        });
        // What rayon offers for collections is there as well.
        assert_eq!(annotated(100).par_bridge().count(), 100);
        assert_eq!(annotated(100).into_par_iter().map(|n| n % 7).max(), Some(6));
        assert_eq!(annotated(100).par_iter().min(), Some(0));
    });
}

#[test]
fn dear_items_and_those_of_any_price_are_used_once() {
    limited(|| {
        for pool in pools(&[1, 2, 8]) {
            for dear in [1, 10, usize::MAX] {
                each_source!(300, |kind, shared| {
                    let used = Used::default();
                    pool.install(|| {
                        shared.par_iter().for_each(|n| {
                            if n % dear == 0 {
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
fn dear_items_are_shared_out_one_by_one() {
    limited(|| {
        let pool = ThreadPoolBuilder::new().num_threads(4).build().unwrap();
        // Four threads meet, each with an item: had one thread two of them, they would wait for ever.
        let barrier = Barrier::new(4);
        pool.install(|| annotated(4).into_par_iter().for_each(|_| _ = barrier.wait()));
    });
}

#[test]
fn of_cheap_items_more_and_more_are_taken_at_a_time() {
    limited(|| {
        let pool = ThreadPoolBuilder::new().num_threads(1).build().unwrap();
        let (taken, most_ahead) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let numbers = (0..1_000_000).inspect(|_| _ = taken.fetch_add(1, SeqCst)).threadsafe();
        let use_item = |n| _ = most_ahead.fetch_max(taken.load(SeqCst) - n, SeqCst);
        pool.install(|| numbers.par_iter().for_each(use_item));
        // Most of its time this thread is not interrupted, and then a chunk is twice the one before.
        assert!(most_ahead.into_inner() >= 16);
    });
}

#[test]
fn of_items_that_become_dear_fewer_and_fewer_are_taken_at_a_time() {
    const DEAR: usize = 100_000;
    const END: usize = DEAR + 2500;
    limited(|| {
        let pool = ThreadPoolBuilder::new().num_threads(1).build().unwrap();
        let taken = AtomicUsize::new(0);
        let numbers = (0..END).inspect(|_| _ = taken.fetch_add(1, SeqCst)).threadsafe();
        let use_item = |n| {
            if n >= DEAR {
                work_for(Duration::from_micros(200));
            }
            assert!(n < END - 100 || taken.load(SeqCst) == n + 1, "others could have had some");
        };
        pool.install(|| numbers.par_iter().for_each(use_item));
    });
}

#[test]
fn who_leaves_early_leaves_the_rest() {
    const END: usize = 50_000;
    limited(|| {
        for pool in pools(&[1, 2, 8]) {
            for last in [0, 1, 100, 20_000] {
                each_source!(END, |kind, shared| {
                    let used = Used::default();
                    let found = pool.install(|| {
                        shared.par_iter().find_any(|n| {
                            used.add(*n);
                            *n == last
                        })
                    });
                    assert_eq!(found, Some(last), "{kind}");
                    used.assert_complete_with(&shared, END, kind);
                });
                each_source!(END, |kind, shared| {
                    let used = Used::default();
                    let result: Result<Vec<usize>, usize> = pool.install(|| {
                        let checked = shared.par_iter().map(|n| {
                            used.add(n);
                            if n == last { Err(n) } else { Ok(n) }
                        });
                        checked.collect()
                    });
                    assert_eq!(result, Err(last), "{kind}");
                    used.assert_complete_with(&shared, END, kind);
                });
                each_source!(END, |kind, shared| {
                    let used = Used::default();
                    let result = pool.install(|| {
                        shared.par_iter().try_for_each(|n| {
                            used.add(n);
                            (n != last).then_some(())
                        })
                    });
                    assert_eq!(result, None, "{kind}");
                    used.assert_complete_with(&shared, END, kind);
                });
            }
        }
    });
}

#[test]
fn an_endless_source_ends_with_who_leaves_early_and_goes_on_after() {
    limited(|| {
        for pool in pools(&[1, 2, 8]) {
            let shared = generator(async |co| co.yield_from(0_usize..).await).threadsafe();
            for round in 1..20 {
                let far = 1000 * round;
                assert!(pool.install(|| (&shared).into_par_iter().any(|n| n >= far)), "{round}");
            }
            assert!(!shared.is_finished());
            let next = shared.next_indexed().unwrap();
            assert_eq!(next.0, next.1);
        }
    });
}

#[test]
fn a_full_consumer_takes_nothing() {
    limited(|| {
        for pool in pools(&[1, 2]) {
            each_source!(10, |kind, shared| {
                pool.install(|| assert_eq!(shared.par_iter().take_any(0).count(), 0));
                assert_eq!(shared.next(), Some(0), "{kind}");
            });
        }
    });
}

/// What a source or a consumer panics with.
#[derive(Debug, PartialEq)]
struct Boom(usize);

/// A generator, by the attribute, that panics.
#[threadsafe_generator]
fn panicking(at: usize) -> impl Iterator<Item = usize> {
    for n in 0..at {
        yield_!(n);
    }
    panic_any(Boom(at));
}

#[test]
fn a_panic_of_the_source_comes_out_as_it_is_after_the_items_before_it() {
    limited(|| {
        for pool in pools(&[1, 2, 8]) {
            for at in [0, 1, 2, 100, 5000] {
                let plain = (0..).inspect(|n| _ = (*n == at).then(|| panic_any(Boom(at)))).threadsafe();
                let used = [Used::default(), Used::default()];
                let generator = panicking(at);
                let payloads = [
                    panic_of(|| pool.install(|| generator.par_iter().for_each(|n| used[0].add(n)))),
                    panic_of(|| pool.install(|| plain.par_iter().for_each(|n| used[1].add(n)))),
                ];
                for (payload, used) in payloads.into_iter().zip(used) {
                    assert_eq!(payload.downcast_ref(), Some(&Boom(at)));
                    used.assert_complete_with(&iter::empty().threadsafe(), at, "before the panic");
                }
                for shared in [&generator as &dyn PoisonCheck, &plain] {
                    shared.assert_poisoned(&pool);
                }
                // An owned one as well.
                let payload = panic_of(|| pool.install(|| panicking(at).into_par_iter().sum::<usize>()));
                assert_eq!(payload.downcast_ref(), Some(&Boom(at)));
            }
        }
    });
}

#[test]
fn nobody_looks_for_more_while_what_was_before_a_panic_is_used() {
    // They would find the iterator poisoned, and that panic would be there before the source's own.
    limited(|| {
        for pool in pools(&[2, 8]) {
            let (used, generator) = (Used::default(), panicking(100));
            let payload = panic_of(|| {
                pool.install(|| {
                    generator.par_iter().for_each(|n| {
                        // As long as they are cheap, more and more are taken at a time.
                        if n >= 60 {
                            work_for(Duration::from_millis(1));
                        }
                        used.add(n);
                    });
                });
            });
            assert_eq!(payload.downcast_ref(), Some(&Boom(100)));
            used.assert_complete_with(&iter::empty().threadsafe(), 100, "before the panic");
        }
    });
}

trait PoisonCheck {
    fn assert_poisoned(&self, pool: &ThreadPool);
}

impl<I: Iterator<Item = usize> + Send> PoisonCheck for ThreadsafeIter<I> {
    fn assert_poisoned(&self, pool: &ThreadPool) {
        let earlier = "the iterator panicked earlier: its message is not a string";
        assert!(self.is_poisoned());
        assert_eq!(message_of(|| self.next()), earlier);
        assert_eq!(message_of(|| pool.install(|| self.into_par_iter().count())), earlier);
        assert_eq!(message_of(|| self.into_par_iter().find_any(|_| true)), earlier);
    }
}

#[test]
fn a_drive_of_what_is_over_finds_it_over() {
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
                    assert_eq!(shared.par_iter().sum::<usize>(), 45, "{kind}: ended, but for what was given back");
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
                assert!(taken.into_iter().eq(2..11), "{kind}: given back after the end");
            });
        }
    });
}

#[test]
fn closing_ends_a_drive_and_what_was_taken_is_used() {
    limited(|| {
        for pool in pools(&[1, 2, 8]) {
            for by_consumer in [true, false] {
                let alive = Arc::new(());
                let local = Arc::clone(&alive);
                let shared = generator(async move |co| {
                    let _ = &local;
                    co.yield_from(0_usize..).await;
                })
                .threadsafe();
                let used = AtomicUsize::new(0);
                thread::scope(|scope| {
                    if !by_consumer {
                        scope.spawn(|| {
                            while used.load(SeqCst) < 1000 {
                                thread::yield_now();
                            }
                            shared.close();
                        });
                    }
                    let count = pool.install(|| {
                        let each = shared.par_iter().inspect(|n| {
                            used.fetch_add(1, SeqCst);
                            if by_consumer && *n == 1000 {
                                shared.close();
                            }
                        });
                        each.count()
                    });
                    assert_eq!(count, used.load(SeqCst));
                });
                assert!(shared.is_finished());
                assert_eq!(Arc::strong_count(&alive), 1, "the source is gone");
            }
        }
    });
}

#[test]
fn others_may_take_items_during_a_drive() {
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
fn a_drive_waits_for_who_is_inside_and_goes_on() {
    limited(|| {
        for pool in pools(&[1, 2]) {
            let shared = (0..100_usize).threadsafe();
            let mut guard = shared.lock();
            assert_eq!(guard.next(), Some(0));
            thread::scope(|scope| {
                let drive = scope.spawn(|| pool.install(|| shared.par_iter().sum::<usize>()));
                thread::sleep(Duration::from_millis(30));
                assert_eq!(guard.next(), Some(1));
                if pool.current_num_threads() > 1 {
                    // Others have a thread of the pool meanwhile.
                    assert_eq!(pool.install(|| (0..1000_usize).into_par_iter().sum::<usize>()), 499_500);
                }
                drop(guard);
                assert_eq!(drive.join().unwrap(), 4950 - 1);
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

/// The sum of the numbers up to `n`, by rayon.
fn sum_by_rayon(n: usize) -> usize {
    let (low, high) = rayon::join(
        || (0..n / 2).into_par_iter().sum::<usize>(),
        || (n / 2..n + 1).into_par_iter().with_min_len(16).map(hint::black_box).sum::<usize>(),
    );
    low + high
}

/// A generator whose body uses rayon for each item, and takes so long for it.
#[threadsafe_generator]
fn sums_by_rayon(end: usize, dear: Duration) -> impl Iterator<Item = usize> {
    for n in 0..end {
        let (sum, ()) = rayon::join(|| sum_by_rayon(200), || work_for(dear));
        assert_eq!(sum, 200 * 201 / 2);
        yield_!(n);
    }
}

#[test]
fn a_body_and_a_consumer_that_use_rayon_wait_for_each_other_at_no_size_of_pool() {
    limited(|| {
        let (cheap, dear) = (Duration::ZERO, Duration::from_micros(100));
        for pool in pools(&[1, 2, 4]) {
            for (making, using) in [(cheap, cheap), (cheap, dear), (dear, cheap), (dear, dear)] {
                for (body_uses, consumer_uses) in [(true, false), (false, true), (true, true)] {
                    // Where a body uses rayon, the call of a second drive is work that a thread within the body may come by.
                    for drives in if body_uses { 1..2 } else { 1..4 } {
                        let end = if making == cheap && using == cheap { 1500 } else { 150 };
                        let shared = if body_uses {
                            ThreadsafeIter::new(Box::new(sums_by_rayon(end, making)) as Numbers)
                        } else {
                            ThreadsafeIter::new(Box::new(annotated(end)) as Numbers)
                        };
                        let used = Used::default();
                        let drive = || {
                            shared.par_iter().for_each(|n| {
                                if consumer_uses {
                                    let (sum, ()) = rayon::join(|| sum_by_rayon(100), || work_for(using));
                                    assert_eq!(sum, 5050);
                                } else {
                                    work_for(using);
                                }
                                used.add(n);
                            });
                        };
                        pool.install(|| (0..drives).into_par_iter().with_max_len(1).for_each(|_| drive()));
                        used.assert_complete_with(&shared, end, "body, consumer, both");
                    }
                }
            }
        }
    });
}

#[test]
fn drives_within_bodies_and_consumers_of_drives_come_to_an_end() {
    /// Uses a drive of its own for each item.
    #[threadsafe_generator]
    fn outer(end: usize, inner: usize) -> impl Iterator<Item = usize> {
        for n in 0..end {
            assert_eq!(annotated(inner).into_par_iter().count(), inner);
            yield_!(n);
        }
    }

    limited(|| {
        for pool in pools(&[1, 2, 4]) {
            for _ in 0..5 {
                let shared = outer(60, 100);
                let used = Used::default();
                pool.install(|| {
                    shared.par_iter().for_each(|n| {
                        assert_eq!(outer(3, 20).into_par_iter().map(|n| sum_by_rayon(n + 20)).count(), 3);
                        used.add(n);
                    });
                });
                used.assert_complete_with(&shared, 60, "nested");
            }
        }
    });
}

#[test]
fn a_drive_beside_other_work_of_its_pool_comes_to_an_end() {
    limited(|| {
        for pool in pools(&[1, 2, 4]) {
            let shared = sums_by_rayon(300, Duration::ZERO);
            let used = Used::default();
            pool.scope(|scope| {
                for _ in 0..20 {
                    scope.spawn(|_| assert_eq!(hint::black_box(sum_by_rayon(2000)), 2_001_000));
                }
                scope.spawn(|_| shared.par_iter().for_each(|n| used.add(n)));
                for _ in 0..20 {
                    scope.spawn(|_| assert_eq!(hint::black_box(sum_by_rayon(2000)), 2_001_000));
                }
            });
            used.assert_complete_with(&shared, 300, "beside other work");
        }
    });
}

#[test]
fn a_panic_of_a_body_that_uses_rayon_comes_out_of_the_drive() {
    limited(|| {
        for pool in pools(&[1, 2, 4]) {
            let source = generator(async |co| {
                for n in 0..50_usize {
                    rayon::join(|| sum_by_rayon(50), || assert!(n < 40, "bad source"));
                    co.yield_(n).await;
                }
            });
            let shared = source.threadsafe();
            let used = Used::default();
            let message = message_of(|| {
                pool.install(|| {
                    shared.par_iter().for_each(|n| {
                        sum_by_rayon(50);
                        used.add(n);
                    });
                });
            });
            assert_eq!(message, "bad source");
            used.assert_complete_with(&iter::empty().threadsafe(), 40, "before the panic");
        }
    });
}

#[test]
fn a_panic_of_the_consumer_comes_out_and_loses_only_its_item() {
    const END: usize = 20_000;
    limited(|| {
        for pool in pools(&[1, 2, 8]) {
            for at in [0, 1, 500] {
                each_source!(END, |kind, shared| {
                    let used = Used::default();
                    let payload = panic_of(|| {
                        pool.install(|| {
                            shared.par_iter().for_each(|n| {
                                used.add(n);
                                if n == at {
                                    panic_any(Boom(n));
                                }
                            });
                        });
                    });
                    assert_eq!(payload.downcast_ref(), Some(&Boom(at)), "{kind}");
                    assert!(!shared.is_poisoned(), "{kind}");
                    used.assert_complete_with(&shared, END, kind);
                });
            }
        }
    });
}

#[test]
fn a_panic_of_the_consumer_stops_the_drive() {
    limited(|| {
        for pool in pools(&[1, 2, 4]) {
            let endless = (0_usize..).threadsafe();
            let drive = || pool.install(|| endless.par_iter().for_each(|n| assert!(n != 10, "mine")));
            assert_eq!(message_of(drive), "mine");
            assert!(endless.next().is_some());
        }
    });
}

#[test]
fn a_drive_that_waits_lets_the_one_thread_of_its_pool_work_for_others() {
    limited(|| {
        let pool = Arc::new(ThreadPoolBuilder::new().num_threads(1).build().unwrap());
        let inner = Arc::clone(&pool);
        let (started, has_started) = std::sync::mpsc::channel();
        let shared = generator(async move |co| {
            for n in 0..20_usize {
                if n == 0 {
                    started.send(()).unwrap();
                    thread::sleep(Duration::from_millis(50));
                }
                inner.install(|| rayon::join(|| (), || ()));
                co.yield_(n).await;
            }
        })
        .threadsafe();
        thread::scope(|scope| {
            let outside = scope.spawn(|| shared.next());
            has_started.recv().unwrap();
            let drive = scope.spawn(|| pool.install(|| shared.par_iter().count()));
            assert_eq!(outside.join().unwrap(), Some(0));
            assert_eq!(drive.join().unwrap(), 19);
        });
    });
}

#[test]
fn a_drive_beside_a_guard_of_the_same_thread_is_re_entry() {
    limited(|| {
        let shared = (0..10_usize).threadsafe();
        let guard = shared.lock();
        assert_eq!(message_of(|| shared.par_iter().count()), "generator already executing");
        drop(guard);
        assert_eq!(shared.par_iter().count(), 10);
    });
}

#[test]
fn a_consumer_that_yields_to_the_pool_leaves_no_item() {
    // The task that may pull next then runs on top of the one that processes an item.
    limited(|| {
        for pool in pools(&[1, 2, 8]) {
            for _ in 0..20 {
                each_source!(300, |kind, shared| {
                    let used = Used::default();
                    pool.install(|| {
                        shared.par_iter().for_each(|n| {
                            rayon::yield_now();
                            rayon::join(|| used.add(n), rayon::yield_now);
                        });
                    });
                    assert!(shared.is_finished(), "{kind}: the drive has left items");
                    used.assert_complete_with(&shared, 300, kind);
                });
            }
        }
    });
}

#[test]
fn thousands_of_jobs_that_drive_one_slow_iterator_do_not_overflow_the_stack() {
    const JOBS: usize = 8000;
    limited(|| {
        for pool in pools(&[1, 2, 4]) {
            let used = Used::default();
            let slow = iter::repeat_with(|| thread::sleep(Duration::from_micros(50))).take(JOBS).zip(0..).threadsafe();
            pool.scope(|scope| {
                for _ in 0..JOBS {
                    scope.spawn(|_| slow.par_iter().map(|((), n)| n).for_each(|n| used.add(n)));
                }
            });
            let rest = slow.map(|((), n)| n).threadsafe();
            used.assert_complete_with(&rest, JOBS, "slow");
        }
    });
}
