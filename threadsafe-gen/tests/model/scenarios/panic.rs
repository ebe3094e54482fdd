//! A panic of the source reaches every caller.

use std::sync::Arc;

use super::{End, Source, both};
use crate::model::backend::{explore, spawn};
use crate::model::outcome;
use crate::{ThreadsafeIter, TryNextError};

const PANIC: &str = "the source panicked";
const REPORT: &str = "the iterator panicked earlier: the source panicked";

fn next(iter: &Arc<ThreadsafeIter<Source>>) -> impl FnOnce() -> Result<Option<usize>, String> + use<> {
    let iter = Arc::clone(iter);
    move || outcome(|| iter.next().map(|item| item.index))
}

/// Checks that the panic propagates to exactly one call, and that the other calls report it with its message.
fn check<const N: usize>(mut outcomes: [Result<Option<usize>, String>; N], items: usize) {
    outcomes.sort();
    let (own, reported) = (Err(PANIC.to_owned()), Err(REPORT.to_owned()));
    assert!(outcomes.iter().take(items).enumerate().all(|(i, outcome)| *outcome == Ok(Some(i))), "{outcomes:?}");
    assert!(outcomes.iter().skip(items).all(|outcome| *outcome == own || *outcome == reported), "{outcomes:?}");
    assert_eq!(outcomes.iter().filter(|outcome| **outcome == own).count(), 1, "{outcomes:?}");
}

#[test]
fn a_panic_reaches_both_callers() {
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
fn a_panic_after_an_item_reaches_the_other_callers() {
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
fn try_next_reports_a_panic_as_an_error() {
    explore("panic: next, try_next", None, None, || {
        let (iter, log) = Source::shared(0, End::Panic);
        let (one, tried) = both(next(&iter), || outcome(|| iter.try_next().map(|item| item.is_some())));
        match tried {
            Ok(Err(TryNextError::Poisoned | TryNextError::WouldBlock)) => assert_eq!(one, Err(PANIC.to_owned())),
            Ok(other) => panic!("an end or an item from a source that panicked: {other:?}"),
            Err(message) => assert_eq!((message, one), (PANIC.to_owned(), Err(REPORT.to_owned()))),
        }
        drop(iter);
        log.settle();
    });
}
