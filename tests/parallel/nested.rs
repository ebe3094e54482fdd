//! Bodies and consumers that use rayon, drives within drives, and many drives in one pool: none waits for itself.

use std::hint;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Barrier, Once};
use std::thread;
use std::time::Duration;

use rayon::ThreadPoolBuilder;
use rayon::prelude::*;
use support::{limited, message_of};
use threadsafe_gen::{ThreadsafeExt, ThreadsafeIter, generator, threadsafe_generator};

use crate::{Numbers, Used, annotated, pool, pools, work_for};

/// The sum of the numbers up to `n`, by rayon.
pub(crate) fn sum_by_rayon(n: usize) -> usize {
    let (low, high) = rayon::join(
        || (0..n / 2).into_par_iter().sum::<usize>(),
        || (n / 2..n + 1).into_par_iter().with_min_len(16).map(hint::black_box).sum::<usize>(),
    );
    low + high
}

/// A generator whose body uses rayon for each item, and takes so long for it.
#[threadsafe_generator]
fn sums_by_rayon(end: usize, cost: Duration) -> impl Iterator<Item = usize> {
    for n in 0..end {
        let (sum, ()) = rayon::join(|| sum_by_rayon(200), || work_for(cost));
        assert_eq!(sum, 200 * 201 / 2);
        yield_!(n);
    }
}

#[test]
fn a_body_and_a_consumer_that_use_rayon_never_wait_for_each_other() {
    limited(|| {
        let (cheap, expensive) = (Duration::ZERO, Duration::from_micros(100));
        for pool in pools(&[1, 2, 4]) {
            for (making, using) in [(cheap, cheap), (cheap, expensive), (expensive, cheap), (expensive, expensive)] {
                for (body_uses, consumer_uses) in [(true, false), (false, true), (true, true)] {
                    // If a body uses rayon, a thread within the body may steal the call of a second drive.
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
fn a_drive_that_waits_leaves_the_one_thread_of_its_pool_to_other_jobs() {
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
fn a_drive_beside_a_guard_of_the_same_thread_panics() {
    limited(|| {
        let shared = (0..10_usize).threadsafe();
        let guard = shared.lock();
        assert_eq!(message_of(|| shared.par_iter().count()), "generator already executing");
        drop(guard);
        assert_eq!(shared.par_iter().count(), 10);
    });
}

#[test]
fn a_drive_waits_for_a_caller_that_holds_the_lock() {
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

/// Each of these jobs starts a drive of the same slow iterator. While one waits its thread could start the next on top
/// of it, and so on until the stack is full.
#[test]
fn thousands_of_drives_of_one_slow_iterator_need_little_stack() {
    limited(|| {
        for threads in [1, 2, 4] {
            let pool = pool(threads);
            let shared = (0..40_usize).inspect(|_| thread::sleep(Duration::from_millis(5))).threadsafe();
            let used = Used::default();
            pool.scope(|scope| {
                for _ in 0..20_000 {
                    scope.spawn(|_| shared.par_iter().for_each(|n| used.add(n)));
                }
            });
            used.assert_complete_with(&shared, 40, "thousands of drives");
        }
    });
}

/// The same beside a caller from outside, which is in the source most of the time.
#[test]
fn thousands_of_drives_beside_a_plain_thread_need_little_stack() {
    limited(|| {
        for threads in [1, 2, 4] {
            let pool = pool(threads);
            let shared = (0..60_usize).inspect(|_| thread::sleep(Duration::from_millis(5))).threadsafe();
            let used = Used::default();
            thread::scope(|threads| {
                threads.spawn(|| shared.iter().for_each(|n| used.add(n)));
                pool.scope(|scope| {
                    for _ in 0..5000 {
                        scope.spawn(|_| shared.par_iter().for_each(|n| used.add(n)));
                    }
                });
            });
            used.assert_complete_with(&shared, 60, "drives beside a thread");
        }
    });
}

/// Drives of many slow iterators in one pool.
#[test]
fn many_drives_of_different_iterators_share_a_pool() {
    limited(|| {
        for pool in pools(&[1, 2, 4]) {
            let total = AtomicUsize::new(0);
            pool.scope(|scope| {
                for _ in 0..60 {
                    scope.spawn(|_| {
                        let shared = (0..4_usize).inspect(|_| thread::sleep(Duration::from_millis(1))).threadsafe();
                        total.fetch_add(shared.into_par_iter().count(), SeqCst);
                    });
                }
            });
            assert_eq!(total.into_inner(), 240);
        }
    });
}

/// A body that waits for work it gives to the pool from a thread of its own. The tasks that wait for its items leave
/// their threads to that work.
#[test]
fn a_source_that_waits_for_its_consumers_pool_gets_it() {
    limited(|| {
        for threads in [2, 4] {
            let pool = Arc::new(pool(threads));
            let inner = Arc::clone(&pool);
            let shared = generator(async move |co| {
                for n in 0..40_usize {
                    let sum = thread::scope(|scope| {
                        let outside = scope.spawn(|| inner.install(|| sum_by_rayon(100)));
                        outside.join().unwrap()
                    });
                    assert_eq!(sum, 5050);
                    co.yield_(n).await;
                }
            })
            .threadsafe();
            let used = Used::default();
            pool.install(|| shared.par_iter().for_each(|n| used.add(n)));
            used.assert_complete_with(&shared, 40, "install from the body");
        }
    });
}

/// Jobs of the pool that the body waits for may be below tasks that wait for the body. Below the drive itself they
/// would never be done, so it begins before the body gives them to the pool.
#[test]
fn a_plain_thread_in_a_body_that_uses_the_pool_of_a_drive_is_served() {
    limited(|| {
        for threads in [1, 2, 4] {
            let pool = Arc::new(pool(threads));
            let inner = Arc::clone(&pool);
            let shared = generator(async move |co| {
                for n in 0..100_usize {
                    inner.install(|| rayon::join(|| sum_by_rayon(100), || sum_by_rayon(100)));
                    co.yield_(n).await;
                }
            })
            .threadsafe();
            let used = Used::default();
            let (begin, has_begun) = (Once::new(), Barrier::new(2));
            thread::scope(|scope| {
                scope.spawn(|| {
                    has_begun.wait();
                    shared.iter().for_each(|n| used.add(n));
                });
                pool.install(|| {
                    shared.par_iter().for_each(|n| {
                        begin.call_once(|| _ = has_begun.wait());
                        used.add(n);
                    });
                });
            });
            used.assert_complete_with(&shared, 100, "a plain thread and a drive");
        }
    });
}
