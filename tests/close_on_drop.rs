//! `close_on_drop`: a consumer that leaves early stops the others; one that has seen the end does not. And `taken`.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::thread;

use futures::executor::block_on;
use support::{gated, limited, message_of, together};
use threadsafe_gen::{GeneratorState, ThreadsafeExt, ThreadsafeStream, coroutine, stream};

#[test]
fn a_worker_that_leaves_early_stops_the_others() {
    limited(|| {
        for leave_by_panic in [false, true] {
            let numbers = (0..).threadsafe();
            let results = together(4, |_| {
                catch_unwind(AssertUnwindSafe(|| {
                    let _close = numbers.close_on_drop();
                    for n in &numbers {
                        assert!(!(leave_by_panic && n == 1000), "cannot process {n}");
                        if n == 1000 {
                            return Err(n);
                        }
                    }
                    Ok(())
                }))
            });
            assert!(numbers.is_finished() && numbers.next().is_none());
            let failed = results.into_iter().filter(|result| !matches!(result, Ok(Ok(())))).count();
            assert_eq!(failed, 1);
        }
    });
}

#[test]
fn a_panic_in_a_scoped_worker_over_an_endless_source_leaves_the_scope() {
    limited(|| {
        let numbers = (0..).threadsafe();
        let message = message_of(|| {
            thread::scope(|scope| {
                scope.spawn(|| numbers.iter().for_each(drop));
                let worker = scope.spawn(|| {
                    let _close = numbers.close_on_drop();
                    panic!("out of paper");
                });
                worker.join().unwrap_or_else(|payload| std::panic::resume_unwind(payload));
            });
        });
        assert_eq!(message, "out of paper");
    });
}

#[test]
fn after_the_end_the_guard_leaves_what_was_put_back() {
    let numbers = (0..4).threadsafe();
    let mut consumer = numbers.buffered(8);
    assert_eq!(consumer.next(), Some(0));
    let close = numbers.close_on_drop();
    // The source is exhausted, although three of its items are in the consumer.
    drop(close);
    drop(consumer);
    assert!(numbers.iter().eq(1..4));
}

#[test]
fn the_guard_drops_the_source_and_what_was_put_back_if_the_source_is_open() {
    let alive = Arc::new(());
    let held = Arc::clone(&alive);
    let items = (0..).map(move |_| Arc::clone(&held)).threadsafe();
    drop(items.buffered(3).next());
    assert_eq!(Arc::strong_count(&alive), 4);
    drop(items.close_on_drop());
    assert_eq!(Arc::strong_count(&alive), 1);
    assert!(items.is_finished());
}

#[test]
fn the_guard_does_not_wait_for_a_call_in_progress() {
    limited(|| {
        let (gate, source) = gated();
        let shared = source.threadsafe();
        thread::scope(|scope| {
            let caller = scope.spawn(|| shared.next());
            gate.entered();
            drop(shared.close_on_drop());
            assert!(shared.is_finished());
            gate.let_in(|| Some(7));
            assert_eq!(caller.join().unwrap(), Some(7));
        });
        assert_eq!(shared.next(), None);
    });
}

#[test]
fn a_poisoned_source_stays_poisoned() {
    let shared = std::iter::from_fn(|| -> Option<u8> { panic!("out of paper") }).threadsafe();
    assert_eq!(message_of(|| shared.next()), "out of paper");
    drop(shared.close_on_drop());
    assert!(shared.is_poisoned() && !shared.is_finished());
}

#[test]
fn coroutines_and_streams_have_the_guard_too() {
    let echo = coroutine(async |co, mut n: u32| {
        while n > 0 {
            n = co.yield_(n).await;
        }
    });
    let echo = echo.threadsafe();
    let close = echo.close_on_drop();
    assert_eq!(echo.resume_with(1), Some(GeneratorState::Yielded(1)));
    drop(close);
    assert_eq!((echo.resume_with(2), echo.is_finished()), (None, true));

    limited(|| {
        let never = ThreadsafeStream::new(futures::stream::pending::<u8>());
        let mut waiting = pin!(never.next());
        let mut queued = pin!(never.next());
        let mut cx = Context::from_waker(Waker::noop());
        assert!(waiting.as_mut().poll(&mut cx).is_pending() && queued.as_mut().poll(&mut cx).is_pending());
        drop(never.close_on_drop());
        assert_eq!((waiting.poll(&mut cx), queued.poll(&mut cx)), (Poll::Ready(None), Poll::Ready(None)));

        let ended = ThreadsafeStream::new(futures::stream::iter(0..1));
        assert_eq!(block_on(async { (ended.next().await, ended.next().await) }), (Some(0), None));
        drop(ended.close_on_drop());
        assert!(ended.is_finished());
    });
}

#[test]
fn taken_counts_what_the_source_has_given_and_never_blocks() {
    limited(|| {
        let (gate, source) = gated();
        let shared = source.threadsafe();
        assert_eq!(shared.taken(), 0);
        thread::scope(|scope| {
            let caller = scope.spawn(|| shared.next());
            gate.entered();
            assert_eq!(shared.taken(), 0);
            gate.let_in(|| Some(1));
            assert_eq!(caller.join().unwrap(), Some(1));
        });
        assert_eq!(shared.taken(), 1);

        let numbers = (0..100).threadsafe();
        let mut consumer = numbers.buffered(10);
        assert_eq!((consumer.next(), numbers.taken()), (Some(0), 10));
        drop(consumer);
        assert_eq!((numbers.next(), numbers.taken()), (Some(1), 10));
        assert_eq!((numbers.lock().next(), numbers.taken()), (Some(2), 10));
        let counts = together(4, |_| numbers.iter().count());
        assert_eq!((counts.into_iter().sum::<usize>(), numbers.taken()), (97, 100));
        numbers.close();
        assert_eq!(numbers.taken(), 100);
    });
}

#[test]
fn streams_count_and_index_their_items() {
    block_on(async {
        let letters = stream(async |co| {
            for letter in "abcd".chars() {
                co.yield_(letter).await;
            }
        });
        let mut letters = letters.threadsafe();
        assert_eq!(letters.next_indexed().await, Some((0, 'a')));
        assert_eq!((letters.poll_once(), letters.taken()), (Ok(Some('b')), 2));
        assert_eq!(futures::StreamExt::next(&mut letters).await, Some('c'));
        assert_eq!(letters.next_indexed().await, Some((3, 'd')));
        assert_eq!((letters.next_indexed().await, letters.taken()), (None, 4));
    });
}

#[test]
fn indexes_of_a_stream_restore_its_order() {
    limited(|| {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(4).build().unwrap();
        let numbers = Arc::new(ThreadsafeStream::new(futures::stream::iter(0..1000_usize)));
        let all = runtime.block_on(async {
            let tasks: Vec<_> = (0..4)
                .map(|_| {
                    let numbers = Arc::clone(&numbers);
                    tokio::spawn(async move {
                        let mut taken = Vec::new();
                        while let Some(item) = numbers.next_indexed().await {
                            taken.push(item);
                            tokio::task::yield_now().await;
                        }
                        taken
                    })
                })
                .collect();
            let mut all = Vec::new();
            for task in tasks {
                all.extend(task.await.unwrap());
            }
            all
        });
        let mut all = all;
        all.sort_unstable();
        assert!(all.into_iter().eq((0..1000).zip(0..)));
    });
}

#[test]
fn a_stream_yields_from_another_stream() {
    block_on(async {
        let inner = || stream(async |co| co.yield_from([1, 2]).await);
        let outer = stream(async |co| {
            co.yield_(0).await;
            co.yield_from_stream(inner()).await;
            co.yield_from_stream(inner().threadsafe()).await;
            co.yield_from_stream(futures::stream::empty()).await;
        });
        assert_eq!(futures::StreamExt::collect::<Vec<_>>(outer).await, [0, 1, 2, 1, 2]);
    });
}
