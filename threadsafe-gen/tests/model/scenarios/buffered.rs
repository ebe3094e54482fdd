//! Items that a consumer took and gives back: none is lost, none given twice, none kept after `close`.

use std::sync::Arc;

use super::{End, Log, Source, both, drain, sorted};
use crate::ThreadsafeIter;
use crate::model::backend::{explore, spawn};
use crate::model::outcome;

type Shared = Arc<ThreadsafeIter<Source>>;

/// Takes `n` at a time, uses as many as `used`, and gives back the rest.
fn consumer(iter: &Shared, n: usize, used: usize) -> impl FnOnce() -> Vec<usize> + use<> {
    let iter = Arc::clone(iter);
    move || drain(iter.buffered(n).take(used))
}

fn finished(iter: Shared, log: &Log) {
    assert!(iter.is_finished());
    assert!(log.source_is_dropped(), "the source outlives its end");
    drop(iter);
    log.settle();
}

#[test]
fn what_is_given_back_beside_next_goes_to_one_taker() {
    explore("buffered: given back, next", Some(3), Some(4), || {
        let (iter, log) = Source::shared(2, End::None);
        let (used, next) = both(consumer(&iter, 2, 1), || iter.next().map(|item| item.index));
        // The items that were in the buffer when this thread asked may have come back after it was told that there are none.
        let rest = drain(&*iter);
        assert_eq!(sorted([used, next.into_iter().collect(), rest]), [0, 1]);
        finished(iter, &log);
    });
}

#[test]
fn what_is_given_back_beside_who_takes_what_was_given_back_is_not_forgotten() {
    explore("buffered: given back, next of what was given back", Some(3), Some(4), || {
        let (iter, log) = Source::shared(5, End::None);
        let (mut one, mut other) = (iter.buffered(3), iter.buffered(2));
        let before = [one.next(), other.next()].map(|item| item.unwrap().index);
        drop((one, other));
        // Of 1, 2 and 4 the consumer takes the first two at a time, and the next may find that the last is the last.
        let (used, next) = both(consumer(&iter, 2, 1), || iter.next().map(|item| item.index));
        let rest = drain(&*iter);
        assert_eq!(sorted([before.to_vec(), used, next.into_iter().collect(), rest]), [0, 1, 2, 3, 4]);
        finished(iter, &log);
    });
}

#[test]
fn what_two_give_back_comes_in_order() {
    explore("buffered: given back, given back", Some(2), Some(4), || {
        let (iter, log) = Source::shared(4, End::None);
        let (one, other) = both(consumer(&iter, 2, 1), consumer(&iter, 2, 1));
        let rest = drain(&*iter);
        assert!(rest.is_sorted(), "{rest:?}");
        assert_eq!(sorted([one, other, rest]), [0, 1, 2, 3]);
        finished(iter, &log);
    });
}

#[test]
fn what_is_given_back_beside_close_is_dropped() {
    explore("buffered: given back, close", Some(3), Some(4), || {
        let (iter, log) = Source::shared(3, End::None);
        let (_, ()) = both(consumer(&iter, 2, 1), || iter.close());
        assert_eq!(log.alive(), 0, "an item outlives close");
        assert!(iter.next().is_none());
        finished(iter, &log);
    });
}

#[test]
fn what_is_given_back_beside_next_and_close_is_dropped() {
    explore("buffered: given back, next, close", Some(1), Some(2), || {
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
fn who_waits_for_the_end_of_another_gets_what_that_gave_back() {
    explore("buffered: two that use all", Some(2), Some(4), || {
        let (iter, log) = Source::shared(2, End::None);
        let (one, other) = both(consumer(&iter, 1, 9), consumer(&iter, 2, 9));
        assert_eq!(sorted([one, other]), [0, 1]);
        finished(iter, &log);
    });
}

#[test]
fn a_panic_comes_after_the_items_before_it() {
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
        assert!(all.iter().all(|outcome| *outcome != Ok(None)), "told of an end: {all:?}");
        let own = |outcome: &&Result<_, String>| **outcome == Err("the source's own".to_owned());
        assert_eq!(all.iter().filter(own).count(), 1, "{all:?}");
        drop(iter);
        log.settle();
    });
}

#[test]
fn a_size_hint_beside_what_is_given_back_counts_it() {
    explore("buffered: given back, size_hint", Some(3), Some(4), || {
        let (source, log) = Source::new(3, End::None);
        let iter = Arc::new(ThreadsafeIter::new(Sized(source)));
        let used = {
            let iter = Arc::clone(&iter);
            move || drain(iter.buffered(2).take(1))
        };
        let (_, (_, upper)) = both(used, || iter.size_hint());
        let rest = drain(&*iter);
        assert!(upper.is_none_or(|upper| upper >= rest.len()), "at most {upper:?}, and then came {rest:?}");
        drop(iter);
        log.settle();
    });
}

/// A source that knows how many items are left.
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
