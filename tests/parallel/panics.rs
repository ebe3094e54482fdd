//! Panics of the source and of the consumer: passed on, and nothing else lost.

use std::iter;
use std::panic::panic_any;
use std::thread;
use std::time::Duration;

use rayon::ThreadPool;
use rayon::prelude::*;
use support::{limited, message_of, panic_of};
use threadsafe_gen::{ThreadsafeExt, ThreadsafeIter, generator, threadsafe_generator};

use crate::nested::sum_by_rayon;
use crate::{Count, Numbers, Used, annotated, each_source, pools, work_for};

/// The payload of a panic of a source or a consumer.
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
fn the_panic_of_a_source_comes_out_with_its_payload_after_the_items_before_it() {
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
fn the_panic_of_the_source_is_not_replaced_by_one_that_tells_of_it() {
    // A task that pulls while the items before the panic are processed finds the iterator poisoned.
    limited(|| {
        for pool in pools(&[2, 8]) {
            let (used, generator) = (Used::default(), panicking(100));
            let payload = panic_of(|| {
                pool.install(|| {
                    generator.par_iter().for_each(|n| {
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
fn the_panic_of_a_body_that_uses_rayon_comes_out_of_the_drive() {
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
fn the_panic_of_a_consumer_comes_out_and_loses_only_its_item() {
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
fn the_panic_of_a_consumer_stops_the_drive() {
    limited(|| {
        for pool in pools(&[1, 2, 4]) {
            let endless = (0_usize..).threadsafe();
            let drive = || pool.install(|| endless.par_iter().for_each(|n| assert!(n != 10, "mine")));
            assert_eq!(message_of(drive), "mine");
            assert!(endless.next().is_some());
        }
    });
}

/// Items that lie in the deques of other tasks are put back, however many there are.
#[test]
fn the_panic_of_a_consumer_leaves_what_other_tasks_have() {
    limited(|| {
        for pool in pools(&[2, 4, 8]) {
            for round in 0..40 {
                const END: usize = 30_000;
                let at = 500 * round + 13;
                let shared = annotated(END);
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
                assert_eq!(payload.downcast_ref(), Some(&Boom(at)));
                used.assert_complete_with(&shared, END, "a panic among others' items");
            }
        }
    });
}

/// The task that pulls panics while other tasks process the items before, or before any task does.
#[test]
fn the_panic_of_a_source_leaves_what_has_been_pulled_to_be_processed() {
    limited(|| {
        for pool in pools(&[1, 2, 4, 8]) {
            for round in 0..60 {
                let at = 400 * round + 7;
                let generator = panicking(at);
                let used = Used::default();
                let payload = panic_of(|| pool.install(|| generator.par_iter().for_each(|n| used.add(n))));
                assert_eq!(payload.downcast_ref(), Some(&Boom(at)));
                used.assert_complete_with(&iter::empty().threadsafe(), at, "before the panic");
            }
        }
    });
}

/// A consumer may panic while another one sleeps, waits for an item, or is in the source.
#[test]
fn the_panic_of_a_consumer_ends_a_drive_of_a_slow_source() {
    limited(|| {
        for pool in pools(&[1, 2, 8]) {
            for pause in [0, 1, 15] {
                let shared = (0_usize..).inspect(|_| thread::sleep(Duration::from_millis(pause))).threadsafe();
                let processed = Count::default();
                let drive = || {
                    pool.install(|| {
                        shared.par_iter().for_each(|n| {
                            assert!(n != 7, "mine");
                            processed.add_one();
                        });
                    });
                };
                assert_eq!(message_of(drive), "mine");
                let next = shared.next_indexed().unwrap();
                assert_eq!(next.0, next.1);
                assert!(processed.get() >= 7 && next.0 >= 8);
            }
        }
    });
}
