//! Panics of the source, of a consumer and of an item's destructor while items are taken with `buffered` and `chunks`.

use std::iter;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::thread;
use std::time::Duration;

use support::scripted::{Boom, Script, annotated, boxed, by_hand, plain};
use support::{PULLS, Source, each_source, gated, limited, message_of, panic_of, settle, together};
use threadsafe_gen::{ThreadsafeExt, ThreadsafeIter, TryNextError, generator};

const NOT_AWAITED: &str = "an item was yielded and not awaited: write `.yield_(item).await`";
const POISONED: &str = "the iterator panicked earlier: its message is not a string";

/// Asserts that every method that takes an item reports the poisoning.
#[track_caller]
fn assert_poisoned<I: Iterator<Item: std::fmt::Debug + PartialEq>>(shared: &ThreadsafeIter<I>) {
    assert!(shared.is_poisoned() && !shared.is_finished());
    assert_eq!(shared.try_next(), Err(TryNextError::Poisoned));
    assert_eq!(shared.next_timeout(Duration::ZERO), Err(TryNextError::Poisoned));
    for message in [
        message_of(|| shared.next()),
        message_of(|| shared.next_indexed()),
        message_of(|| shared.lock().next()),
        message_of(|| shared.buffered(2).next()),
        message_of(|| shared.buffered(2).indexed().next()),
        message_of(|| shared.chunks(2).next()),
        message_of(|| shared.chunks(2).indexed().next()),
    ] {
        assert_eq!(message, POISONED);
    }
}

#[test]
fn a_panic_during_a_refill_is_raised_after_the_items_before_it() {
    limited(|| {
        for at in 0..10 {
            each_source!(Script::panicking_at(at, 20), |kind, shared| {
                let mut consumer = shared.buffered(4);
                for n in 0..at {
                    assert_eq!(consumer.next(), Some(n), "{kind}, at {at}");
                }
                let payload = panic_of(|| consumer.next());
                assert_eq!(payload.downcast_ref(), Some(&Boom(at)), "{kind}");
                assert_eq!(message_of(|| consumer.next()), POISONED, "{kind}, the same consumer");
                drop(consumer);
                assert_poisoned(&shared);
            });
            each_source!(Script::panicking_at(at, 20), |kind, shared| {
                let mut chunks = shared.chunks(4);
                let mut taken = vec![];
                let payload = panic_of(|| taken.extend(chunks.by_ref().flatten()));
                assert_eq!(payload.downcast_ref(), Some(&Boom(at)), "{kind}");
                assert!(taken.into_iter().eq(0..at), "{kind}, at {at}");
                assert_eq!(message_of(|| chunks.next()), POISONED, "{kind}, the same consumer");
                assert_poisoned(&shared);
            });
        }
    });
}

#[test]
fn other_callers_see_a_panic_that_the_consumer_has_not_raised_yet() {
    limited(|| {
        each_source!(Script::panicking_at(6, 20), |kind, shared| {
            let mut other = shared.buffered(2);
            assert_eq!(other.next(), Some(0));
            let mut consumer = shared.buffered(8);
            assert_eq!(consumer.next(), Some(2), "{kind}");
            // `consumer` has three more items before it raises the panic. All other callers see the poisoning now.
            assert_poisoned(&shared);
            assert_eq!(other.next(), Some(1), "{kind}: taken before the panic");
            assert_eq!(message_of(|| other.next()), POISONED, "{kind}");
            assert_eq!(consumer.next(), Some(3), "{kind}");
            drop((consumer, other));
            assert_poisoned(&shared);
            assert_eq!(message_of(|| shared.into_inner().is_some()), POISONED, "{kind}");
        });
    });
}

#[test]
fn every_waiting_thread_panics_after_a_panic_during_a_refill() {
    limited(|| {
        let (gate, source) = gated::<u64>();
        let shared = (Box::new(source) as Source).threadsafe();
        thread::scope(|scope| {
            let shared = &shared;
            let caller = scope.spawn(|| {
                let mut consumer = shared.buffered(3);
                (consumer.next(), consumer.next(), message_of(|| consumer.next()))
            });
            gate.entered();
            let waiting: Vec<_> = PULLS
                .iter()
                .map(|(_, pull)| scope.spawn(|| message_of(|| pull(shared))))
                .chain([
                    scope.spawn(|| message_of(|| shared.buffered(2).next())),
                    scope.spawn(|| message_of(|| shared.chunks(2).next())),
                ])
                .collect();
            settle();
            gate.let_in(|| Some(0));
            gate.let_in(|| Some(1));
            gate.let_in(|| panic!("bad source"));
            assert_eq!(caller.join().unwrap(), (Some(0), Some(1), "bad source".to_owned()));
            for thread in waiting {
                assert!(thread.join().unwrap().starts_with("the iterator panicked earlier"));
            }
        });
    });
}

#[test]
fn a_panicking_closure_loses_only_the_item_it_was_called_with() {
    fn check<I: Iterator<Item = usize>>(kind: &str, make: impl Fn() -> I) {
        type Use<I> = fn(&mut I, &dyn Fn(usize));
        let methods: [(&str, Use<I>); 8] = [
            ("all", |iter, user| {
                iter.all(|n| {
                    user(n);
                    true
                });
            }),
            ("any", |iter, user| {
                iter.any(|n| {
                    user(n);
                    false
                });
            }),
            ("find", |iter, user| {
                iter.find(|n| {
                    user(*n);
                    false
                });
            }),
            ("position", |iter, user| {
                iter.position(|n| {
                    user(n);
                    false
                });
            }),
            ("for_each", |iter, user| iter.for_each(user)),
            ("fold", |iter, user| iter.fold((), |(), n| user(n))),
            ("try_for_each", |iter, user| {
                let _ = iter.try_for_each(|n| {
                    user(n);
                    Some(())
                });
            }),
            ("map", |iter, user| _ = iter.map(user).count()),
        ];
        for (method, consume) in methods {
            let mut iter = make();
            let stop = |n| assert_ne!(n, 2, "stop");
            assert!(
                message_of(|| consume(&mut iter, &stop)).ends_with("stop\n  left: 2\n right: 2"),
                "{kind}, {method}"
            );
            assert_eq!(iter.next(), Some(3), "{kind}, {method}");
            assert!(iter.eq(4..10), "{kind}, {method}");
        }
    }

    check("generator", || generator(async |co| co.yield_from(0..10).await));
    check("owned generator", || generator(async |co| co.yield_from(0..10).await).threadsafe());
    check("owned annotated", || annotated(Script::counting_to(10)));
    check("owned plain", || plain(Script::counting_to(10)));
    check("owned boxed", || boxed(Script::counting_to(10)));
    let iters = Mutex::new(vec![]);
    check("shared", || {
        let iter: &'static _ = Box::leak(Box::new(by_hand(Script::counting_to(10))));
        iters.lock().unwrap().push(iter);
        iter
    });
    check("buffered", || {
        let iter: &'static _ = Box::leak(Box::new(by_hand(Script::counting_to(10))));
        iters.lock().unwrap().push(iter);
        iter.buffered(4)
    });
    for iter in iters.into_inner().unwrap() {
        assert!(!iter.is_poisoned() && iter.is_finished());
    }
}

#[test]
fn panicking_consumers_lose_only_the_item_they_panicked_on() {
    limited(|| {
        each_source!(Script::counting_to(2000), |kind, shared| {
            let used = Mutex::new(vec![]);
            together(8, |_| {
                // `next` can return `None` while another consumer still has items that it will put back.
                while !shared.is_finished() {
                    let _ = catch_unwind(AssertUnwindSafe(|| {
                        for (index, n) in shared.buffered(16).indexed() {
                            assert_eq!(index, n);
                            used.lock().unwrap().push(n);
                            if n % 100 == 99 {
                                std::panic::resume_unwind(Box::new(Boom(n)));
                            }
                        }
                    }));
                }
            });
            let mut used = used.into_inner().unwrap();
            used.extend(shared.iter());
            used.sort_unstable();
            assert!(used.into_iter().eq(0..2000), "{kind}");
        });
    });
}

#[test]
fn a_consumer_is_released_even_if_dropping_an_item_panics() {
    struct Bad;

    impl Drop for Bad {
        fn drop(&mut self) {
            assert!(thread::panicking(), "bad drop");
        }
    }

    let shared = iter::repeat_with(|| Bad).take(3).threadsafe();
    let mut consumer = shared.buffered(3);
    std::mem::forget(consumer.next());
    shared.close();
    assert_eq!(message_of(|| drop(consumer)), "bad drop");
    assert_eq!(shared.size_hint(), (0, Some(0)));
}

/// The sizes at which a buffer is never full, or is full before or after the growth of a chunk.
const SIZES: [usize; 10] = [1, 2, 3, 4, 5, 63, 64, 65, 1000, usize::MAX];

#[test]
fn a_panic_comes_after_the_items_before_it_at_any_buffer_size() {
    limited(|| {
        for size in SIZES {
            let full = size.min(1000);
            for at in [0, 1, full - 1, full, full + 1, 2 * full] {
                each_source!(Script::panicking_at(at, 3000), |kind, shared| {
                    let mut taken = vec![];
                    let payload = panic_of(|| taken.extend(shared.buffered(size)));
                    assert_eq!(payload.downcast_ref(), Some(&Boom(at)), "{kind}, {size}, at {at}");
                    assert!(taken.into_iter().eq(0..at), "{kind}, {size}, at {at}");
                    assert_poisoned(&shared);
                });
            }
        }
    });
}

#[test]
fn an_item_whose_yield_is_not_awaited_is_delivered_or_poisons_the_iterator() {
    limited(|| {
        for size in SIZES {
            let full = size.min(1000);
            for lost in [0, 1, full - 1, full, 2 * full - 1] {
                let careless = generator(async |co| {
                    co.yield_from(0..lost).await;
                    drop(co.yield_(lost));
                    co.yield_from(lost + 1..lost + 3).await;
                });
                let shared = careless.threadsafe();
                let mut taken = vec![];
                if (lost + 1) % size == 0 {
                    // The item is the last one of its chunk, at whose yield the body has to suspend.
                    assert_eq!(message_of(|| taken.extend(shared.buffered(size))), NOT_AWAITED, "{size}, {lost}");
                    assert!(taken.into_iter().eq(0..lost), "{size}, {lost}");
                    assert!(shared.is_poisoned());
                } else {
                    taken.extend(shared.buffered(size));
                    assert!(taken.into_iter().eq(0..lost + 3), "{size}, {lost}");
                }
            }
        }
    });
}

#[test]
fn a_caught_panic_of_a_yield_neither_hides_the_lost_item_nor_loses_the_chunk() {
    limited(|| {
        for size in SIZES.into_iter().filter(|size| *size < usize::MAX) {
            let careless = || {
                let items = generator(async |co| {
                    co.yield_from(0..size - 1).await;
                    drop(co.yield_(size));
                    assert_eq!(message_of(|| drop(co.yield_(size + 1))), NOT_AWAITED);
                });
                items.threadsafe()
            };
            let in_a_box = careless().boxed();
            let mut chunk = vec![];
            assert_eq!(message_of(|| chunk.extend(in_a_box.chunks(size).flatten())), NOT_AWAITED, "{size}");
            assert!(chunk.into_iter().eq(0..size - 1), "{size}");
            let shared = careless();
            let mut taken = vec![];
            assert_eq!(message_of(|| taken.extend(shared.buffered(size))), NOT_AWAITED, "{size}");
            assert!(taken.into_iter().eq(0..size - 1), "{size}");
            assert!(shared.is_poisoned() && !shared.is_finished());
        }
    });
}
