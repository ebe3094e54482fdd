//! `close` during a call: the call delivers what the source gives it, however it asks, and the source is dropped then.

use std::pin::{Pin, pin};
use std::sync::{Arc, OnceLock, Weak};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use threadsafe_gen::GeneratorState::{self, Complete, Yielded};
use threadsafe_gen::{Coroutine, Stream, ThreadsafeCoroutine, ThreadsafeStream};

/// A source that closes itself in each call, and is complete after `items` of them.
struct Closing<T> {
    itself: Weak<OnceLock<T>>,
    items: u32,
}

type ClosingStream = ThreadsafeStream<Closing<SharedStream>>;
type ClosingCoroutine = ThreadsafeCoroutine<Closing<SharedCoroutine>>;

/// Types of their own, since an alias cannot name itself.
struct SharedStream(ClosingStream);
struct SharedCoroutine(ClosingCoroutine);

impl Stream for Closing<SharedStream> {
    type Item = u32;

    fn poll_next(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<u32>> {
        self.itself.upgrade().unwrap().get().unwrap().0.close();
        Poll::Ready((self.items > 0).then_some(7))
    }
}

impl Coroutine for Closing<SharedCoroutine> {
    type Yield = u32;
    type Resume = u32;
    type Return = u32;

    fn resume_with(self: Pin<&mut Self>, argument: u32) -> GeneratorState<u32, u32> {
        self.itself.upgrade().unwrap().get().unwrap().0.close();
        if self.items > 0 { Yielded(argument) } else { Complete(argument) }
    }
}

fn now<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("the future should be ready"),
    }
}

#[test]
fn a_poll_that_closes_its_stream_delivers_by_every_call() {
    type Ask = fn(&ClosingStream) -> Option<u32>;
    let calls: [(&str, Ask); 3] = [
        ("next", |stream| now(stream.next())),
        ("poll_once", |stream| stream.poll_once().unwrap()),
        ("stream", |stream| {
            let mut items = pin!(stream.stream());
            now(std::future::poll_fn(|cx| items.as_mut().poll_next(cx)))
        }),
    ];
    for (call, ask) in calls {
        for items in [0, 1] {
            let itself = Arc::new(OnceLock::new());
            let source = Closing { itself: Arc::downgrade(&itself), items };
            let SharedStream(stream) = itself.get_or_init(|| SharedStream(ThreadsafeStream::new(source)));
            assert_eq!(ask(stream), (items > 0).then_some(7), "{call}");
            assert_eq!(Arc::weak_count(&itself), 0, "{call}: the stream outlives `close`");
            assert!(stream.is_finished());
            assert_eq!(ask(stream), None, "{call}");
        }
    }
}

#[test]
fn a_coroutine_that_closes_itself_answers_by_every_call() {
    type Ask = fn(&ClosingCoroutine) -> Option<GeneratorState<u32, u32>>;
    let calls: [(&str, Ask); 4] = [
        ("resume_with", |coroutine| coroutine.resume_with(3)),
        ("try_resume_with", |coroutine| coroutine.try_resume_with(3).unwrap()),
        ("resume_with_timeout", |coroutine| coroutine.resume_with_timeout(3, Duration::MAX).unwrap()),
        ("lock", |coroutine| coroutine.lock().resume_with(3)),
    ];
    for (call, ask) in calls {
        for items in [0, 1] {
            let itself = Arc::new(OnceLock::new());
            let source = Closing { itself: Arc::downgrade(&itself), items };
            let SharedCoroutine(coroutine) = itself.get_or_init(|| SharedCoroutine(ThreadsafeCoroutine::new(source)));
            let answer = if items > 0 { Yielded(3) } else { Complete(3) };
            assert_eq!(ask(coroutine), Some(answer), "{call}");
            assert_eq!(Arc::weak_count(&itself), 0, "{call}: the coroutine outlives `close`");
            assert!(coroutine.is_finished());
            assert_eq!(ask(coroutine), None, "{call}");
        }
    }
}
