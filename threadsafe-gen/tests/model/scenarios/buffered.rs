//! Items that a consumer puts back: each is delivered exactly once, and none outlives `close`.

use std::sync::Arc;

use super::{End, Log, Source, both, drain, sorted};
use crate::ThreadsafeIter;
use crate::model::backend::{explore, spawn};
use crate::model::outcome;

type Shared = Arc<ThreadsafeIter<Source>>;

/// A consumer with buffers of `size` items, which uses up to `used` items and puts the rest back.
fn consumer(iter: &Shared, size: usize, used: usize) -> impl FnOnce() -> Vec<usize> + use<> {
    let iter = Arc::clone(iter);
    move || drain(iter.buffered(size).take(used))
}

fn finished(iter: Shared, log: &Log) {
    assert!(iter.is_finished());
    assert!(log.source_is_dropped(), "the source outlives its end");
    drop(iter);
    log.settle();
}

#[test]
fn put_back_with_next_delivers_each_item_once() {
    explore("buffered: put back, next", Some(3), Some(4), || {
        let (iter, log) = Source::shared(2, End::None);
        let (used, next) = both(consumer(&iter, 2, 1), || iter.next().map(|item| item.index));
        // `next` may have returned `None` while items were in the buffer that were put back later.
        let rest = drain(&*iter);
        assert_eq!(sorted([used, next.into_iter().collect(), rest]), [0, 1]);
        finished(iter, &log);
    });
}

#[test]
fn put_back_with_next_of_leftovers_loses_no_item() {
    explore("buffered: put back, next of leftovers", Some(3), Some(4), || {
        let (iter, log) = Source::shared(5, End::None);
        let (mut one, mut other) = (iter.buffered(3), iter.buffered(2));
        let before = [one.next(), other.next()].map(|item| item.unwrap().index);
        drop((one, other));
        // The leftovers are 1, 2 and 4. The consumer takes 1 and 2 as one run; `next` may take the last leftover.
        let (used, next) = both(consumer(&iter, 2, 1), || iter.next().map(|item| item.index));
        let rest = drain(&*iter);
        assert_eq!(sorted([before.to_vec(), used, next.into_iter().collect(), rest]), [0, 1, 2, 3, 4]);
        finished(iter, &log);
    });
}

#[test]
fn items_put_back_beside_two_nexts_after_the_end_leave_no_bit_set() {
    explore("buffered: put back, next and next after the end", Some(3), Some(4), || {
        let (iter, log) = Source::shared(5, End::None);
        let (mut one, mut other) = (iter.buffered(3), iter.buffered(2));
        let before = [one.next(), other.next()].map(|item| item.unwrap().index);
        assert!(iter.next().is_none());
        drop((one, other));
        // Of 1, 2 and 4 the consumer takes the first two, uses one, and puts 2 back, while this thread may take both
        // others.
        let (used, taken) =
            both(consumer(&iter, 2, 1), || [iter.next(), iter.next()].into_iter().flatten().collect::<Vec<_>>());
        let taken: Vec<_> = taken.into_iter().map(|item| item.index).collect();
        let all = sorted([before.to_vec(), used, taken]);
        // Checked before the next call, which would clear a bit that is still set.
        let (all_taken, finished_by_now) = (all == [0, 1, 2, 3, 4], iter.is_finished());
        assert_eq!(all_taken, finished_by_now, "{all:?}");
        drain(&*iter);
        finished(iter, &log);
    });
}

#[test]
fn items_put_back_by_two_consumers_come_in_order() {
    explore("buffered: put back, put back", Some(2), Some(4), || {
        let (iter, log) = Source::shared(4, End::None);
        let (one, other) = both(consumer(&iter, 2, 1), consumer(&iter, 2, 1));
        let rest = drain(&*iter);
        assert!(rest.is_sorted(), "{rest:?}");
        assert_eq!(sorted([one, other, rest]), [0, 1, 2, 3]);
        finished(iter, &log);
    });
}

#[test]
fn put_back_with_close_drops_the_items() {
    explore("buffered: put back, close", Some(3), Some(4), || {
        let (iter, log) = Source::shared(3, End::None);
        let (_, ()) = both(consumer(&iter, 2, 1), || iter.close());
        assert_eq!(log.alive(), 0, "an item outlives close");
        assert!(iter.next().is_none());
        finished(iter, &log);
    });
}

#[test]
fn put_back_with_next_and_close_drops_the_items() {
    explore("buffered: put back, next, close", Some(1), Some(2), || {
        let (iter, log) = Source::shared(3, End::None);
        let next = {
            let iter = Arc::clone(&iter);
            move || iter.next().map(|item| item.index)
        };
        let (used, next) = (spawn(consumer(&iter, 2, 1)), spawn(next));
        iter.close();
        let (used, next) = (used.join().unwrap(), next.join().unwrap());
        assert!(next.is_none_or(|next| !used.contains(&next)), "{used:?} {next:?}");
        assert_eq!(log.alive(), 0, "an item outlives close");
        finished(iter, &log);
    });
}

#[test]
fn two_consumers_take_each_item_once() {
    explore("buffered: two consumers to the end", Some(2), Some(4), || {
        let (iter, log) = Source::shared(2, End::None);
        let (one, other) = both(consumer(&iter, 1, 9), consumer(&iter, 2, 9));
        assert_eq!(sorted([one, other]), [0, 1]);
        finished(iter, &log);
    });
}

#[test]
fn items_before_a_panic_are_delivered_first() {
    explore("buffered: a panic, next", Some(3), Some(4), || {
        let (iter, log) = Source::shared(1, End::Panic);
        let chunk = {
            let iter = Arc::clone(&iter);
            move || {
                let mut buffered = iter.buffered(2);
                [(); 2].map(|()| outcome(|| buffered.next().map(|item| item.index)))
            }
        };
        let ([first, second], next) = both(chunk, || outcome(|| iter.next().map(|item| item.index)));
        let all = [first, second, next];
        assert_eq!(all.iter().filter(|outcome| **outcome == Ok(Some(0))).count(), 1, "{all:?}");
        assert!(all.iter().all(|outcome| *outcome != Ok(None)), "`None` from a source that panicked: {all:?}");
        let own = |outcome: &&Result<_, String>| **outcome == Err("the source panicked".to_owned());
        assert_eq!(all.iter().filter(own).count(), 1, "{all:?}");
        drop(iter);
        log.settle();
    });
}

#[test]
fn size_hint_with_put_back_counts_the_items() {
    explore("buffered: put back, size_hint", Some(3), Some(4), || {
        let (source, log) = Source::new(3, End::None);
        let iter = Arc::new(ThreadsafeIter::new(Sized(source)));
        let used = {
            let iter = Arc::clone(&iter);
            move || drain(iter.buffered(2).take(1))
        };
        let (_, (_, upper)) = both(used, || iter.size_hint());
        let rest = drain(&*iter);
        assert!(upper.is_none_or(|upper| upper >= rest.len()), "the upper bound is {upper:?}, but {rest:?} followed");
        drop(iter);
        log.settle();
    });
}

/// A source with an exact size hint.
struct Sized(Source);

impl Iterator for Sized {
    type Item = super::Item;

    fn next(&mut self) -> Option<super::Item> {
        self.0.next()
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = self.0.items - self.0.next;
        (left, Some(left))
    }
}
