//! `ThreadsafeStream`, with tasks that cancel their calls.

use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};

use fastrand::Rng;
use futures::StreamExt;
use parking_lot::{Condvar, Mutex};
use threadsafe_gen::{Stream, TryPollError, threadsafe_generator};

use crate::items::{Count, Item, check_panic, planned_panic};
use crate::on_threads;

/// Suspends `times` times, and is woken at once.
async fn suspend(mut times: usize) {
    poll_fn(|cx| {
        if times == 0 {
            return Poll::Ready(());
        }
        times -= 1;
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

/// An executor whose thread parks by a lock that a sanitizer can follow.
///
/// It must outlive the threads that wake it, because a sanitizer cannot follow the synchronization in the drop of an
/// `Arc`.
#[derive(Default)]
struct Executor(Mutex<bool>, Condvar);

impl Wake for Executor {
    fn wake(self: Arc<Self>) {
        *self.0.lock() = true;
        self.1.notify_one();
    }
}

impl Executor {
    fn block_on<F: Future>(self: &Arc<Self>, future: F) -> F::Output {
        let waker = Waker::from(Arc::clone(self));
        let mut cx = Context::from_waker(&waker);
        let mut future = pin!(future);
        loop {
            if let Poll::Ready(output) = future.as_mut().poll(&mut cx) {
                return output;
            }
            let mut woken = self.0.lock();
            self.1.wait_while(&mut woken, |woken| !*woken);
            *woken = false;
        }
    }
}

#[threadsafe_generator]
fn slow(count: Count, length: usize, panics: usize, mut rng: Rng) -> impl Stream<Item = Item> {
    let held_across_awaits = count.item(usize::MAX);
    for number in 0..length {
        if number == panics {
            planned_panic();
        }
        suspend(rng.usize(..4)).await;
        yield_!(count.item(number));
    }
    drop(held_across_awaits);
}

pub(crate) fn round(rng: &mut Rng) -> u64 {
    let count = Count::default();
    let length = rng.usize(0..400);
    let panics = if rng.u8(..4) == 0 { rng.usize(..=length) } else { usize::MAX };
    let closes = rng.u8(..4) == 0;
    let stream = Arc::new(slow(count.clone(), length, panics, rng.fork()));
    let results = on_threads(rng.usize(2..=16), rng, {
        let stream = Arc::clone(&stream);
        move |mut rng| {
            let executor = Arc::new(Executor::default());
            let mut taken = Vec::new();
            loop {
                let outcome = catch_unwind(AssertUnwindSafe(|| match rng.u8(..6) {
                    0 => match stream.poll_once() {
                        Ok(item) => Some(item),
                        Err(TryPollError::WouldBlock | TryPollError::Pending) => None,
                        Err(error) => {
                            assert_eq!(error, TryPollError::Poisoned);
                            Some(executor.block_on(stream.next()))
                        }
                    },
                    // A call that is polled once or twice and then cancelled.
                    1 | 2 => {
                        let mut next = pin!(stream.next());
                        let mut cx = Context::from_waker(Waker::noop());
                        (0..rng.u8(1..3)).find_map(|_| match next.as_mut().poll(&mut cx) {
                            Poll::Ready(item) => Some(item),
                            Poll::Pending => None,
                        })
                    }
                    3 => {
                        let mut shared = pin!(stream.stream());
                        Some(executor.block_on(shared.next()))
                    }
                    _ => Some(executor.block_on(stream.next())),
                }));
                match outcome {
                    Ok(None) => (),
                    Ok(Some(Some(item))) => taken.push(item),
                    Ok(Some(None)) => break,
                    Err(payload) => {
                        check_panic(payload);
                        // If `close` was called before the panic, the stream is closed and not poisoned.
                        assert!(stream.is_poisoned() || closes);
                        break;
                    }
                }
                if closes && rng.u8(..64) == 0 {
                    stream.close();
                }
            }
            (executor, taken)
        }
    });
    let (_executors, results): (Vec<_>, Vec<_>) = results.into_iter().unzip();
    let mut taken: Vec<_> = results.iter().flatten().map(Item::number).collect();
    // Each task gets its items in order.
    assert!(results.iter().all(|of_one| of_one.is_sorted_by_key(Item::number)));
    taken.sort_unstable();
    assert!(taken.iter().copied().eq(0..taken.len()), "an item was lost or delivered twice");
    if !closes {
        assert_eq!(taken.len(), length.min(panics));
    }
    drop((results, stream));
    count.assert_none_left();
    taken.len() as u64
}
