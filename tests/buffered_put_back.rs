//! A `buffered` consumer puts the items back that it did not use, and every other call can take them.

use std::iter;
use std::panic::{AssertUnwindSafe, catch_unwind, panic_any};
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use support::scripted::{Boom, Script, counted_items};
use support::{PULLS, Source, each_source, gated, limited, together};
use threadsafe_gen::{Buffered, ThreadsafeExt, ThreadsafeIter, TryNextError, generator};

/// Takes the items 0, 1 and 2 and then stops consuming.
type TakeThree = fn(&mut dyn Iterator<Item = usize>);

/// Every method for a consumer to end early, with its name.
const ENDINGS: [(&str, TakeThree); 5] = [
    ("drop", |consumer| assert!(consumer.take(3).eq(0..3))),
    ("break", |consumer| {
        for n in consumer {
            if n == 2 {
                break;
            }
        }
    }),
    ("?", |consumer| {
        fn until_two(consumer: &mut dyn Iterator<Item = usize>) -> Result<(), usize> {
            for n in consumer {
                (n != 2).then_some(()).ok_or(n)?;
            }
            Ok(())
        }
        assert_eq!(until_two(consumer), Err(2));
    }),
    ("find", |mut consumer| assert_eq!(Iterator::find(&mut consumer, |n| *n == 2), Some(2))),
    ("panic", |consumer| {
        for n in consumer {
            if n == 2 {
                panic_any(Boom(n));
            }
        }
    }),
];

#[test]
fn unused_items_are_put_back_however_the_consumer_ends() {
    limited(|| {
        for (ending, take_three) in ENDINGS {
            // Up to seven items are put back, also after the source has ended.
            for (n, ended) in [(3, false), (4, false), (9, false), (10, false), (11, true), (usize::MAX, true)] {
                each_source!(Script::counting_to(10), |kind, shared| {
                    let outcome = catch_unwind(AssertUnwindSafe(|| {
                        let mut consumer = shared.buffered(n);
                        take_three(&mut consumer);
                    }));
                    assert_eq!(outcome.is_err(), ending == "panic");
                    assert!(!shared.is_finished() && !shared.is_poisoned(), "{kind}, {ending}, {n}");
                    assert_eq!(format!("{shared:?}").contains("finished"), ended, "{kind}, {ending}, {n}");
                    for n in 3..10 {
                        assert_eq!(shared.next_indexed(), Some((n, n)), "{kind}, {ending}, {n}");
                    }
                    assert_eq!(shared.next_indexed(), None, "{kind}, {ending}, {n}");
                    assert!(shared.is_finished(), "{kind}, {ending}, {n}");
                });
            }
        }
    });
}

#[test]
fn every_method_takes_items_that_were_put_back() {
    limited(|| {
        for ended in [false, true] {
            let n = if ended { 9 } else { 4 };
            for (method, pull) in PULLS {
                let shared = (Box::new(0..6_u64) as Source).threadsafe();
                assert_eq!(shared.buffered(n).next(), Some(0));
                assert!(!shared.is_finished());
                assert!((1..6).all(|n| pull(&shared) == Some(n)), "{method}");
                assert_eq!(pull(&shared), None, "{method}");
                assert!(shared.is_finished());
            }
            each_source!(Script::counting_to(6), |kind, shared| {
                assert_eq!(shared.buffered(n).next(), Some(0));
                assert!(shared.buffered(2).indexed().eq((1..6).zip(1..6)), "{kind}");
            });
            each_source!(Script::counting_to(6), |kind, shared| {
                assert_eq!(shared.buffered(n).next(), Some(0));
                let chunks: Vec<_> = shared.chunks(2).indexed().collect();
                assert!(chunks.iter().all(|(first, chunk)| chunk[0] == *first && chunk.len() <= 2), "{kind}");
                assert!(chunks.into_iter().flat_map(|(_, chunk)| chunk).eq(1..6), "{kind}");
            });
            each_source!(Script::counting_to(6), |kind, shared| {
                let mut shared = shared;
                assert_eq!(shared.buffered(n).next(), Some(0));
                assert!(shared.by_ref().eq(1..6), "{kind}, owned");
                assert_eq!(shared.lock().next(), None);
            });
            each_source!(Script::counting_to(6), |kind, shared| {
                assert_eq!(shared.buffered(n).next(), Some(0));
                assert!(shared.lock().eq(1..6), "{kind}, guard");
            });
        }
    });
}

#[test]
fn items_put_back_by_several_consumers_are_taken_in_index_order() {
    limited(|| {
        each_source!(Script::counting_to(12), |kind, shared| {
            let mut consumers: Vec<_> = (0..4).map(|_| shared.buffered(3)).collect();
            for (index, consumer) in consumers.iter_mut().enumerate() {
                assert_eq!(consumer.next(), Some(3 * index));
            }
            // The items are put back in the order 10 11, 4 5, 1 2, 7 8.
            for index in [3, 1, 0, 0] {
                drop(consumers.remove(index));
            }
            assert_eq!(shared.next_indexed(), Some((1, 1)), "{kind}");
            // A chunk holds consecutive indexes only, and item 3 has been taken.
            assert_eq!(shared.chunks(9).indexed().next(), Some((2, vec![2])), "{kind}");
            let mut consumer = shared.buffered(2).indexed();
            assert_eq!(consumer.next(), Some((4, 4)), "{kind}");
            assert_eq!(shared.next_indexed(), Some((7, 7)), "{kind}");
            drop(consumer);
            assert!(iter::from_fn(|| shared.next_indexed()).eq([5, 8, 10, 11].map(|n| (n, n))), "{kind}");
        });
    });
}

#[test]
fn an_item_that_is_put_back_repeatedly_keeps_its_index() {
    each_source!(Script::counting_to(9), |kind, shared| {
        for n in 0..8 {
            let mut consumer = shared.buffered(8 - n).indexed();
            assert_eq!(consumer.next(), Some((n, n)), "{kind}");
        }
        assert!(shared.buffered(1).indexed().eq([(8, 8)]), "{kind}");
    });
}

#[test]
fn a_call_that_exhausts_the_source_returns_an_item_put_back_meanwhile() {
    limited(|| {
        type Pull = fn(&ThreadsafeIter<Source>) -> Option<u64>;
        let pulls: [(&str, Pull); 6] = [
            ("next", ThreadsafeIter::next),
            ("next_indexed", |shared| shared.next_indexed().map(|(_, item)| item)),
            ("next_timeout", |shared| shared.next_timeout(Duration::MAX).unwrap()),
            ("lock", |shared| shared.lock().next()),
            ("buffered", |shared| shared.buffered(3).next()),
            ("chunks", |shared| shared.chunks(3).next().map(|chunk| chunk[0])),
        ];
        for (method, pull) in pulls {
            let (gate, source) = gated::<u64>();
            let shared = (Box::new(source) as Source).threadsafe();
            gate.let_in(|| Some(1));
            gate.let_in(|| Some(2));
            let mut consumer = shared.buffered(2);
            assert_eq!(consumer.next(), Some(1));
            (0..2).for_each(|_| gate.entered());
            thread::scope(|scope| {
                let caller = scope.spawn(|| pull(&shared));
                gate.entered();
                // Putting back does not wait for `caller`, which is in the source until it gets its order below.
                drop(consumer);
                gate.let_in(|| None);
                assert_eq!(caller.join().unwrap(), Some(2), "{method}");
            });
            assert!(shared.is_finished(), "{method}");
        }
    });
}

#[test]
fn putting_back_and_taking_put_back_items_do_not_wait_for_the_source() {
    limited(|| {
        for (method, pull) in PULLS {
            if method == "lock" {
                continue;
            }
            let (gate, source) = gated::<u64>();
            let shared = (Box::new(source) as Source).threadsafe();
            for order in [|| Some(0), || Some(1), || Some(2)] {
                gate.let_in(order);
            }
            let mut consumer = shared.buffered(3);
            assert_eq!(consumer.next(), Some(0));
            (0..3).for_each(|_| gate.entered());
            thread::scope(|scope| {
                let caller = scope.spawn(|| shared.next());
                gate.entered();
                drop(consumer);
                assert_eq!(pull(&shared), Some(1), "{method}");
                assert_eq!(shared.chunks(5).indexed().next(), Some((2, vec![2])), "{method}");
                assert_eq!(shared.try_next(), Err(TryNextError::WouldBlock), "{method}");
                gate.let_in(|| Some(3));
                assert_eq!(caller.join().unwrap(), Some(3), "{method}");
            });
        }
    });
}

#[test]
fn a_consumer_can_be_dropped_by_the_body_of_the_same_iterator() {
    static STASH: Mutex<Option<Buffered<'static, Source>>> = Mutex::new(None);
    limited(|| {
        for method in ["next", "buffered", "chunks", "guard", "end"] {
            let source = generator(async move |co| {
                for n in 0..5_u64 {
                    if n == 4 && method != "end" {
                        STASH.lock().unwrap().take();
                    }
                    co.yield_(n).await;
                }
                STASH.lock().unwrap().take();
            });
            let shared: &'static _ = Box::leak(Box::new((Box::new(source) as Source).threadsafe()));
            let mut consumer = shared.buffered(4);
            assert_eq!(consumer.next(), Some(0));
            *STASH.lock().unwrap() = Some(consumer);
            let fifth = match method {
                "buffered" => shared.buffered(1).next(),
                "chunks" => shared.chunks(1).next().map(|chunk| chunk[0]),
                "guard" => shared.lock().next(),
                _ => shared.next(),
            };
            assert_eq!(fifth, Some(4), "{method}");
            assert!(iter::from_fn(|| shared.next_indexed()).eq([(1, 1), (2, 2), (3, 3)]), "{method}");
            assert!(STASH.lock().unwrap().is_none() && shared.is_finished(), "{method}");
        }
    });
}

#[test]
fn size_hint_counts_items_that_may_be_put_back_after_the_end() {
    let shared = (0..3).threadsafe();
    let mut consumer = shared.buffered(8);
    assert_eq!(consumer.next(), Some(0));
    assert!(shared.size_hint().1.is_none_or(|upper| upper >= 2), "{:?}", shared.size_hint());
    drop(consumer);
    assert_eq!(shared.size_hint(), (0, Some(2)), "only the two items that were put back are left");
    assert!(shared.iter().eq(1..3));
    assert_eq!(shared.size_hint(), (0, Some(0)));
}

#[test]
fn size_hint_counts_items_while_they_are_being_put_back() {
    limited(|| {
        let shared = (0..2000_usize).threadsafe();
        let used = AtomicUsize::new(0);
        together(2, |index| {
            if index == 0 {
                while !shared.is_finished() {
                    let (_, upper) = shared.size_hint();
                    assert!(upper.is_none_or(|upper| upper >= 2000 - used.load(SeqCst)));
                }
            } else {
                for _ in 0..2000 {
                    used.fetch_add(1, SeqCst);
                    assert!(shared.buffered(1999).next().is_some());
                }
                shared.close();
            }
        });
    });
}

#[test]
fn into_inner_returns_the_source_and_drops_items_put_back() {
    let shared = (0..10).threadsafe();
    assert_eq!(shared.buffered(4).next(), Some(0));
    assert_eq!(shared.into_inner(), Some(4..10));

    let items = Arc::new(());
    let shared = counted_items(&items);
    drop(shared.buffered(4).next());
    assert_eq!(Arc::strong_count(&items), 4);
    let mut source = shared.into_inner().unwrap();
    assert_eq!(Arc::strong_count(&items), 1);
    assert!(source.next().is_some());

    let shared = (0..3).threadsafe();
    assert_eq!(shared.buffered(4).next(), Some(0));
    assert_eq!(shared.into_inner(), None, "the source has ended, although items are left");
}

#[test]
fn dropping_the_iterator_drops_items_put_back() {
    let items = Arc::new(());
    let shared = counted_items(&items);
    drop(shared.buffered(4).next());
    assert_eq!(Arc::strong_count(&items), 4);
    drop(shared);
    assert_eq!(Arc::strong_count(&items), 1);
}

#[test]
fn a_poisoned_iterator_drops_items_that_are_put_back() {
    let items = Arc::new(());
    let weak = Arc::downgrade(&items);
    let source = generator(async move |co| {
        for _ in 0..3 {
            co.yield_(weak.upgrade().unwrap()).await;
        }
        panic!("bad source");
    });
    let shared = source.threadsafe();
    let mut consumer = shared.buffered(8);
    drop(consumer.next());
    drop(consumer);
    assert!(shared.is_poisoned());
    assert_eq!(Arc::strong_count(&items), 1);
}
