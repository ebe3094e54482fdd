//! The destructor of a shared stream, at its end, by `close` and after a panic: all who wait have been told before it runs.

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

/// How a source comes to its end.
#[derive(Clone, Copy)]
enum End {
    None,
    Panic,
    Close,
}

/// Waits, when it is dropped, for a word from who waits for the source.
struct WaitsForWord(Receiver<()>);

impl Drop for WaitsForWord {
    fn drop(&mut self) {
        self.0.recv().expect("the other thread sends before it ends");
    }
}

fn source(how: End, held: WaitsForWord) -> impl Stream<Item = u64> + Send + Unpin {
    let mut polled = false;
    futures::stream::poll_fn(move |cx| {
        // As what the source holds, not as a local of this call.
        let _held = &held;
        // Once pending, for the others to come.
        if !polled {
            polled = true;
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        match how {
            End::None => Poll::Ready(None),
            End::Panic => panic!("out of paper"),
            End::Close => Poll::Pending,
        }
    })
}

/// One thread brings the end, another waits for its turn, and the source's destructor for the other.
fn the_other_is_told(how: End) {
    limited(move || {
        let (word, heard): (Sender<()>, _) = channel();
        let shared = ThreadsafeStream::new(source(how, WaitsForWord(heard)));
        let mut first = Box::pin(shared.next());
        assert_eq!((&mut first).now_or_never(), None, "it has the turn");
        thread::scope(|scope| {
            let other = scope.spawn(|| {
                let outcome = catch_unwind(AssertUnwindSafe(|| block_on(shared.next())));
                word.send(()).expect("the source is being dropped");
                outcome
            });
            settle();
            match how {
                End::None => assert_eq!(block_on(first), None),
                End::Panic => assert_eq!(message_of(|| block_on(first)), "out of paper"),
                End::Close => shared.close(),
            }
            match how {
                End::Panic => {
                    let outcome = other.join().expect("its panic has been caught");
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
fn a_destructor_at_the_end_may_wait_for_who_waits_for_a_turn() {
    the_other_is_told(End::None);
}

#[test]
fn a_destructor_after_a_panic_may_wait_for_who_waits_for_a_turn() {
    the_other_is_told(End::Panic);
}

#[test]
fn a_destructor_at_close_may_wait_for_who_waits_for_a_turn() {
    the_other_is_told(End::Close);
}

#[test]
fn close_tells_all_even_if_the_destructor_panics() {
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
                assert_eq!(thread.join().expect("it does not panic"), None);
            }
        });
    });
}

#[test]
fn try_next_of_a_stream_that_closes_itself_finds_the_end() {
    let shared: Arc<OnceLock<ThreadsafeStream<_>>> = Arc::default();
    let within = Arc::downgrade(&shared);
    let closing = futures::stream::poll_fn(move |_| {
        within.upgrade().and_then(|shared| shared.get().map(ThreadsafeStream::close));
        Poll::<Option<u64>>::Pending
    });
    let closing: Box<dyn Stream<Item = u64> + Send + Unpin> = Box::new(closing);
    assert_eq!(shared.get_or_init(|| ThreadsafeStream::new(closing)).try_next(), Ok(None));
}
