//! Every pair of calls of every type, on two threads. The other files have scenarios that were chosen by hand.
//!
//! Each pair runs on three kinds of source: with items for both calls, at its end, and with a panic. The checks hold
//! for any two calls: an item is delivered once, the end is final and drops the source, a panic propagates to one call
//! and is reported by the other, and no thread blocks for ever.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use genawaiter::{Coroutine, GeneratorState};

use super::{End, Item, Log, Source, both, drain, sorted};
use crate::model::backend::explore_each;
use crate::model::{outcome, trace};
use crate::{Tee, ThreadsafeCoroutine, ThreadsafeIter};

/// The indexes of the items that a call took, or the message of its panic.
type Taken = Result<Vec<usize>, String>;

const PANIC: &str = "the source panicked";

fn index(item: Option<Item>) -> Vec<usize> {
    item.into_iter().map(|item| item.index).collect()
}

/// A call, with its name.
type Call<T> = (&'static str, fn(&T) -> Vec<usize>);

/// Returns each pair of `calls`, including a call with itself.
fn pairs<T>(calls: &'static [Call<T>]) -> impl Iterator<Item = [Call<T>; 2]> {
    calls.iter().enumerate().flat_map(|(i, one)| calls[i..].iter().map(|other| [*one, *other]))
}

/// Runs `check` for each pair of `calls`.
fn each_pair<T: 'static>(kind: &str, calls: &'static [Call<T>], check: fn([Call<T>; 2])) {
    let name = format!("pairs: {kind}, {} pairs", pairs(calls).count());
    let scenarios = pairs(calls).map(|pair| {
        move || {
            trace::step("pair", [pair[0].0, pair[1].0]);
            check(pair);
        }
    });
    explore_each(&name, Some(2), Some(3), scenarios);
}

/// Makes both calls concurrently.
fn call_both<T: Send + Sync + 'static>(shared: &Arc<T>, [one, other]: [Call<T>; 2]) -> [Taken; 2] {
    let clone = Arc::clone(shared);
    let (one, other) = both(move || outcome(|| one.1(&clone)), || outcome(|| other.1(shared)));
    [one, other]
}

/// Returns `true` if one of the calls is `close`.
fn closes<T>(calls: &[Call<T>]) -> bool {
    calls.iter().any(|(name, _)| *name == "close")
}

/// Checks two calls on a source that panics: the panic propagates to at most one, and the other reports it.
fn check_panic<T>(calls: &[Call<T>], taken: [Taken; 2], log: &Log) {
    let own = taken.iter().filter(|taken| matches!(taken, Err(message) if message == PANIC)).count();
    let reported = taken.iter().filter(|taken| matches!(taken, Err(message) if message.ends_with(PANIC))).count();
    assert!(own <= 1 && taken.iter().flatten().all(Vec::is_empty), "{taken:?}");
    assert!(own == 1 || reported == 0, "a call reports a panic that did not propagate: {taken:?}");
    if own == 1 || closes(calls) {
        assert!(log.source_is_dropped(), "the source outlives its end");
    }
}

/// Checks the items that two calls took, and the items that remained.
fn check_items(items: usize, closed: bool, taken: [Taken; 2], rest: Vec<usize>, log: &Log) {
    let taken = taken.map(|taken| taken.expect("no source panicked"));
    let all = sorted(taken.iter().cloned().chain([rest]));
    if closed {
        assert!(all.windows(2).all(|pair| pair[0] != pair[1]), "an item was delivered twice: {all:?}");
    } else {
        assert!(all.iter().copied().eq(0..items), "{taken:?}, and with the rest {all:?}");
    }
    assert!(log.source_is_dropped(), "the source outlives its end");
    assert_eq!(log.alive(), 0, "an item outlives the end");
}

type Iter = ThreadsafeIter<Source>;

/// Returns the index of an item. `None` is correct only if the source has ended.
fn item_or_end(iter: &Iter, item: Option<Item>) -> Vec<usize> {
    assert!(item.is_some() || iter.lock.status().has_ended(), "`None` before the end");
    index(item)
}

const ITER_CALLS: [Call<Iter>; 8] = [
    ("next", |iter| item_or_end(iter, iter.next())),
    ("next_indexed", |iter| {
        let item = iter.next_indexed();
        assert!(item.as_ref().is_none_or(|(index, item)| *index == item.index));
        item_or_end(iter, item.map(|(_, item)| item))
    }),
    ("try_next", |iter| iter.try_next().map_or(Vec::new(), |item| item_or_end(iter, item))),
    ("next_timeout", |iter| {
        iter.next_timeout(Duration::from_millis(1)).map_or(Vec::new(), |item| item_or_end(iter, item))
    }),
    ("lock", |iter| {
        let items = drain(iter.lock().take(2));
        assert!(items.len() == 2 || iter.lock.status().has_ended(), "`None` before the end");
        items
    }),
    // Takes two items, uses one and puts one back.
    ("buffered", |iter| drain(iter.buffered(2).take(1))),
    ("size_hint", |iter| {
        let (lower, upper) = iter.size_hint();
        assert!(lower == 0 && upper.is_none_or(|upper| upper <= 3));
        Vec::new()
    }),
    ("close", |iter| {
        iter.close();
        Vec::new()
    }),
];

#[test]
fn every_pair_of_calls_on_an_iterator_with_items_for_both() {
    each_pair("iterator with items", &ITER_CALLS, |calls| {
        let (iter, log) = Source::shared(3, End::None);
        let taken = call_both(&iter, calls);
        let rest = drain(&*iter);
        assert!(iter.is_finished());
        check_items(3, closes(&calls), taken, rest, &log);
        drop(iter);
        log.settle();
    });
}

#[test]
fn every_pair_of_calls_on_an_iterator_at_its_end() {
    each_pair("iterator at its end", &ITER_CALLS, |calls| {
        let (iter, log) = Source::shared(1, End::None);
        let taken = call_both(&iter, calls);
        let rest = drain(&*iter);
        check_items(1, closes(&calls), taken, rest, &log);
        drop(iter);
        log.settle();
    });
}

#[test]
fn every_pair_of_calls_on_an_iterator_that_panics() {
    each_pair("iterator that panics", &ITER_CALLS, |calls| {
        let (iter, log) = Source::shared(0, End::Panic);
        let taken = call_both(&iter, calls);
        check_panic(&calls, taken, &log);
        drop(iter);
        log.settle();
    });
}

/// A coroutine that answers each argument with the next item, and ends or panics as its source does.
struct Answering(Source);

impl Coroutine for Answering {
    type Yield = (usize, Item);
    type Resume = usize;
    type Return = ();

    fn resume_with(mut self: Pin<&mut Self>, argument: usize) -> GeneratorState<(usize, Item), ()> {
        match self.0.next() {
            Some(item) => GeneratorState::Yielded((argument, item)),
            None => GeneratorState::Complete(()),
        }
    }
}

type Shared = ThreadsafeCoroutine<Answering>;

/// Returns the index of the answer's item. Checks that the answer belongs to `argument`.
fn answer(argument: usize, state: Option<GeneratorState<(usize, Item), ()>>) -> Vec<usize> {
    match state {
        Some(GeneratorState::Yielded((echo, item))) => {
            assert_eq!(echo, argument, "the answer belongs to another call");
            vec![item.index]
        }
        Some(GeneratorState::Complete(())) | None => Vec::new(),
    }
}

const COROUTINE_CALLS: [Call<Shared>; 5] = [
    ("resume_with", |coroutine| answer(1, coroutine.resume_with(1))),
    ("try_resume_with", |coroutine| answer(2, coroutine.try_resume_with(2).unwrap_or_default())),
    ("resume_with_timeout", |coroutine| {
        answer(3, coroutine.resume_with_timeout(3, Duration::from_millis(1)).unwrap_or_default())
    }),
    ("lock", |coroutine| {
        let mut guard = coroutine.lock();
        let (first, second) = (answer(4, guard.resume_with(4)), answer(5, guard.resume_with(5)));
        assert!(second.is_empty() || second == [first[0] + 1], "another call was between the two");
        [first, second].concat()
    }),
    ("close", |coroutine| {
        coroutine.close();
        Vec::new()
    }),
];

fn coroutine(items: usize, end: End) -> (Arc<Shared>, Arc<Log>) {
    let (source, log) = Source::new(items, end);
    (Arc::new(ThreadsafeCoroutine::new(Answering(source))), log)
}

fn check_coroutine(calls: [Call<Shared>; 2], items: usize) {
    let (coroutine, log) = coroutine(items, End::None);
    let taken = call_both(&coroutine, calls);
    let mut rest = Vec::new();
    while let Some(GeneratorState::Yielded((_, item))) = coroutine.resume_with(0) {
        rest.push(item.index);
    }
    assert!(coroutine.is_finished());
    check_items(items, closes(&calls), taken, rest, &log);
    drop(coroutine);
    log.settle();
}

#[test]
fn every_pair_of_calls_on_a_coroutine_with_answers_for_both() {
    each_pair("coroutine with answers", &COROUTINE_CALLS, |calls| check_coroutine(calls, 5));
}

#[test]
fn every_pair_of_calls_on_a_coroutine_at_its_end() {
    each_pair("coroutine at its end", &COROUTINE_CALLS, |calls| check_coroutine(calls, 1));
}

#[test]
fn every_pair_of_calls_on_a_coroutine_that_panics() {
    each_pair("coroutine that panics", &COROUTINE_CALLS, |calls| {
        let (coroutine, log) = coroutine(0, End::Panic);
        let taken = call_both(&coroutine, calls);
        check_panic(&calls, taken, &log);
        drop(coroutine);
        log.settle();
    });
}

/// A branch for one call. The two branches of a pair start at the same item.
type Branch = std::sync::Mutex<Option<Tee<Source>>>;

fn branch(tee: &Branch) -> Tee<Source> {
    tee.lock().unwrap().take().expect("a branch was used twice")
}

const TEE_CALLS: [Call<Branch>; 4] = [
    ("next", |tee| drain(branch(tee).by_ref().take(2))),
    ("clone", |tee| {
        let one = branch(tee);
        let other = one.clone();
        drop(one);
        drain(other)
    }),
    ("size_hint", |tee| {
        let (lower, upper) = branch(tee).size_hint();
        assert!(lower <= 2 && upper.is_none());
        Vec::new()
    }),
    ("drop", |tee| {
        drop(branch(tee));
        Vec::new()
    }),
];

fn check_branches([one, other]: [Call<Branch>; 2], items: usize, end: End) {
    let (source, log) = Source::new(items, end);
    let tee = Tee::new(source);
    let [first, second] = [tee.clone(), tee].map(|tee| Branch::new(Some(tee)));
    let (first, second) = both(move || outcome(|| one.1(&first)), || outcome(|| other.1(&second)));
    let taken = [first, second];
    if end == End::Panic {
        let own = taken.iter().filter(|taken| matches!(taken, Err(message) if message == PANIC)).count();
        let panicked = taken.iter().filter(|taken| taken.is_err()).count();
        assert_eq!(own, panicked.min(1), "{taken:?}");
    } else {
        for taken in taken {
            let taken = taken.expect("no source panicked");
            assert!(taken.is_empty() || taken.into_iter().eq(0..items.min(2)));
        }
    }
    log.settle();
}

#[test]
fn every_pair_of_calls_on_two_branches_of_a_tee() {
    each_pair("tee with items", &TEE_CALLS, |calls| check_branches(calls, 2, End::None));
    each_pair("tee at its end", &TEE_CALLS, |calls| check_branches(calls, 0, End::None));
    each_pair("tee that panics", &TEE_CALLS, |calls| check_branches(calls, 0, End::Panic));
}

#[cfg(feature = "stream")]
mod streams {
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    use super::super::stream::{Shared, Wait, shared};
    use super::*;
    use crate::ThreadsafeStream;
    use crate::model::backend::block_on;
    use crate::model::scenarios::stream::Waiting;

    type Stream = ThreadsafeStream<Waiting>;

    /// An item, or the end, which is to be seen by then.
    fn item_or_end(stream: &Stream, item: Option<Item>) -> Vec<usize> {
        assert!(item.is_some() || stream.is_finished(), "`None` before the end");
        index(item)
    }

    const STREAM_CALLS: [Call<Stream>; 5] = [
        ("next", |stream| item_or_end(stream, block_on(stream.next()))),
        ("next, cancelled", |stream| {
            let mut future = pin!(stream.next());
            match future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
                Poll::Ready(item) => item_or_end(stream, item),
                Poll::Pending => Vec::new(),
            }
        }),
        ("stream", |stream| {
            let mut items = pin!(stream.stream());
            index(block_on(std::future::poll_fn(|cx| futures_core::Stream::poll_next(items.as_mut(), cx))))
        }),
        ("poll_once", |stream| stream.poll_once().map_or(Vec::new(), |item| item_or_end(stream, item))),
        ("close", |stream| {
            stream.close();
            Vec::new()
        }),
    ];

    fn check((stream, log): (Shared, Arc<Log>), calls: [Call<Stream>; 2], items: usize, closed: bool) {
        let taken = call_both(&stream, calls);
        let mut rest = Vec::new();
        while let Some(item) = block_on(stream.next()) {
            rest.push(item.index);
        }
        check_items(items, closed || closes(&calls), taken, rest, &log);
        drop(stream);
        log.settle();
    }

    #[test]
    fn every_pair_of_calls_on_a_stream() {
        each_pair("stream that is ready", &STREAM_CALLS, |calls| {
            check(shared(3, End::None, Wait::Never), calls, 3, false)
        });
        each_pair("stream that is pending once", &STREAM_CALLS, |calls| {
            check(shared(2, End::None, Wait::Once), calls, 2, false)
        });
        each_pair("stream at its end", &STREAM_CALLS, |calls| check(shared(0, End::None, Wait::Once), calls, 0, false));
    }

    #[test]
    fn every_pair_of_calls_on_a_stream_that_panics() {
        each_pair("stream that panics", &STREAM_CALLS, |calls| {
            let (stream, log) = shared(0, End::Panic, Wait::Never);
            let taken = call_both(&stream, calls);
            check_panic(&calls, taken, &log);
            drop(stream);
            log.settle();
        });
    }
}
