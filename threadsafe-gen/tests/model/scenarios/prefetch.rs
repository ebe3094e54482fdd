//! The hand-over between a source that runs ahead and its consumers: no item, end, panic, close or drop goes unnoticed.

use std::sync::Arc;
use std::time::Duration;

use super::{End, Log, Source, both, drain, sorted};
use crate::model::backend::{explore, spawn};
use crate::model::outcome;
use crate::prefetch::{self, Prefetch, Producer};
use crate::{ThreadsafeIter, TryNextError};

type Ahead = ThreadsafeIter<Prefetch<super::Item>>;

/// Far away for the clock. In the models a time limit may pass at any time.
const LONG: Duration = Duration::from_secs(3600);

/// A source, its queue, and the iterator of the consumers.
fn ahead(n: usize, items: usize, end: End) -> (impl FnOnce() + Send + 'static, Arc<Ahead>, Arc<Log>) {
    let (source, log) = Source::new(items, end);
    let (producer, prefetch): (Producer<_>, _) = prefetch::queue(n, (0, None));
    (move || producer.run(source), Arc::new(ThreadsafeIter::prefetched(prefetch)), log)
}

fn next(iter: &Ahead) -> Option<usize> {
    iter.next().map(|item| item.index)
}

#[test]
fn all_items_and_the_end_arrive_in_order() {
    for n in [1, 2] {
        explore(&format!("prefetch: items and the end, {n} ahead"), Some(1), Some(2), move || {
            let (run, iter, log) = ahead(n, 3, End::None);
            let ((), items) = both(run, || drain(iter.iter()));
            assert_eq!(items, [0, 1, 2]);
            assert!(iter.is_finished());
            drop(iter);
            log.settle();
        });
    }
}

#[test]
fn an_owner_gets_all_items_and_the_end() {
    explore("prefetch: an owner", Some(1), Some(2), || {
        let (run, iter, log) = ahead(1, 2, End::None);
        let items = Arc::into_inner(iter).unwrap();
        let ((), items) = both(run, || drain(items));
        assert_eq!(items, [0, 1]);
        log.settle();
    });
}

#[test]
fn two_consumers_share_the_items_and_both_see_the_end() {
    explore("prefetch: two consumers", Some(1), Some(2), || {
        let (run, iter, log) = ahead(2, 2, End::None);
        share_two_items(run, iter, |iter| drain(iter.iter()));
        log.settle();
    });
}

/// Runs a source of two items, which two consumers share. `other` is one of them.
fn share_two_items<I: Iterator<Item = super::Item> + Send + 'static>(
    run: impl FnOnce() + Send + 'static,
    iter: Arc<ThreadsafeIter<I>>,
    other: fn(&ThreadsafeIter<I>) -> Vec<usize>,
) {
    let (producer, shared) = (spawn(run), Arc::clone(&iter));
    let (one, two) = both(move || other(&shared), || drain(iter.iter()));
    producer.join().unwrap();
    assert_eq!(sorted([one, two]), [0, 1]);
}

/// Runs a source of two items on this thread. Its third call joins both consumers, so that a lost wake-up is a
/// deadlock. Returns their results.
fn two_items<R: Send + 'static>(
    n: usize,
    consumers: [fn(&ThreadsafeIter<Prefetch<usize>>) -> R; 2],
) -> (Arc<ThreadsafeIter<Prefetch<usize>>>, Vec<R>) {
    let (producer, prefetch) = prefetch::queue(n, (0, None));
    let iter = Arc::new(ThreadsafeIter::prefetched(prefetch));
    let mut consumers = consumers.map(|consumer| {
        let iter = Arc::clone(&iter);
        Some(spawn(move || consumer(&iter)))
    });
    let mut numbers = 1..=2;
    let mut results = Vec::new();
    producer.run(std::iter::from_fn(|| {
        let number = numbers.next();
        if number.is_none() {
            results.extend(consumers.iter_mut().map(|consumer| consumer.take().unwrap().join().unwrap()));
        }
        number
    }));
    (iter, results)
}

#[test]
fn two_items_of_a_live_source_wake_two_consumers() {
    explore("prefetch: two consumers of a live source", Some(1), Some(2), || {
        let (_, mut items) = two_items(3, [ThreadsafeIter::next, ThreadsafeIter::next]);
        items.sort_unstable();
        assert_eq!(items, [Some(1), Some(2)]);
    });
}

#[test]
fn a_consumer_that_gives_up_leaves_the_item_to_one_that_waits() {
    explore("prefetch: a time limit beside a consumer of a live source", Some(1), Some(2), || {
        let limited = |iter: &ThreadsafeIter<Prefetch<usize>>| match iter.next_timeout(LONG) {
            Ok(item) => item,
            Err(error) => {
                assert_eq!(error, TryNextError::TimedOut);
                None
            }
        };
        let (iter, results) = two_items(3, [limited, ThreadsafeIter::next]);
        let rest = iter.iter().collect();
        assert!(results[1].is_some());
        assert_eq!(sorted([results.into_iter().flatten().collect(), rest]), [1, 2]);
    });
}

#[test]
fn a_caller_that_gives_up_behind_a_holder_wakes_another() {
    explore("prefetch: a time limit behind a holder of the lock", Some(1), Some(2), || {
        let (producer, prefetch) = prefetch::queue(3, (0, None));
        let iter = Arc::new(ThreadsafeIter::prefetched(prefetch));
        let (limited, waiting) = (Arc::clone(&iter), Arc::clone(&iter));
        let mut limited = Some(spawn(move || limited.next_timeout(LONG).is_ok()));
        let mut waiting = Some(spawn(move || waiting.next()));
        // The last thread, so that few preemptions let both callers wait for the first item.
        let producer = spawn(move || {
            let mut calls = 0..3;
            producer.run(std::iter::from_fn(|| {
                let call = calls.next();
                let took = call == Some(1) && {
                    // The caller with the time limit ends while this thread holds the lock.
                    let _guard = iter.lock();
                    limited.take().unwrap().join().unwrap()
                };
                // An item that it left is for the other caller, which ends before the end of the source could wake it.
                if call == Some(2) || call == Some(1) && !took {
                    assert!(waiting.take().unwrap().join().unwrap().is_some());
                    return None;
                }
                call
            }));
        });
        producer.join().unwrap();
    });
}

#[test]
fn an_item_goes_to_the_holder_of_the_lock_before_others() {
    explore("prefetch: a holder of the lock and another caller", Some(1), Some(2), || {
        let (producer, prefetch) = prefetch::queue(1, (0, None));
        let iter = Arc::new(ThreadsafeIter::prefetched(prefetch));
        let holder = Arc::clone(&iter);
        let waiting = spawn(move || iter.next());
        let holding = spawn(move || holder.lock().next());
        // The last thread, so that few preemptions let both callers wait for the first item.
        let producer = spawn(move || {
            let mut consumers = Some([waiting, holding]);
            let mut numbers = 1..=2;
            producer.run(std::iter::from_fn(move || {
                let number = numbers.next();
                if number.is_none() {
                    let taken = consumers.take().unwrap().map(|consumer| consumer.join().unwrap().unwrap());
                    assert_eq!(taken.iter().sum::<usize>(), 3);
                }
                number
            }));
        });
        producer.join().unwrap();
    });
}

#[test]
fn a_wait_beside_a_refill_finds_the_batch() {
    explore("prefetch: a wait beside a refill", Some(1), None, || {
        let (producer, mut prefetch) = prefetch::queue(3, (0, None));
        let mut items = 1..=2;
        producer.run(std::iter::from_fn(|| {
            let item = items.next();
            if item.is_none() {
                // Both items are ready, and the source is in a call that does not return.
                let queue = prefetch.queue();
                let waiting = spawn(move || queue.wait(None, false, || false));
                assert_eq!(prefetch.next(), Some(1));
                assert!(waiting.join().unwrap());
            }
            item
        }));
    });
}

#[test]
fn a_time_limit_and_a_try_lose_no_item() {
    explore("prefetch: a time limit and a try", Some(1), Some(2), || {
        let (run, iter, log) = ahead(3, 2, End::None);
        let ((), (limited, tried)) = both(run, || (iter.next_timeout(LONG), iter.try_next()));
        let taken = |result: Result<Option<super::Item>, _>| result.ok().flatten().map(|item| item.index);
        let taken = [taken(limited), taken(tried)].into_iter().flatten().collect();
        let rest = drain(iter.iter());
        assert_eq!(sorted([taken, rest]), [0, 1]);
        drop(iter);
        log.settle();
    });
}

#[test]
fn a_batch_is_of_ready_items_and_loses_none() {
    explore("prefetch: chunks", Some(1), Some(2), || {
        let (run, iter, log) = ahead(2, 3, End::None);
        let ((), chunks) = both(run, || iter.chunks(2).map(|chunk| drain(chunk.into_iter())).collect::<Vec<_>>());
        assert!(chunks.iter().all(|chunk| (1..=2).contains(&chunk.len())));
        assert_eq!(chunks.concat(), [0, 1, 2]);
        drop(iter);
        log.settle();
    });
}

#[test]
fn a_panic_comes_after_the_items_before_it() {
    explore("prefetch: a panic", Some(1), Some(2), || {
        let (run, iter, log) = ahead(1, 1, End::Panic);
        let ((), (first, second)) = both(run, || (next(&iter), outcome(|| next(&iter))));
        assert_eq!((first, second), (Some(0), Err("the source panicked".to_owned())));
        assert!(iter.is_poisoned());
        drop(iter);
        log.settle();
    });
}

#[test]
fn a_panic_reaches_both_consumers() {
    explore("prefetch: a panic, two consumers", Some(1), Some(2), || {
        let (run, iter, log) = ahead(1, 0, End::Panic);
        let (producer, other) = (spawn(run), Arc::clone(&iter));
        let (one, two) = both(move || outcome(|| next(&other)), || outcome(|| next(&iter)));
        producer.join().unwrap();
        let first = "the source panicked".to_owned();
        let later = "the iterator panicked earlier: the source panicked".to_owned();
        assert!((one == Err(first.clone()) && two == Err(later.clone())) || (one == Err(later) && two == Err(first)));
        drop(iter);
        log.settle();
    });
}

#[test]
fn close_wakes_a_waiting_consumer_and_stops_the_producer() {
    explore("prefetch: close", Some(1), Some(2), || {
        let (run, iter, log) = ahead(1, 9, End::None);
        let (producer, other) = (spawn(run), Arc::clone(&iter));
        let (items, ()) = both(move || drain(other.iter()), || iter.close());
        producer.join().unwrap();
        assert!((0..9).collect::<Vec<_>>().starts_with(&items));
        assert!(iter.is_finished());
        drop(iter);
        log.settle();
    });
}

#[test]
fn close_wakes_two_consumers_while_the_source_is_in_a_call() {
    explore("prefetch: close, two consumers", Some(1), Some(2), || {
        // No producer runs, as if its source never returned.
        let (producer, prefetch) = prefetch::queue::<usize>(1, (0, None));
        let iter = Arc::new(ThreadsafeIter::prefetched(prefetch));
        let other = Arc::clone(&iter);
        let guard_holder = Arc::clone(&iter);
        let one = spawn(move || other.next());
        let two = spawn(move || guard_holder.lock().next());
        iter.close();
        assert_eq!((one.join().unwrap(), two.join().unwrap()), (None, None));
        drop(producer);
    });
}

#[test]
fn a_drop_stops_the_producer() {
    explore("prefetch: drop", Some(1), Some(2), || {
        let (run, iter, log) = ahead(1, 9, End::None);
        let ((), first) = both(run, || {
            let first = next(&iter);
            drop(iter);
            first
        });
        assert_eq!(first, Some(0));
        log.settle();
    });
}

#[test]
fn an_item_that_is_put_back_wakes_a_consumer_that_waits() {
    explore("prefetch: put back", Some(1), Some(2), || {
        // No producer runs after the first two items, as if its source never returned.
        let (_, results) = two_items(
            3,
            [
                |iter| {
                    let mut buffered = iter.buffered(2);
                    buffered.next()
                },
                ThreadsafeIter::next,
            ],
        );
        let mut items: Vec<_> = results.into_iter().flatten().collect();
        items.sort_unstable();
        assert_eq!(items, [1, 2]);
    });
}

/// A queue whose producer never runs, as if its source never returned, and the iterator of its consumers.
fn silent() -> (Producer<usize>, Arc<ThreadsafeIter<Prefetch<usize>>>) {
    let (producer, prefetch) = prefetch::queue(1, (0, None));
    (producer, Arc::new(ThreadsafeIter::prefetched(prefetch)))
}

#[test]
fn close_ends_the_waits_of_two_callers_whose_attempts_failed() {
    explore("prefetch: close, two failed attempts", Some(1), Some(2), || {
        let (producer, iter) = silent();
        close_beside_two_waits(&iter);
        drop(producer);
    });
}

fn close_beside_two_waits<I: Iterator<Item = usize> + Send + 'static>(iter: &Arc<ThreadsafeIter<I>>) {
    let (one, two) = (Arc::clone(iter), Arc::clone(iter));
    let (one, two) = (spawn(move || one.next()), spawn(move || two.buffered(2).next()));
    iter.close();
    assert_eq!((one.join().unwrap(), two.join().unwrap()), (None, None));
}

#[test]
fn a_try_beside_a_failed_attempt_waits_for_no_item() {
    explore("prefetch: a try beside a failed attempt", Some(2), Some(2), || {
        let (producer, iter) = silent();
        let (waiting, trying) = (Arc::clone(&iter), Arc::clone(&iter));
        let waiting = spawn(move || waiting.next());
        let trying = spawn(move || trying.try_next());
        assert_eq!(trying.join().unwrap(), Err(TryNextError::WouldBlock));
        iter.close();
        assert_eq!(waiting.join().unwrap(), None);
        drop(producer);
    });
}

#[test]
fn a_try_beside_close_waits_for_no_item() {
    explore("prefetch: a try and close", Some(2), Some(3), || {
        let (producer, iter) = silent();
        let trying = Arc::clone(&iter);
        let (tried, ()) = both(move || trying.try_next(), || iter.close());
        assert!(matches!(tried, Ok(None) | Err(TryNextError::WouldBlock)), "{tried:?}");
        drop(producer);
    });
}

#[test]
fn a_failed_attempt_beside_a_panic_is_not_the_end() {
    explore("prefetch: a try, a time limit and a panic", Some(1), Some(2), || {
        let (run, iter, log) = ahead(1, 0, End::Panic);
        let (producer, other) = (spawn(run), Arc::clone(&iter));
        let limited = move || outcome(|| other.next_timeout(LONG).map(|item| item.is_some()));
        let tried = || outcome(|| iter.try_next().map(|item| item.is_some()));
        let (limited, tried) = both(limited, tried);
        producer.join().unwrap();
        for result in [&limited, &tried] {
            assert!(!matches!(result, Ok(Ok(_))), "a failed source has no end: {result:?}");
        }
        // The panic comes out of one call, and of this one if both gave up before it.
        let later = outcome(|| next(&iter));
        let panics = [limited.is_err(), tried.is_err(), later == Err("the source panicked".to_owned())];
        assert_eq!(panics.into_iter().filter(|panicked| *panicked).count(), 1);
        drop(iter);
        log.settle();
    });
}

#[test]
fn a_holder_of_the_lock_and_a_caller_share_the_items_and_the_end() {
    explore("prefetch: a guard and a caller, to the end", Some(1), Some(1), || {
        let (run, iter, log) = ahead(2, 2, End::None);
        share_two_items(run, iter, |iter| drain(iter.lock()));
        log.settle();
    });
}

#[test]
fn two_consumers_of_a_box_share_the_items_and_both_see_the_end() {
    explore("prefetch: boxed, two consumers", Some(1), Some(1), || {
        let (run, iter, log) = ahead(2, 2, End::None);
        let iter = Arc::new(Arc::into_inner(iter).unwrap().boxed());
        share_two_items(run, iter, |iter| drain(iter.buffered(2)));
        log.settle();
    });
}

#[test]
fn close_ends_the_waits_for_a_box() {
    explore("prefetch: boxed, close", Some(1), Some(2), || {
        let (producer, iter) = silent();
        close_beside_two_waits(&Arc::new(Arc::into_inner(iter).unwrap().boxed()));
        drop(producer);
    });
}

#[test]
fn a_try_beside_an_item_that_is_put_back_at_the_end_does_not_block() {
    explore("prefetch: a try and put back at the end", Some(2), Some(3), || {
        let (run, iter, log) = ahead(3, 2, End::None);
        run();
        let other = Arc::clone(&iter);
        // The source has no more items when the other thread starts, and the lock is free from then on.
        let mut buffered = iter.buffered(2);
        assert_eq!(buffered.next().map(|item| item.index), Some(0));
        let trying = spawn(move || other.try_next().map(|item| item.map(|item| item.index)));
        drop(buffered);
        let tried = trying.join().unwrap();
        assert!(matches!(tried, Ok(None | Some(1))), "{tried:?}");
        drop(iter);
        log.settle();
    });
}
