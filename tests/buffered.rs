//! `buffered`: takes many items per lock. Order, indexes, buffer sizes, refills and size hints.

use std::collections::BTreeSet;
use std::future::poll_fn;
use std::iter;
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Weak};
use std::thread;
use std::time::Duration;

use support::scripted::{Script, by_hand};
use support::{Source, each_source, limited, message_of, together};
use threadsafe_gen::{ThreadsafeExt, ThreadsafeIter, generator};

#[test]
fn each_item_goes_to_one_consumer_in_order_and_with_its_index() {
    limited(|| {
        for (threads, n) in [(2, 1), (2, 64), (3, 7), (4, 3), (8, 100), (16, 5), (16, usize::MAX)] {
            each_source!(Script::counting_to(5000), |kind, shared| {
                let taken = together(threads, |_| shared.buffered(n).indexed().collect::<Vec<_>>());
                assert!(taken.iter().all(|items| items.is_sorted()), "{kind}, {threads} threads, {n} at a time");
                let mut taken = taken.concat();
                taken.sort_unstable();
                assert!(taken.into_iter().eq((0..5000).enumerate()), "{kind}, {threads} threads, {n} at a time");
                assert!(shared.is_finished());
            });
        }
    });
}

#[test]
fn indexes_are_correct_when_several_methods_take_items() {
    limited(|| {
        for threads in [2, 6, 12] {
            each_source!(Script::counting_to(6000), |kind, shared| {
                let taken = together(threads, |index| -> Vec<usize> {
                    let check = |(index, item)| {
                        assert_eq!(index, item, "{kind}");
                        item
                    };
                    match index % 6 {
                        0 => shared.buffered(10).indexed().map(check).collect(),
                        1 => shared.iter().collect(),
                        2 => iter::from_fn(|| shared.next_indexed()).map(check).collect(),
                        3 => iter::from_fn(|| {
                            let some: Vec<_> = shared.lock().take(3).collect();
                            assert!(some.windows(2).all(|pair| pair[0] + 1 == pair[1]), "{kind}");
                            (!some.is_empty()).then_some(some)
                        })
                        .flatten()
                        .collect(),
                        4 => shared.chunks(4).flatten().collect(),
                        _ => shared
                            .chunks(5)
                            .indexed()
                            .flat_map(|(first, chunk)| (first..).zip(chunk))
                            .map(check)
                            .collect(),
                    }
                });
                let mut taken = taken.concat();
                taken.sort_unstable();
                assert!(taken.into_iter().eq(0..6000), "{kind}");
            });
        }
    });
}

#[test]
fn indexes_continue_from_the_position_of_the_iterator() {
    each_source!(Script::counting_to(20), |_kind, shared| {
        assert_eq!(shared.next(), Some(0));
        assert_eq!(shared.lock().by_ref().take(2).last(), Some(2));
        let mut consumer = shared.buffered(2).indexed();
        assert_eq!(consumer.next(), Some((3, 3)));
        assert_eq!(shared.next_indexed(), Some((5, 5)));
        assert_eq!(shared.chunks(3).indexed().next(), Some((6, vec![6, 7, 8])));
        assert_eq!(consumer.next(), Some((4, 4)));
        assert_eq!(consumer.next(), Some((9, 9)));
        drop(consumer);
        assert_eq!(shared.next_indexed(), Some((10, 10)));
    });
}

#[test]
fn a_refill_does_not_run_the_body_beyond_its_last_item() {
    let script = Script::counting_to(10);
    each_source!(Arc::clone(&script), |kind, shared| {
        script.reset();
        let mut consumer = shared.buffered(4);
        assert_eq!(script.progress(), (0, 0), "{kind}: no item has been taken");
        for n in 0..4 {
            assert_eq!((consumer.next(), script.progress()), (Some(n), (4, 3)), "{kind}");
        }
        assert_eq!((consumer.next(), script.progress()), (Some(4), (8, 7)), "{kind}");
        drop(consumer);
        let mut chunks = shared.chunks(3);
        assert_eq!((chunks.next(), script.progress()), (Some(vec![5, 6, 7]), (8, 7)), "{kind}: put back");
        assert_eq!((chunks.next(), script.progress()), (Some(vec![8, 9]), (11, 10)), "{kind}: exhausted");
        assert_eq!((chunks.next(), shared.next(), script.progress()), (None, None, (11, 10)), "{kind}");
    });
}

#[test]
fn nested_generators_yield_every_item_at_any_buffer_size() {
    for n in 1..8 {
        let nested = generator(async |co| {
            co.yield_(0).await;
            co.yield_from(1..4).await;
            co.yield_from(generator(async |co| co.yield_from(4..6).await)).await;
            co.yield_(6).await;
        });
        assert!(nested.threadsafe().buffered(n).eq(0..7), "{n}");
    }
}

#[test]
fn a_buffer_size_of_zero_panics() {
    let text = "buffer size must be non-zero";
    each_source!(Script::counting_to(3), |_kind, shared| {
        assert_eq!(message_of(|| shared.buffered(0).next()), text);
        assert_eq!(message_of(|| shared.chunks(0).next()), text);
        assert!(shared.buffered(1).eq(0..3), "the iterator is still usable");
    });
}

#[test]
fn any_buffer_size_works_and_reserves_no_more_than_the_source_can_fill() {
    limited(|| {
        for n in [4, 1000, usize::MAX / 2, usize::MAX] {
            each_source!(Script::counting_to(3), |kind, shared| {
                let chunk = shared.chunks(n).next().unwrap();
                assert_eq!(chunk, [0, 1, 2], "{kind}");
                assert!(chunk.capacity() <= 8, "{kind}, {n}: capacity {}", chunk.capacity());
            });
            let chunk = (0..3).threadsafe().chunks(n).next().unwrap();
            assert_eq!((chunk.capacity(), chunk), (3, vec![0, 1, 2]), "the upper bound is exact");
            let huge_upper_bound = (0..usize::MAX).take_while(|n| *n < 3).threadsafe();
            let chunk = huge_upper_bound.chunks(n).next().unwrap();
            assert_eq!(chunk, [0, 1, 2]);
            assert!(chunk.capacity() <= 4096, "{n}: capacity {}", chunk.capacity());
            let exact_upper_bound = iter::repeat_with(|| 7_u8).take(2000).threadsafe();
            assert_eq!(exact_upper_bound.buffered(n).count(), 2000);
            let bounded_only_by_take = generator(async |co| co.yield_from(0..).await).take(2000).threadsafe();
            assert!(bounded_only_by_take.buffered(n).eq(0..2000));
        }
        let shared = (0..1000).threadsafe();
        let chunk = shared.chunks(10).next().unwrap();
        assert!(chunk.capacity() <= 16, "n is less than the upper bound: capacity {}", chunk.capacity());
    });
}

#[test]
fn size_hints_bound_the_remaining_items() {
    /// Asserts that `hint` bounds the number of remaining items. No other thread takes items meanwhile.
    #[track_caller]
    fn assert_bounds(hint: (usize, Option<usize>), left: usize) {
        assert!(hint.0 <= left && hint.1.is_none_or(|upper| left <= upper), "{left} items are left, hint: {hint:?}");
    }

    limited(|| {
        for (n, used) in [(1, 1), (4, 1), (4, 3), (9, 2), (10, 5), (11, 1), (usize::MAX, 4)] {
            each_source!(Script::counting_to(10), |_kind, shared| {
                let mut shared = shared;
                assert_bounds(shared.size_hint(), 10);
                let mut consumer = shared.buffered(n);
                assert_bounds(consumer.size_hint(), 10);
                assert!(consumer.by_ref().take(used).eq(0..used));
                assert_eq!(consumer.size_hint(), (n.min(10) - used, None), "other callers may take the rest");
                assert_eq!(shared.size_hint().0, 0, "other callers may take all items");
                // The upper bound includes the consumer's items, which it may put back.
                assert_bounds(shared.size_hint(), 10 - used);
                let mut consumer = consumer.indexed();
                assert_eq!(consumer.size_hint(), (n.min(10) - used, None));
                consumer.next();
                drop(consumer);
                let left = 10 - used - 1;
                assert_bounds(shared.size_hint(), left);
                assert_bounds(Iterator::size_hint(&&shared), left);
                assert_bounds(Iterator::size_hint(&shared), left);
                assert_bounds(shared.lock().size_hint(), left);
                assert_bounds(shared.buffered(3).size_hint(), left);
                let mut chunks = shared.chunks(3);
                assert_bounds(chunks.size_hint(), left.div_ceil(3));
                let taken = chunks.next().map_or(0, |chunk| chunk.len());
                drop(chunks);
                let mut left = left - taken;
                while left > 0 {
                    assert_bounds(Iterator::size_hint(&shared), left);
                    assert!(Iterator::next(&mut shared).is_some());
                    left -= 1;
                }
                assert_bounds(shared.size_hint(), 0);
                assert_eq!(Iterator::next(&mut shared), None);
                assert_eq!((shared.size_hint(), Iterator::size_hint(&shared)), ((0, Some(0)), (0, Some(0))));
            });
        }
    });
}

#[test]
fn a_refill_by_the_body_of_the_same_iterator_panics() {
    type Reenter = fn(&ThreadsafeIter<Source>);
    let methods: [(&str, Reenter); 2] =
        [("buffered", |shared| _ = shared.buffered(2).next()), ("chunks", |shared| _ = shared.chunks(2).next())];
    limited(move || {
        for (method, reenter) in methods {
            let shared = Arc::new_cyclic(|me: &Weak<ThreadsafeIter<Source>>| {
                let me = me.clone();
                let source = generator(async move |co| {
                    co.yield_(0_u64).await;
                    reenter(&me.upgrade().unwrap());
                });
                (Box::new(source) as Source).threadsafe()
            });
            let mut consumer = shared.buffered(3);
            assert_eq!(consumer.next(), Some(0), "{method}");
            assert_eq!(message_of(|| consumer.next()), "generator already executing", "{method}");
            assert_eq!(message_of(|| shared.next()), "the iterator panicked earlier: generator already executing");
        }
    });
}

#[test]
fn a_refill_on_a_thread_that_holds_the_lock_panics() {
    limited(|| {
        let shared = (0..10).threadsafe();
        let mut guard = shared.lock();
        assert_eq!(message_of(|| shared.buffered(2).next()), "generator already executing");
        assert_eq!(message_of(|| shared.chunks(2).next()), "generator already executing");
        assert_eq!(guard.next(), Some(0));
        drop(guard);
        assert_eq!(shared.next(), Some(1));
    });
}

#[test]
fn a_consumer_can_be_sent_to_another_thread() {
    limited(|| {
        let shared = by_hand(Script::counting_to(10));
        let mut consumer = shared.buffered(4);
        assert_eq!(consumer.next(), Some(0));
        thread::scope(|scope| scope.spawn(move || assert_eq!(consumer.next(), Some(1))).join().unwrap());
        assert_eq!(shared.next_indexed(), Some((2, 2)));
    });
}

/// Pseudo-random numbers, the same in every run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 40).unwrap() % sides
    }
}

/// Takes items by a randomly chosen method, and returns whether there were any.
fn take_some<I: Iterator<Item = usize>>(shared: &ThreadsafeIter<I>, dice: &mut Dice, taken: &mut Vec<usize>) -> bool {
    let before = taken.len();
    let (n, used) = (1 + dice.roll(40), dice.roll(50));
    match dice.roll(8) {
        0 => taken.extend(shared.next()),
        1 => taken.extend(shared.try_next().ok().flatten()),
        2 => taken.extend(shared.next_timeout(Duration::from_micros(1)).ok().flatten()),
        3 => taken.extend(shared.next_indexed().map(|(index, item)| {
            assert_eq!(index, item);
            item
        })),
        4 => taken.extend(shared.lock().take(used)),
        5 => taken.extend(shared.chunks(n).next().into_iter().flatten()),
        6 => taken.extend(shared.buffered(n).take(used)),
        _ => taken.extend(shared.buffered(n).indexed().take(used).map(|(index, item)| {
            assert_eq!(index, item);
            item
        })),
    }
    taken.len() > before
}

#[test]
fn random_calls_on_four_threads_take_each_item_exactly_once() {
    limited(|| {
        for seed in 0..6 {
            each_source!(Script::counting_to(20_000), |kind, shared| {
                let taken = together(4, |index| {
                    let mut dice = Dice(seed * 4 + index as u64);
                    let mut taken = vec![];
                    while take_some(&shared, &mut dice, &mut taken) || !shared.is_finished() {}
                    taken
                });
                let mut taken = taken.concat();
                // A thread may put items back after the other threads have ended.
                taken.extend(shared.iter());
                let set: BTreeSet<_> = taken.iter().copied().collect();
                assert_eq!((taken.len(), set.len()), (20_000, 20_000), "{kind}, seed {seed}");
                assert_eq!(set.last(), Some(&19_999));
                assert!(shared.is_finished());
            });
        }
    });
}

#[test]
fn a_refill_resumes_the_body_once_whatever_buffer_was_put_back() {
    let (resumed, yielded) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let numbers = generator(async |co| {
        let mut body = pin!(async {
            for n in 0_usize.. {
                yielded.store(n + 1, Relaxed);
                co.yield_(n).await;
            }
        });
        poll_fn(|cx| {
            resumed.fetch_add(1, Relaxed);
            body.as_mut().poll(cx)
        })
        .await;
    });
    let numbers = numbers.threadsafe();
    let progress = || (resumed.load(Relaxed), yielded.load(Relaxed));
    let (mut expected, mut refills) = (0.., 0);
    // A consumer that takes all of the items that another has put back gets their buffer, which is larger or smaller.
    for (first, second) in [(64, 5), (5, 64), (1000, 1), (1, 1000), (4, 3), (64, 63), (63, 65)] {
        let before = numbers.taken();
        let mut one = numbers.buffered(first);
        assert_eq!(one.next(), expected.next());
        drop(one);
        let mut other = numbers.buffered(second);
        for _ in 1..first {
            assert_eq!(other.next(), expected.next());
        }
        refills += 1;
        assert_eq!(progress(), (refills, before + first), "{first}, then {second}");
        for refill in 1..=3 {
            for _ in 0..second {
                assert_eq!(other.next(), expected.next());
            }
            refills += 1;
            assert_eq!(progress(), (refills, before + first + refill * second), "{first}, then {second}");
        }
    }
}
