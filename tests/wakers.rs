//! Wakers that are kept for a task: the last is woken, none is kept too long, none is called or dropped under a lock.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex, Weak};
use std::task::{Context, Poll, Wake, Waker};

use futures::future::BoxFuture;
use futures::stream;
use support::limited;
use threadsafe_gen::{GeneratorState, Stream, ThreadsafeStream, coroutine};

/// Counts how often a task is woken.
#[derive(Default)]
struct Count(AtomicUsize);

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, SeqCst);
    }
}

/// A stream that is pending until it is told to be ready, and keeps no waker itself.
fn told(ready: &Arc<AtomicBool>) -> ThreadsafeStream<impl Stream<Item = u32> + Send + Unpin + use<>> {
    let ready = Arc::clone(ready);
    ThreadsafeStream::new(stream::poll_fn(
        move |_| if ready.load(SeqCst) { Poll::Ready(Some(7)) } else { Poll::Pending },
    ))
}

#[test]
fn a_yield_that_is_polled_by_two_tasks_wakes_the_last() {
    let [first, last] = [(); 2].map(|()| Arc::new(Count::default()));
    let body = {
        let (first, last) = (Arc::clone(&first), Arc::clone(&last));
        coroutine(async move |co, ()| {
            let mut yielding = pin!(co.yield_(1));
            for task in [&first, &last] {
                let waker = Waker::from(Arc::clone(task));
                assert!(yielding.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
            }
            // As a combinator does, which polls a future only after its waker was called.
            let woken = || last.0.load(SeqCst) > 0;
            poll_fn(|cx| if woken() { yielding.as_mut().poll(cx) } else { Poll::Pending }).await;
            2
        })
    };
    let body = body.threadsafe();
    assert_eq!(body.resume(), Some(GeneratorState::Yielded(1)));
    assert_eq!(body.resume(), Some(GeneratorState::Complete(2)));
    assert_eq!(last.0.load(SeqCst), 1);
}

#[test]
fn a_next_that_is_given_up_keeps_no_waker() {
    let stream = told(&Arc::new(AtomicBool::new(false)));
    let task = Arc::new(Count::default());
    {
        let waker = Waker::from(Arc::clone(&task));
        let mut next = pin!(stream.next());
        assert!(next.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
    }
    assert_eq!(Arc::strong_count(&task), 1, "the waker outlives its task");
    stream.close();
    assert_eq!(task.0.load(SeqCst), 0, "a task that waits no more is woken");
}

#[test]
fn a_next_that_is_ready_keeps_no_waker() {
    let ready = Arc::new(AtomicBool::new(false));
    let task = Arc::new(Count::default());
    let waker = Waker::from(Arc::clone(&task));
    let mut cx = Context::from_waker(&waker);

    let mut stream = told(&ready);
    let mut next = Box::pin(stream.next());
    assert!(next.as_mut().poll(&mut cx).is_pending());
    ready.store(true, SeqCst);
    assert_eq!(next.as_mut().poll(&mut cx), Poll::Ready(Some(7)));
    assert_eq!(Arc::strong_count(&task), 2, "the future that is ready keeps the waker");
    drop(next);

    // The same by `&mut`.
    ready.store(false, SeqCst);
    assert!(Pin::new(&mut stream).poll_next(&mut cx).is_pending());
    assert_eq!(Arc::strong_count(&task), 3);
    ready.store(true, SeqCst);
    assert_eq!(Pin::new(&mut stream).poll_next(&mut cx), Poll::Ready(Some(7)));
    assert_eq!(Arc::strong_count(&task), 2, "the stream that was ready keeps the waker");
}

/// Closes a stream when the last waker of this task is dropped.
struct ClosesWhenDropped<S: Stream + Unpin>(Weak<ThreadsafeStream<S>>);

impl<S: Stream + Unpin + Send + 'static> Wake for ClosesWhenDropped<S> {
    fn wake(self: Arc<Self>) {}
}

impl<S: Stream + Unpin> Drop for ClosesWhenDropped<S> {
    fn drop(&mut self) {
        if let Some(stream) = self.0.upgrade() {
            stream.close();
        }
    }
}

#[test]
fn a_waker_that_is_replaced_may_close_the_stream_when_it_is_dropped() {
    limited(|| {
        let stream = Arc::new(told(&Arc::new(AtomicBool::new(false))));
        let mut next = pin!(stream.next());
        let first = Waker::from(Arc::new(ClosesWhenDropped(Arc::downgrade(&stream))));
        assert!(next.as_mut().poll(&mut Context::from_waker(&first)).is_pending());
        drop(first);
        assert!(!stream.is_finished());
        // The waker of this poll replaces the first, which closes the stream during the poll.
        assert_eq!(next.as_mut().poll(&mut Context::from_waker(Waker::noop())), Poll::Ready(None));
        assert!(stream.is_finished());
    });
}

#[test]
fn a_waker_of_a_next_that_is_given_up_may_close_the_stream_when_it_is_dropped() {
    limited(|| {
        let stream = Arc::new(told(&Arc::new(AtomicBool::new(false))));
        {
            let mut next = pin!(stream.next());
            let waker = Waker::from(Arc::new(ClosesWhenDropped(Arc::downgrade(&stream))));
            assert!(next.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
        }
        assert!(stream.is_finished());
    });
}

/// A task that is polled within the call of its waker, as some executors do.
struct Inline {
    future: Mutex<Option<BoxFuture<'static, Option<u32>>>>,
    result: Mutex<Poll<Option<u32>>>,
}

impl Wake for Inline {
    fn wake(self: Arc<Self>) {
        let mut slot = self.future.lock().unwrap();
        if let Some(future) = &mut *slot {
            let waker = Waker::from(Arc::clone(&self));
            let polled = future.as_mut().poll(&mut Context::from_waker(&waker));
            if polled.is_ready() {
                *slot = None;
            }
            *self.result.lock().unwrap() = polled;
        }
    }
}

#[test]
fn a_task_that_close_wakes_may_be_polled_within_the_wake_up() {
    limited(|| {
        let stream = Arc::new(told(&Arc::new(AtomicBool::new(false))));
        let shared = Arc::clone(&stream);
        let task = Arc::new(Inline {
            future: Mutex::new(Some(Box::pin(async move { shared.next().await }))),
            result: Mutex::new(Poll::Pending),
        });
        Arc::clone(&task).wake();
        assert_eq!(*task.result.lock().unwrap(), Poll::Pending);
        stream.close();
        assert_eq!(*task.result.lock().unwrap(), Poll::Ready(None));
    });
}
