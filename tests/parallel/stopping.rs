//! Early exit, `close`, and what is left afterwards.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::thread;
use std::time::Duration;

use rayon::prelude::*;
use support::limited;
use threadsafe_gen::{ThreadsafeExt, generator};

use crate::{Numbers, Used, annotated, each_source, pool, pools};

#[test]
fn an_early_exit_leaves_the_rest() {
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
fn an_endless_source_goes_on_after_an_early_exit() {
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
fn a_full_consumer_pulls_nothing() {
    limited(|| {
        for pool in pools(&[1, 2]) {
            each_source!(10, |kind, shared| {
                pool.install(|| assert_eq!(shared.par_iter().take_any(0).count(), 0));
                assert_eq!(shared.next(), Some(0), "{kind}");
            });
        }
    });
}

#[test]
fn close_ends_a_drive_and_what_was_pulled_is_processed() {
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

/// A burst, and then an item every few milliseconds: a drive that is stopped pulls only a few more.
#[test]
fn a_drive_of_a_slow_source_stops_soon() {
    limited(|| {
        for threads in [1, 2, 8] {
            let pool = pool(threads);
            for how in 0..3 {
                let pulled = AtomicUsize::new(0);
                let source = (0..6000_usize).inspect(|n| {
                    pulled.fetch_add(1, SeqCst);
                    if *n >= 4200 {
                        thread::sleep(Duration::from_millis(5));
                    }
                });
                let shared = source.threadsafe();
                let used = Used::default();
                let stopped = AtomicUsize::new(0);
                let stop = |n| {
                    used.add(n);
                    let stops = n == 4210;
                    if stops {
                        stopped.store(pulled.load(SeqCst), SeqCst);
                    }
                    stops
                };
                pool.install(|| match how {
                    0 => assert_eq!(shared.par_iter().find_any(|n| stop(*n)), Some(4210)),
                    1 => {
                        assert_eq!(
                            shared.par_iter().try_for_each(|n| if stop(n) { Err(n) } else { Ok(()) }),
                            Err(4210)
                        );
                    }
                    _ => shared.par_iter().for_each(|n| {
                        if stop(n) {
                            shared.close();
                        }
                    }),
                });
                let more = pulled.load(SeqCst) - stopped.load(SeqCst);
                assert!(more <= 2, "{more} more were pulled");
                if how == 2 {
                    // All that was pulled has been processed.
                    assert!(used.into_sorted().into_iter().eq(0..pulled.load(SeqCst)));
                    assert_eq!(shared.next(), None);
                } else {
                    // The items that were pulled and not processed are put back.
                    let mut all = used.into_sorted();
                    let left = pulled.load(SeqCst) - all.len();
                    for _ in 0..left {
                        let (index, n) = shared.next_indexed().unwrap();
                        assert_eq!(index, n);
                        all.push(n);
                    }
                    all.sort_unstable();
                    assert!(all.into_iter().eq(0..pulled.load(SeqCst)));
                }
            }
        }
    });
}

/// Tasks that have nothing to do do not keep a drive from ending.
#[test]
fn a_drive_ends_while_its_tasks_sleep() {
    limited(|| {
        let pool = pool(8);
        for round in 0..45 {
            // Long enough for some tasks to sleep, and for some to end.
            let pause = Duration::from_millis(round % 15);
            let shared = (0..3_usize).inspect(|_| thread::sleep(pause)).threadsafe();
            assert_eq!(pool.install(|| shared.par_iter().find_any(|n| *n == 1)), Some(1));
            // The first item is put back if it was not looked at before the second was found.
            assert!(shared.count() <= 2);
            let shared = annotated(2).inspect(|_| thread::sleep(pause)).threadsafe();
            assert_eq!(pool.install(|| shared.par_iter().count()), 2);
        }
    });
}

/// Leftovers of one drive are taken by the next, with many at a time in the tasks' deques.
#[test]
fn many_drives_after_each_other_lose_nothing() {
    limited(|| {
        for pool in pools(&[2, 4, 8]) {
            for _ in 0..8 {
                const END: usize = 60_000;
                let shared = annotated(END);
                let used = Used::default();
                for goal in (5000..END).step_by(3701) {
                    pool.install(|| {
                        shared.par_iter().any(|n| {
                            used.add(n);
                            n >= goal
                        })
                    });
                }
                used.assert_complete_with(&shared, END, "after each other");
            }
        }
    });
}

/// `take_any` counts what its consumers have been given: one that comes too late is dropped, as with every source.
#[test]
fn take_any_takes_so_many() {
    limited(|| {
        for pool in pools(&[1, 2, 8]) {
            for wanted in [0, 1, 10, 5000] {
                let shared = annotated(20_000);
                let mut taken: Vec<_> = pool.install(|| shared.par_iter().take_any(wanted).collect());
                let mut rest: Vec<_> = shared.iter().collect();
                assert_eq!(taken.len(), wanted);
                // Each task may have been given one too many.
                assert!(rest.len() + wanted + pool.current_num_threads() > 20_000);
                taken.append(&mut rest);
                let before = taken.len();
                taken.sort_unstable();
                taken.dedup();
                assert_eq!(taken.len(), before);
            }
        }
    });
}
