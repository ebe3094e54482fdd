//! Tasks, which take turns without blocking their threads.

use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use futures_core::Stream;

use super::{End, Item, Log, Source, both};
use crate::model::backend::{block_on, explore, spawn};
use crate::model::bare::BareMutex;
use crate::model::outcome;
use crate::{ThreadsafeStream, TryPollError};

/// A stream that lets its task wait before each item, for nothing or for ever.
pub(super) struct Waiting {
    source: Source,
    wait: Wait,
    waited: bool,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Wait {
    Never,
    Once,
    ForEver,
}

impl Stream for Waiting {
    type Item = Item;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Item>> {
        match self.wait {
            Wait::ForEver => return Poll::Pending,
            Wait::Once if !self.waited => {
                self.waited = true;
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            Wait::Once | Wait::Never => {}
        }
        self.waited = false;
        Poll::Ready(self.source.next())
    }
}

pub(super) type Shared = Arc<ThreadsafeStream<Waiting>>;

pub(super) fn shared(items: usize, end: End, wait: Wait) -> (Shared, Arc<Log>) {
    let (source, log) = Source::new(items, end);
    (Arc::new(ThreadsafeStream::new(Waiting { source, wait, waited: false })), log)
}

/// A task of its own that takes one item.
fn next(stream: &Shared) -> impl FnOnce() -> Option<usize> + use<> {
    let stream = Arc::clone(stream);
    move || block_on(async { stream.next().await.map(|item| item.index) })
}

#[test]
fn two_tasks_take_each_item_once() {
    for wait in [Wait::Never, Wait::Once] {
        explore("stream: next, next", Some(2), Some(3), move || {
            let (stream, log) = shared(2, End::None, wait);
            let (one, other) = both(next(&stream), next(&stream));
            assert!(matches!((one, other), (Some(0), Some(1)) | (Some(1), Some(0))), "{one:?} {other:?}");
            drop(stream);
            log.settle();
        });
    }
}

#[test]
fn the_end_is_told_to_whoever_waits() {
    explore("stream: the end", Some(2), Some(3), || {
        let (stream, log) = shared(0, End::None, Wait::Once);
        let (one, other) = both(next(&stream), next(&stream));
        assert_eq!((one, other), (None, None));
        assert!(log.source_is_dropped(), "the stream outlives its end");
        drop(stream);
        log.settle();
    });
}

#[test]
fn a_turn_that_is_given_up_goes_to_who_waits() {
    explore("stream: a future dropped, next", Some(2), Some(3), || {
        let (stream, log) = shared(1, End::None, Wait::Once);
        let (item, given_up) = both(next(&stream), || {
            let mut future = pin!(stream.next());
            match future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
                Poll::Ready(item) => item.map(|item| item.index),
                Poll::Pending => None,
            }
        });
        assert_eq!(item.or(given_up), Some(0));
        assert!(item.is_none() || given_up.is_none());
        drop(stream);
        log.settle();
    });
}

#[test]
fn a_place_in_the_queue_that_is_given_up_stops_nobody() {
    explore("stream: a place given up, next, next", Some(1), Some(2), || {
        let (stream, log) = shared(2, End::None, Wait::Once);
        let (one, other) = (spawn(next(&stream)), spawn(next(&stream)));
        let given_up = {
            let mut future = pin!(stream.next());
            match future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
                Poll::Ready(item) => item.map(|item| item.index),
                Poll::Pending => None,
            }
        };
        let mut items = [one.join().unwrap(), other.join().unwrap(), given_up];
        items.sort_unstable();
        assert_eq!(items, [None, Some(0), Some(1)]);
        drop(stream);
        log.settle();
    });
}

#[test]
fn close_wakes_the_task_that_waits_for_the_stream() {
    explore("stream: pending, close", Some(3), Some(4), || {
        let (stream, log) = shared(0, End::None, Wait::ForEver);
        let (item, ()) = both(next(&stream), || stream.close());
        assert_eq!(item, None);
        assert!(log.source_is_dropped(), "the stream outlives close");
        drop(stream);
        log.settle();
    });
}

#[test]
fn two_closes_at_a_time_wake_the_task_that_waits_for_the_stream() {
    explore("stream: pending, close, close", Some(2), Some(3), || {
        let (stream, log) = shared(0, End::None, Wait::ForEver);
        let waiting = spawn(next(&stream));
        let closer = {
            let stream = Arc::clone(&stream);
            spawn(move || stream.close())
        };
        stream.close();
        closer.join().unwrap();
        assert_eq!(waiting.join().unwrap(), None);
        assert!(log.source_is_dropped(), "the stream outlives close");
        drop(stream);
        log.settle();
    });
}

/// A stream of one item, which is there after an event.
struct Eventual {
    event: Arc<Event>,
    source: Source,
}

struct Event(BareMutex<(bool, Option<Waker>)>);

impl Event {
    fn fire(&self) {
        let mut event = self.0.lock();
        event.0 = true;
        let waker = event.1.take();
        drop(event);
        waker.into_iter().for_each(Waker::wake);
    }
}

impl Stream for Eventual {
    type Item = Item;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Item>> {
        let mut event = self.event.0.lock();
        if !event.0 {
            event.1 = Some(cx.waker().clone());
            return Poll::Pending;
        }
        drop(event);
        Poll::Ready(self.source.next())
    }
}

#[test]
fn a_poll_that_does_not_wait_takes_no_wake_up_from_the_task_that_does() {
    explore("stream: next, try_next, an event", Some(2), Some(3), || {
        let (source, log) = Source::new(2, End::None);
        let event = Arc::new(Event(BareMutex::new((false, None))));
        let stream = Arc::new(ThreadsafeStream::new(Eventual { event: Arc::clone(&event), source }));
        let waiting = {
            let stream = Arc::clone(&stream);
            spawn(move || block_on(async { stream.next().await.map(|item| item.index) }))
        };
        let firing = spawn(move || event.fire());
        let tried = stream.try_next().map(|item| item.map(|item| item.index));
        let waited = waiting.join().unwrap();
        firing.join().unwrap();
        match tried {
            Ok(tried) => assert!(matches!((tried, waited), (Some(0), Some(1)) | (Some(1), Some(0)))),
            Err(TryPollError::Pending | TryPollError::AlreadyExecuting) => assert_eq!(waited, Some(0)),
            Err(TryPollError::Poisoned) => panic!("the source did not panic"),
        }
        drop(stream);
        log.settle();
    });
}

#[test]
fn close_wakes_those_who_wait_for_their_turn() {
    explore("stream: pending, waiting, close", Some(1), Some(2), || {
        let (stream, log) = shared(0, End::None, Wait::ForEver);
        let (one, other) = (spawn(next(&stream)), spawn(next(&stream)));
        stream.close();
        assert_eq!((one.join().unwrap(), other.join().unwrap()), (None, None));
        assert!(log.source_is_dropped(), "the stream outlives close");
        drop(stream);
        log.settle();
    });
}

#[test]
fn close_beside_an_item_drops_the_stream() {
    explore("stream: next, close", Some(3), Some(4), || {
        let (stream, log) = shared(9, End::None, Wait::Never);
        let (item, ()) = both(next(&stream), || stream.close());
        assert!(matches!(item, None | Some(0)));
        assert!(log.source_is_dropped(), "the stream outlives close");
        drop(stream);
        log.settle();
    });
}

#[test]
fn close_beside_a_try_drops_the_stream() {
    explore("stream: try_next, close", Some(3), Some(4), || {
        let (stream, log) = shared(9, End::None, Wait::ForEver);
        let tried = {
            let stream = Arc::clone(&stream);
            move || stream.try_next().map(|item| item.is_some())
        };
        let (tried, ()) = both(tried, || stream.close());
        assert!(matches!(tried, Ok(false) | Err(TryPollError::Pending | TryPollError::AlreadyExecuting)), "{tried:?}");
        assert!(log.source_is_dropped(), "the stream outlives close");
        drop(stream);
        log.settle();
    });
}

#[test]
fn a_panic_is_told_to_whoever_waits() {
    explore("stream: a panic", Some(2), Some(3), || {
        let (stream, log) = shared(0, End::Panic, Wait::Once);
        let (one, other) = (next(&stream), next(&stream));
        let (one, other) = both(|| outcome(one), || outcome(other));
        let mut told = [one, other].map(Result::unwrap_err);
        told.sort();
        assert_eq!(told, ["the source's own", "the stream panicked earlier: the source's own"]);
        drop(stream);
        log.settle();
    });
}
