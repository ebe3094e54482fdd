//! rayon over shared items: each item is used exactly once, unused items are put back, panics propagate, and no drive
//! deadlocks.

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

/// A boxed source.
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

/// The items that all threads have used.
#[derive(Default)]
struct Used(Mutex<Vec<usize>>);

impl Used {
    fn add(&self, n: usize) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(n);
    }

    /// Asserts that the used items and the items left in `rest` are together the numbers below `end`, each once.
    #[track_caller]
    fn assert_complete_with<I: Iterator<Item = usize>>(self, rest: &ThreadsafeIter<I>, end: usize, case: &str) {
        let mut all = self.0.into_inner().unwrap_or_else(PoisonError::into_inner);
        while let Some((index, n)) = rest.next_indexed() {
            assert_eq!(index, n, "{case}");
            all.push(n);
        }
        all.sort_unstable();
        assert!(all.iter().copied().eq(0..end), "{case}: {} of {end}", all.len());
        assert!(rest.is_finished(), "{case}");
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
fn drives_outside_a_pool_use_the_global_pool() {
    limited(|| {
        each_source!(5000, |kind, shared| {
            assert_eq!(shared.par_iter().count(), 5000, "{kind}");
        });
        // `par_bridge` and the methods of rayon's own collections are available as well.
        assert_eq!(annotated(100).par_bridge().count(), 100);
        assert_eq!(annotated(100).into_par_iter().map(|n| n % 7).max(), Some(6));
        assert_eq!(annotated(100).par_iter().min(), Some(0));
    });
}

#[test]
fn every_item_is_used_once_when_some_or_all_are_expensive() {
    limited(|| {
        for pool in pools(&[1, 2, 8]) {
            for interval in [1, 10, usize::MAX] {
                each_source!(300, |kind, shared| {
                    let used = Used::default();
                    pool.install(|| {
                        shared.par_iter().for_each(|n| {
                            if n % interval == 0 {
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
fn items_of_a_fresh_drive_are_taken_one_at_a_time() {
    limited(|| {
        let pool = ThreadPoolBuilder::new().num_threads(4).build().unwrap();
        // Each of the four threads waits at the barrier with one item. If one thread took two items, the test would
        // hang.
        let barrier = Barrier::new(4);
        pool.install(|| annotated(4).into_par_iter().for_each(|_| _ = barrier.wait()));
    });
}

#[test]
fn the_number_of_cheap_items_taken_at_a_time_grows() {
    limited(|| {
        let pool = ThreadPoolBuilder::new().num_threads(1).build().unwrap();
        let (taken, most_ahead) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let numbers = (0..1_000_000).inspect(|_| _ = taken.fetch_add(1, SeqCst)).threadsafe();
        let use_item = |n| _ = most_ahead.fetch_max(taken.load(SeqCst) - n, SeqCst);
        pool.install(|| numbers.par_iter().for_each(use_item));
        // Chunks double in size unless the thread is interrupted, which happens rarely.
        assert!(most_ahead.into_inner() >= 16);
    });
}

#[test]
fn the_number_of_items_taken_at_a_time_shrinks_when_they_become_expensive() {
    const FIRST_EXPENSIVE: usize = 100_000;
    const END: usize = FIRST_EXPENSIVE + 2500;
    limited(|| {
        let pool = ThreadPoolBuilder::new().num_threads(1).build().unwrap();
        let taken = AtomicUsize::new(0);
        let numbers = (0..END).inspect(|_| _ = taken.fetch_add(1, SeqCst)).threadsafe();
        let use_item = |n| {
            if n >= FIRST_EXPENSIVE {
                work_for(Duration::from_micros(200));
            }
            assert!(n < END - 100 || taken.load(SeqCst) == n + 1, "an expensive item was taken ahead");
        };
        pool.install(|| numbers.par_iter().for_each(use_item));
    });
}

#[test]
fn a_drive_that_ends_early_puts_unused_items_back() {
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
fn drives_over_an_endless_source_can_end_early_and_be_repeated() {
    limited(|| {
        for pool in pools(&[1, 2, 8]) {
            let shared = generator(async |co| co.yield_from(0_usize..).await).threadsafe();
            for round in 1..20 {
                let limit = 1000 * round;
                assert!(pool.install(|| (&shared).into_par_iter().any(|n| n >= limit)), "{round}");
            }
            assert!(!shared.is_finished());
            let next = shared.next_indexed().unwrap();
            assert_eq!(next.0, next.1);
        }
    });
}

#[test]
fn a_full_consumer_takes_no_item() {
    limited(|| {
        for pool in pools(&[1, 2]) {
            each_source!(10, |kind, shared| {
                pool.install(|| assert_eq!(shared.par_iter().take_any(0).count(), 0));
                assert_eq!(shared.next(), Some(0), "{kind}");
            });
        }
    });
}

/// The payload that a source or a consumer panics with.
#[derive(Debug, PartialEq)]
struct Boom(usize);

/// An annotated generator that panics instead of yielding the number `at`.
#[threadsafe_generator]
fn panicking(at: usize) -> impl Iterator<Item = usize> {
    for n in 0..at {
        yield_!(n);
    }
    panic_any(Boom(at));
}

#[test]
fn a_panic_of_the_source_propagates_with_its_payload_after_the_items_before_it() {
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
                // A panic propagates from an owned drive as well.
                let payload = panic_of(|| pool.install(|| panicking(at).into_par_iter().sum::<usize>()));
                assert_eq!(payload.downcast_ref(), Some(&Boom(at)));
            }
        }
    });
}

#[test]
fn a_drive_raises_the_panic_of_the_source_not_the_poisoning() {
    // While one thread processes the items before the panic, another that asked for more would find the iterator
    // poisoned, and the poisoning would be raised before the panic of the source.
    limited(|| {
        for pool in pools(&[2, 8]) {
            let (used, generator) = (Used::default(), panicking(100));
            let payload = panic_of(|| {
                pool.install(|| {
                    generator.par_iter().for_each(|n| {
                        // The first items are cheap, so that several are taken at a time.
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
fn a_drive_over_a_finished_or_closed_iterator_is_empty() {
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
                    assert_eq!(shared.par_iter().sum::<usize>(), 45, "{kind}: only items that were put back are left");
                });
            });
        }
    });
}

#[test]
fn a_drive_starts_at_the_position_of_the_iterator() {
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
fn close_ends_a_drive_after_the_items_already_taken() {
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
                assert_eq!(Arc::strong_count(&alive), 1, "the source was not dropped");
            }
        }
    });
}

#[test]
fn other_threads_can_take_items_during_a_drive() {
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
fn a_drive_waits_for_another_thread_that_holds_the_lock() {
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
                    // The drive leaves a thread of the pool to other work meanwhile.
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
            // Three drives on the same pool.
            each_source!(END, |kind, shared| {
                let used = Used::default();
                let use_all = || shared.par_iter().for_each(|n| used.add(n));
                pool.install(|| rayon::join(use_all, || rayon::join(use_all, use_all)));
                used.assert_complete_with(&shared, END, kind);
            });
            // Four drives started by threads outside of the pools, on two pools.
            each_source!(END, |kind, shared| {
                let used = Used::default();
                let other = ThreadPoolBuilder::new().num_threads(2).build().unwrap();
                together(4, |index| {
                    let pool = if index % 2 == 0 { &pool } else { &other };
                    pool.install(|| shared.par_iter().for_each(|n| used.add(n)));
                });
                used.assert_complete_with(&shared, END, kind);
            });
            // One drive inside another.
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

/// Computes the sum of the numbers up to `n` with rayon.
fn sum_by_rayon(n: usize) -> usize {
    let (low, high) = rayon::join(
        || (0..n / 2).into_par_iter().sum::<usize>(),
        || (n / 2..n + 1).into_par_iter().with_min_len(16).map(hint::black_box).sum::<usize>(),
    );
    low + high
}

/// A generator whose body uses rayon for each item, and spends `time` on it.
#[threadsafe_generator]
fn sums_by_rayon(end: usize, time: Duration) -> impl Iterator<Item = usize> {
    for n in 0..end {
        let (sum, ()) = rayon::join(|| sum_by_rayon(200), || work_for(time));
        assert_eq!(sum, 200 * 201 / 2);
        yield_!(n);
    }
}

#[test]
fn a_body_and_a_consumer_that_use_rayon_do_not_deadlock_in_pools_of_any_size() {
    limited(|| {
        let (cheap, expensive) = (Duration::ZERO, Duration::from_micros(100));
        for pool in pools(&[1, 2, 4]) {
            for (making, using) in [(cheap, cheap), (cheap, expensive), (expensive, cheap), (expensive, expensive)] {
                for (body_uses, consumer_uses) in [(true, false), (false, true), (true, true)] {
                    // If the body uses rayon, its thread may execute a second drive in the meantime, which would be
                    // re-entry. So there is only one drive then.
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
fn drives_inside_bodies_and_consumers_of_other_drives_end() {
    /// Runs a separate drive for each item.
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
fn a_drive_ends_while_its_pool_does_other_work() {
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
fn a_panic_of_a_body_that_uses_rayon_propagates_from_the_drive() {
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
fn a_panic_of_the_consumer_propagates_and_loses_only_its_item() {
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
            let drive = || pool.install(|| endless.par_iter().for_each(|n| assert!(n != 10, "bad consumer")));
            assert_eq!(message_of(drive), "bad consumer");
            assert!(endless.next().is_some());
        }
    });
}

#[test]
fn a_waiting_drive_in_a_pool_of_one_lets_the_thread_do_other_work() {
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
fn a_drive_on_a_thread_that_holds_the_lock_panics() {
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
