//! Streams shared by tasks.

use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use futures_core::Stream;

use super::{End, Item, Log, Source, both};
use crate::model::backend::{block_on, explore, spawn};
use crate::model::bare::BareMutex;
use crate::model::outcome;
use crate::{ThreadsafeStream, TryPollError};

/// A stream that is pending before each item: never, once, or for ever.
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

/// A task that takes one item.
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
fn the_end_wakes_waiting_tasks() {
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
fn a_cancelled_next_passes_its_permit_on() {
    explore("stream: next cancelled, next", Some(2), Some(3), || {
        let (stream, log) = shared(1, End::None, Wait::Once);
        let (item, cancelled) = both(next(&stream), || {
            let mut future = pin!(stream.next());
            match future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
                Poll::Ready(item) => item.map(|item| item.index),
                Poll::Pending => None,
            }
        });
        assert_eq!(item.or(cancelled), Some(0));
        assert!(item.is_none() || cancelled.is_none());
        drop(stream);
        log.settle();
    });
}

#[test]
fn a_cancelled_next_leaves_the_next_task_its_waker() {
    explore("stream: next cancelled and then close, next", Some(2), Some(3), || {
        let (stream, log) = shared(0, End::None, Wait::ForEver);
        let (item, ()) = both(next(&stream), || {
            let mut future = Box::pin(stream.next());
            assert!(future.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
            // The other task may have its turn, and wait for the stream, before this one has left.
            drop(future);
            stream.close();
        });
        assert_eq!(item, None);
        assert!(log.source_is_dropped(), "the stream outlives close");
        drop(stream);
        log.settle();
    });
}

#[test]
fn a_cancelled_wait_for_the_permit_blocks_no_task() {
    explore("stream: next cancelled, next, next", Some(1), Some(2), || {
        let (stream, log) = shared(2, End::None, Wait::Once);
        let (one, other) = (spawn(next(&stream)), spawn(next(&stream)));
        let cancelled = {
            let mut future = pin!(stream.next());
            match future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
                Poll::Ready(item) => item.map(|item| item.index),
                Poll::Pending => None,
            }
        };
        let mut items = [one.join().unwrap(), other.join().unwrap(), cancelled];
        items.sort_unstable();
        assert_eq!(items, [None, Some(0), Some(1)]);
        drop(stream);
        log.settle();
    });
}

#[test]
fn close_wakes_the_pending_task() {
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
fn two_concurrent_closes_wake_the_pending_task() {
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

/// A stream that is pending until an event.
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
fn poll_once_takes_no_wake_up_from_a_waiting_task() {
    explore("stream: next, poll_once, an event", Some(2), Some(3), || {
        let (source, log) = Source::new(2, End::None);
        let event = Arc::new(Event(BareMutex::new((false, None))));
        let stream = Arc::new(ThreadsafeStream::new(Eventual { event: Arc::clone(&event), source }));
        let waiting = {
            let stream = Arc::clone(&stream);
            spawn(move || block_on(async { stream.next().await.map(|item| item.index) }))
        };
        let firing = spawn(move || event.fire());
        let tried = stream.poll_once().map(|item| item.map(|item| item.index));
        let waited = waiting.join().unwrap();
        firing.join().unwrap();
        match tried {
            Ok(tried) => assert!(matches!((tried, waited), (Some(0), Some(1)) | (Some(1), Some(0)))),
            Err(TryPollError::Pending | TryPollError::WouldBlock) => assert_eq!(waited, Some(0)),
            Err(error) => panic!("neither poisoned nor re-entrant: {error}"),
        }
        drop(stream);
        log.settle();
    });
}

#[test]
fn close_wakes_tasks_that_wait_for_the_permit() {
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
fn close_with_next_drops_the_stream() {
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
fn close_with_poll_once_drops_the_stream() {
    explore("stream: poll_once, close", Some(3), Some(4), || {
        let (stream, log) = shared(9, End::None, Wait::ForEver);
        let tried = {
            let stream = Arc::clone(&stream);
            move || stream.poll_once().map(|item| item.is_some())
        };
        let (tried, ()) = both(tried, || stream.close());
        assert!(matches!(tried, Ok(false) | Err(TryPollError::Pending | TryPollError::WouldBlock)), "{tried:?}");
        assert!(log.source_is_dropped(), "the stream outlives close");
        drop(stream);
        log.settle();
    });
}

#[test]
fn a_panic_reaches_waiting_tasks() {
    explore("stream: a panic", Some(2), Some(3), || {
        let (stream, log) = shared(0, End::Panic, Wait::Once);
        let (one, other) = (next(&stream), next(&stream));
        let (one, other) = both(|| outcome(one), || outcome(other));
        let mut reports = [one, other].map(Result::unwrap_err);
        reports.sort();
        assert_eq!(reports, ["the source panicked", "the stream panicked earlier: the source panicked"]);
        drop(stream);
        log.settle();
    });
}
