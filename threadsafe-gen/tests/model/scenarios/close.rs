//! `close` does not wait for a call in progress, and yet the source is always dropped: either the closer or the thread
//! that holds the lock sees the other, by the argument at the top of `lock.rs`.

use std::sync::{Arc, OnceLock, Weak};

use super::{End, Source, both, drain};
use crate::model::backend::{explore, spawn};
use crate::model::outcome;
use crate::{ThreadsafeIter, TryNextError};

type Shared = Arc<ThreadsafeIter<Source>>;

/// Returns a closure that calls `work` on `iter`, for a thread to run.
fn on<R, W: FnOnce(&ThreadsafeIter<Source>) -> R>(iter: &Shared, work: W) -> impl FnOnce() -> R + use<R, W> {
    let iter = Arc::clone(iter);
    move || work(&iter)
}

/// Checks the state after all calls have returned, if one of them was `close`.
fn closed(iter: Shared, log: &super::Log) {
    assert!(log.source_is_dropped(), "the source outlives close");
    assert_eq!(log.alive(), 0, "an item outlives close");
    assert!(iter.is_finished());
    assert!(iter.next().is_none());
    drop(iter);
    log.settle();
}

#[test]
fn close_with_next_drops_the_source() {
    explore("close: next", Some(3), Some(4), || {
        let (iter, log) = Source::shared(9, End::None);
        let (item, ()) = both(on(&iter, |iter| iter.next().map(|item| item.index)), || iter.close());
        assert!(matches!(item, None | Some(0)));
        closed(iter, &log);
    });
}

#[test]
fn close_with_two_nexts_drops_the_source() {
    explore("close: next, next", Some(1), Some(3), || {
        let (iter, log) = Source::shared(9, End::None);
        let next = |iter: &ThreadsafeIter<Source>| iter.next().map(|item| item.index);
        let (one, other) = (spawn(on(&iter, next)), spawn(on(&iter, next)));
        iter.close();
        let (one, other) = (one.join().unwrap(), other.join().unwrap());
        assert!(one.is_none() || one != other);
        closed(iter, &log);
    });
}

#[test]
fn close_with_two_nexts_in_a_row_drops_the_source() {
    explore("close: next, next in a row", Some(2), Some(4), || {
        let (iter, log) = Source::shared(9, End::None);
        let (items, ()) = both(on(&iter, |iter| drain(iter.iter().take(2))), || iter.close());
        assert!([0, 1].starts_with(&items), "{items:?}");
        closed(iter, &log);
    });
}

#[test]
fn close_with_try_next_drops_the_source() {
    explore("close: try_next", Some(3), Some(4), || {
        let (iter, log) = Source::shared(9, End::None);
        let (tried, ()) = both(on(&iter, |iter| iter.try_next().map(|item| item.is_some())), || iter.close());
        // The closer holds the lock while it takes the source out.
        assert!(matches!(tried, Ok(_) | Err(TryNextError::WouldBlock)));
        closed(iter, &log);
    });
}

#[test]
fn close_with_a_guard_drops_the_source() {
    explore("close: lock", Some(2), Some(4), || {
        let (iter, log) = Source::shared(9, End::None);
        let (items, ()) = both(on(&iter, |iter| drain(iter.lock().take(2))), || iter.close());
        assert!([0, 1].starts_with(&items), "{items:?}");
        closed(iter, &log);
    });
}

#[test]
fn close_with_size_hint_drops_the_source() {
    explore("close: size_hint", Some(3), Some(4), || {
        let (iter, log) = Source::shared(9, End::None);
        both(on(&iter, ThreadsafeIter::size_hint), || iter.close());
        closed(iter, &log);
    });
}

#[test]
fn close_at_the_end_drops_the_source_once() {
    explore("close: at the end", Some(3), Some(4), || {
        let (iter, log) = Source::shared(0, End::None);
        let (item, ()) = both(on(&iter, |iter| iter.next().map(|item| item.index)), || iter.close());
        assert_eq!(item, None);
        closed(iter, &log);
    });
}

#[test]
fn close_with_close_drops_the_source_once() {
    explore("close: close", Some(3), Some(4), || {
        let (iter, log) = Source::shared(9, End::None);
        both(on(&iter, ThreadsafeIter::close), || iter.close());
        closed(iter, &log);
    });
}

#[test]
fn close_with_close_and_next_drops_the_source_once() {
    explore("close: close, next", Some(1), Some(3), || {
        let (iter, log) = Source::shared(9, End::None);
        let closer = spawn(on(&iter, ThreadsafeIter::close));
        both(on(&iter, |iter| iter.next().map(|item| item.index)), || iter.close());
        closer.join().unwrap();
        closed(iter, &log);
    });
}

#[test]
fn close_with_a_panic_drops_the_source_and_hides_no_panic() {
    explore("close: a panic", Some(3), Some(4), || {
        let (iter, log) = Source::shared(0, End::Panic);
        let (next, ()) = both(on(&iter, |iter| outcome(|| iter.next().is_some())), || iter.close());
        match next {
            // Closed before the source was called.
            Ok(item) => assert!(!item && iter.is_finished()),
            Err(message) => assert_eq!(message, "the source panicked"),
        }
        assert!(log.source_is_dropped(), "the source outlives close");
        assert!(iter.is_finished() != iter.is_poisoned());
        drop(iter);
        log.settle();
    });
}

/// A source that closes its own iterator.
struct Closing {
    source: Source,
    myself: Arc<OnceLock<Weak<ThreadsafeIter<Closing>>>>,
}

impl Iterator for Closing {
    type Item = super::Item;

    fn next(&mut self) -> Option<super::Item> {
        self.myself.get()?.upgrade()?.close();
        self.source.next()
    }
}

#[test]
fn close_by_the_source_itself_drops_it_after_the_call() {
    explore("close: by the source itself, next", Some(3), Some(4), || {
        let (source, log) = Source::new(9, End::None);
        let myself = Arc::new(OnceLock::new());
        let iter = Arc::new(ThreadsafeIter::new(Closing { source, myself: Arc::clone(&myself) }));
        myself.set(Arc::downgrade(&iter)).unwrap();
        let (one, other) = both(
            {
                let iter = Arc::clone(&iter);
                move || iter.next().map(|item| item.index)
            },
            || iter.next().map(|item| item.index),
        );
        assert_eq!(one.xor(other), Some(0), "{one:?} {other:?}");
        assert!(log.source_is_dropped(), "the source outlives close");
        drop(iter);
        log.settle();
    });
}
