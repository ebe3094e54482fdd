//! The destructor of a shared stream's source, at the end, at `close` and after a panic: every waiting task is released
//! before it runs.

use std::future::pending;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, OnceLock};
use std::task::Poll;
use std::thread;

use futures::FutureExt;
use futures::executor::block_on;
use support::{limited, message_of, settle};
use threadsafe_gen::{Stream, ThreadsafeStream, stream};

/// The ways for a source to end.
#[derive(Clone, Copy)]
enum End {
    None,
    Panic,
    Close,
}

/// A value whose destructor waits for a message from a thread that waits for the source.
struct WaitsForMessage(Receiver<()>);

impl Drop for WaitsForMessage {
    fn drop(&mut self) {
        self.0.recv().expect("the other thread sends before it ends");
    }
}

fn source(end: End, held: WaitsForMessage) -> impl Stream<Item = u64> + Send + Unpin {
    let mut polled = false;
    futures::stream::poll_fn(move |cx| {
        // The closure captures `held`, so that it is dropped with the source.
        let _held = &held;
        // The first poll is pending, so that other tasks can queue.
        if !polled {
            polled = true;
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        match end {
            End::None => Poll::Ready(None),
            End::Panic => panic!("out of paper"),
            End::Close => Poll::Pending,
        }
    })
}

/// One thread ends the source while another waits in the queue, and the source's destructor waits for the latter.
fn assert_waiting_task_is_released_before_the_destructor(end: End) {
    limited(move || {
        let (send, receive): (Sender<()>, _) = channel();
        let shared = ThreadsafeStream::new(source(end, WaitsForMessage(receive)));
        let mut first = Box::pin(shared.next());
        assert_eq!((&mut first).now_or_never(), None, "the first call waits for the source");
        thread::scope(|scope| {
            let other = scope.spawn(|| {
                let outcome = catch_unwind(AssertUnwindSafe(|| block_on(shared.next())));
                send.send(()).expect("the destructor of the source waits for the message");
                outcome
            });
            settle();
            match end {
                End::None => assert_eq!(block_on(first), None),
                End::Panic => assert_eq!(message_of(|| block_on(first)), "out of paper"),
                End::Close => shared.close(),
            }
            match end {
                End::Panic => {
                    let outcome = other.join().expect("the thread has caught its panic");
                    assert_eq!(
                        message_of(|| outcome.unwrap_or_else(|payload| std::panic::resume_unwind(payload))),
                        "the stream panicked earlier: out of paper"
                    );
                }
                End::None | End::Close => assert!(matches!(other.join(), Ok(Ok(None)))),
            }
        });
    });
}

#[test]
fn a_destructor_at_the_end_can_wait_for_a_task_in_the_queue() {
    assert_waiting_task_is_released_before_the_destructor(End::None);
}

#[test]
fn a_destructor_after_a_panic_can_wait_for_a_task_in_the_queue() {
    assert_waiting_task_is_released_before_the_destructor(End::Panic);
}

#[test]
fn a_destructor_at_close_can_wait_for_a_task_in_the_queue() {
    assert_waiting_task_is_released_before_the_destructor(End::Close);
}

#[test]
fn close_releases_every_waiting_task_even_if_the_destructor_panics() {
    struct BadDrop;

    impl Drop for BadDrop {
        fn drop(&mut self) {
            panic!("bad drop");
        }
    }

    limited(|| {
        let shared = stream(async |co| {
            let _bad = BadDrop;
            pending::<()>().await;
            co.yield_(1).await;
        });
        let shared = shared.threadsafe();
        thread::scope(|scope| {
            let waiting = [(); 2].map(|()| scope.spawn(|| block_on(shared.next())));
            settle();
            assert_eq!(message_of(|| shared.close()), "bad drop");
            assert!(shared.is_finished());
            for thread in waiting {
                assert_eq!(thread.join().expect("a waiting thread does not panic"), None);
            }
        });
    });
}

#[test]
fn poll_once_of_a_source_that_closes_its_stream_returns_the_end() {
    let shared: Arc<OnceLock<ThreadsafeStream<_>>> = Arc::default();
    let within = Arc::downgrade(&shared);
    let closing = futures::stream::poll_fn(move |_| {
        within.upgrade().and_then(|shared| shared.get().map(ThreadsafeStream::close));
        Poll::<Option<u64>>::Pending
    });
    let closing: Box<dyn Stream<Item = u64> + Send + Unpin> = Box::new(closing);
    assert_eq!(shared.get_or_init(|| ThreadsafeStream::new(closing)).poll_once(), Ok(None));
}
