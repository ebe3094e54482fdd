//! Items, their order and the end.

use std::sync::{Arc, OnceLock, Weak};
use std::time::Duration;

use super::{End, Source, both, drain, sorted};
use crate::model::backend::{explore, spawn};
use crate::model::outcome;
use crate::{ThreadsafeIter, TryNextError};

#[test]
fn two_threads_take_each_item_once_and_both_see_the_end() {
    explore("take: two threads to the end", Some(2), Some(4), || {
        let (iter, log) = Source::shared(2, End::None);
        let (one, other) = both(
            {
                let iter = Arc::clone(&iter);
                move || drain(&*iter)
            },
            || drain(&*iter),
        );
        assert!(one.is_sorted() && other.is_sorted(), "out of order");
        assert_eq!(sorted([one, other]), [0, 1]);
        assert!(iter.is_finished());
        assert!(log.source_is_dropped(), "the source outlives its end");
        drop(iter);
        log.settle();
    });
}

#[test]
fn three_threads_take_each_item_once() {
    explore("take: three threads", Some(1), Some(3), || {
        let (iter, log) = Source::shared(2, End::None);
        let take = |iter: &Arc<ThreadsafeIter<Source>>| {
            let iter = Arc::clone(iter);
            move || iter.next().map(|item| item.index)
        };
        let (one, another) = (spawn(take(&iter)), spawn(take(&iter)));
        let third = take(&iter)();
        let taken = [one.join().unwrap(), another.join().unwrap(), third];
        assert_eq!(sorted([taken.into_iter().flatten().collect()]), [0, 1], "{taken:?}");
        assert!(log.source_is_dropped(), "the source outlives its end");
        drop(iter);
        log.settle();
    });
}

#[test]
fn try_next_takes_an_item_or_reports_the_call_in_progress() {
    explore("take: next, try_next", None, None, || {
        let (iter, log) = Source::shared(1, End::None);
        let (item, tried) = both(
            {
                let iter = Arc::clone(&iter);
                move || iter.next().map(|item| item.index)
            },
            || iter.try_next().map(|item| item.map(|item| item.index)),
        );
        match tried {
            Ok(tried) => assert_eq!(item.xor(tried), Some(0), "{item:?} {tried:?}"),
            Err(TryNextError::WouldBlock) => assert_eq!(item, Some(0)),
            Err(error) => panic!("neither poisoned nor re-entrant, and without a limit: {error}"),
        }
        drop(iter);
        log.settle();
    });
}

#[test]
fn next_timeout_takes_an_item_or_times_out() {
    explore("take: next, next_timeout", None, None, || {
        let (iter, log) = Source::shared(2, End::None);
        let (item, waited) = both(
            {
                let iter = Arc::clone(&iter);
                move || iter.next().map(|item| item.index)
            },
            || iter.next_timeout(Duration::from_millis(1)).map(|item| item.map(|item| item.index)),
        );
        match waited {
            Ok(waited) => assert_eq!(sorted([item.into_iter().chain(waited).collect()]), [0, 1]),
            Err(error) => assert_eq!((item, error), (Some(0), TryNextError::TimedOut)),
        }
        drop(iter);
        log.settle();
    });
}

#[test]
fn a_guard_takes_consecutive_items() {
    explore("take: next, lock", Some(3), Some(4), || {
        let (iter, log) = Source::shared(3, End::None);
        let (item, pair) = both(
            {
                let iter = Arc::clone(&iter);
                move || iter.next().map(|item| item.index)
            },
            || drain(iter.lock().take(2)),
        );
        assert!(pair == [0, 1] && item == Some(2) || pair == [1, 2] && item == Some(0), "{pair:?} {item:?}");
        drop(iter);
        log.settle();
    });
}

/// A source that takes an item from its own iterator.
struct Inward {
    source: Source,
    myself: Arc<OnceLock<Weak<ThreadsafeIter<Inward>>>>,
}

impl Iterator for Inward {
    type Item = super::Item;

    fn next(&mut self) -> Option<super::Item> {
        let myself = self.myself.get()?.upgrade()?;
        assert_eq!(myself.try_next().err(), Some(TryNextError::Reentrant));
        let rejected = outcome(|| myself.next());
        assert_eq!(rejected.err().as_deref(), Some("generator already executing"));
        self.source.next()
    }
}

#[test]
fn only_the_thread_that_holds_the_lock_is_rejected() {
    explore("take: re-entry, next", Some(3), Some(4), || {
        let (source, log) = Source::new(2, End::None);
        let myself = Arc::new(OnceLock::new());
        let iter = Arc::new(ThreadsafeIter::new(Inward { source, myself: Arc::clone(&myself) }));
        myself.set(Arc::downgrade(&iter)).unwrap();
        let (one, other) = both(
            {
                let iter = Arc::clone(&iter);
                move || iter.next().map(|item| item.index)
            },
            || iter.next().map(|item| item.index),
        );
        assert_eq!(sorted([one.into_iter().chain(other).collect()]), [0, 1]);
        drop(iter);
        log.settle();
    });
}
