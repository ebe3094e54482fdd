//! A panic of the source: loud for everybody.

use std::sync::Arc;

use super::{End, Source, both};
use crate::model::backend::{explore, spawn};
use crate::model::outcome;
use crate::{ThreadsafeIter, TryNextError};

const OWN: &str = "the source's own";
const TOLD: &str = "the iterator panicked earlier: the source's own";

fn next(iter: &Arc<ThreadsafeIter<Source>>) -> impl FnOnce() -> Result<Option<usize>, String> + use<> {
    let iter = Arc::clone(iter);
    move || outcome(|| iter.next().map(|item| item.index))
}

/// One call has the panic itself, and the others are told, with its message.
fn check<const N: usize>(mut outcomes: [Result<Option<usize>, String>; N], items: usize) {
    outcomes.sort();
    let (own, told) = (Err(OWN.to_owned()), Err(TOLD.to_owned()));
    assert!(outcomes.iter().take(items).enumerate().all(|(i, outcome)| *outcome == Ok(Some(i))), "{outcomes:?}");
    assert!(outcomes.iter().skip(items).all(|outcome| *outcome == own || *outcome == told), "{outcomes:?}");
    assert_eq!(outcomes.iter().filter(|outcome| **outcome == own).count(), 1, "{outcomes:?}");
}

#[test]
fn a_panic_reaches_whoever_waits() {
    explore("panic: next, next", None, None, || {
        let (iter, log) = Source::shared(0, End::Panic);
        let (one, other) = both(next(&iter), next(&iter));
        check([one, other], 0);
        assert!(iter.is_poisoned() && !iter.is_finished());
        assert!(log.source_is_dropped(), "the source outlives its panic");
        drop(iter);
        log.settle();
    });
}

#[test]
fn a_panic_after_an_item_reaches_three() {
    explore("panic: next, next, next", Some(1), Some(3), || {
        let (iter, log) = Source::shared(1, End::Panic);
        let (one, another) = (spawn(next(&iter)), spawn(next(&iter)));
        let third = next(&iter)();
        check([one.join().unwrap(), another.join().unwrap(), third], 1);
        assert!(log.source_is_dropped(), "the source outlives its panic");
        drop(iter);
        log.settle();
    });
}

#[test]
fn a_try_is_told_of_a_panic_by_an_error() {
    explore("panic: next, try_next", None, None, || {
        let (iter, log) = Source::shared(0, End::Panic);
        let (one, tried) = both(next(&iter), || outcome(|| iter.try_next().map(|item| item.is_some())));
        match tried {
            Ok(Err(TryNextError::Poisoned | TryNextError::AlreadyExecuting)) => assert_eq!(one, Err(OWN.to_owned())),
            Ok(Ok(item)) => panic!("told of an end, or given an item: {item}"),
            Err(message) => assert_eq!((message, one), (OWN.to_owned(), Err(TOLD.to_owned()))),
        }
        drop(iter);
        log.settle();
    });
}
