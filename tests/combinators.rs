//! Yields inside combinators that poll a future only after its waker was called: each yield resumes, and no item is
//! lost.

use std::future::{Future, poll_fn, ready};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use futures::executor::block_on;
use futures::future::{FusedFuture, FutureExt, join_all, select};
use futures::stream::{self as streams, FuturesUnordered, StreamExt};
use support::{limited, message_of};
use threadsafe_gen::{
    AsyncGenerator, Generator, GeneratorState, Reply, Stream, coroutine, generator, stream, threadsafe_generator,
};
use tokio::runtime::Builder;
use tokio::sync::Mutex;
use tokio::task::yield_now;
use tokio::time::sleep;

/// Runs `future` on a runtime with `threads` workers, and fails if it does not end.
fn on_tokio<T: Send + 'static>(threads: usize, future: impl Future<Output = T> + Send + 'static) -> T {
    limited(move || {
        let runtime = Builder::new_multi_thread().worker_threads(threads).enable_time().build().unwrap();
        runtime.block_on(async { tokio::spawn(future).await.unwrap() })
    })
}

fn sorted<T: Ord>(items: impl IntoIterator<Item = T>) -> Vec<T> {
    let mut items: Vec<_> = items.into_iter().collect();
    items.sort();
    items
}

/// A way in which a body yields the numbers below `n` from within a combinator.
macro_rules! bodies {
    ($($name:ident: |$co:ident, $n:ident| $body:block)*) => {
        $(
            fn $name($n: u32) -> AsyncGenerator<u32, impl Future<Output = ()> + Send> {
                stream(async move |co| {
                    let $co = &Mutex::new(co);
                    $body
                })
            }
        )*
    };
}

bodies! {
    in_for_each_concurrent: |co, n| {
        let each = |i| async move { co.lock().await.yield_(i).await };
        streams::iter(0..n).for_each_concurrent(None, each).await;
    }

    after_a_sleep: |co, n| {
        let each = |i| async move {
            sleep(Duration::from_millis(u64::from(i % 3))).await;
            co.lock().await.yield_(i).await;
        };
        streams::iter(0..n).for_each_concurrent(None, each).await;
    }

    in_futures_unordered: |co, n| {
        let mut all: FuturesUnordered<_> = (0..n).map(|i| async move { co.lock().await.yield_(i).await }).collect();
        while all.next().await.is_some() {}
    }

    in_join_all: |co, n| {
        join_all((0..n).map(|i| async move { co.lock().await.yield_(i).await })).await;
    }

    in_a_select_loop: |co, n| {
        let mut all: FuturesUnordered<_> = (0..n).map(|i| async move { co.lock().await.yield_(i).await }).collect();
        loop {
            tokio::select! {
                done = all.next() => if done.is_none() { break },
                () = sleep(Duration::from_secs(3600)) => unreachable!(),
            }
        }
    }

    in_nested_combinators: |co, n| {
        let inner = |i| async move {
            let pair: FuturesUnordered<_> =
                [2 * i, 2 * i + 1].into_iter().filter(|i| *i < n).map(|i| async move { co.lock().await.yield_(i).await }).collect();
            pair.collect::<()>().await;
        };
        streams::iter(0..n.div_ceil(2)).for_each_concurrent(None, inner).await;
    }

    in_buffer_unordered: |co, n| {
        let each = streams::iter(0..n).map(|i| async move {
            yield_now().await;
            co.lock().await.yield_(i).await;
        });
        each.buffer_unordered(8).collect::<()>().await;
    }
}

/// Checks each of the bodies: `each_body!(|name, stream_of| { .. })`.
macro_rules! each_body {
    (|$name:ident, $make:ident| $check:block) => {
        each_body!(@ $name $make $check in_for_each_concurrent after_a_sleep in_futures_unordered in_join_all
            in_a_select_loop in_nested_combinators in_buffer_unordered)
    };
    (@ $name:ident $make:ident $check:block $($body:ident)*) => {
        $({
            let ($name, $make) = (stringify!($body), $body);
            $check
        })*
    };
}

#[test]
fn a_yield_inside_a_combinator_resumes() {
    each_body!(|name, make| {
        for n in [0, 1, 2, 3, 31, 200] {
            let items = on_tokio(2, async move { make(n).collect::<Vec<_>>().await });
            assert!(sorted(items).into_iter().eq(0..n), "{name} {n}");
        }
    });
}

#[test]
fn a_yield_inside_a_combinator_resumes_for_whichever_task_takes_the_item() {
    each_body!(|name, make| {
        let shared = Arc::new(make(200).threadsafe());
        let items = on_tokio(4, async move {
            let tasks: Vec<_> = (0..4)
                .map(|_| {
                    let shared = Arc::clone(&shared);
                    tokio::spawn(async move { shared.stream().collect::<Vec<_>>().await })
                })
                .collect();
            let mut all = Vec::new();
            for task in tasks {
                all.extend(task.await.unwrap());
            }
            all
        });
        assert!(sorted(items).into_iter().eq(0..200), "{name}");
    });
}

#[test]
fn a_yield_inside_a_combinator_resumes_for_next_inside_a_combinator() {
    each_body!(|name, make| {
        let items = on_tokio(2, async move {
            let shared = make(100).threadsafe();
            let consumers: FuturesUnordered<_> = (0..5).map(|_| shared.stream().collect::<Vec<_>>()).collect();
            consumers.concat().await
        });
        assert!(sorted(items).into_iter().eq(0..100), "{name}");
    });
}

#[test]
fn an_annotated_stream_yields_the_results_of_a_combinator() {
    #[threadsafe_generator]
    fn squares(n: u32) -> impl Stream<Item = u32> {
        let mut all: FuturesUnordered<_> = (0..n)
            .map(|i| async move {
                yield_now().await;
                i * i
            })
            .collect();
        while let Some(square) = all.next().await {
            yield_!(square);
        }
    }

    let items = on_tokio(2, async { squares(50).stream().collect::<Vec<_>>().await });
    assert!(sorted(items).into_iter().eq((0..50).map(|i| i * i)));
}

#[test]
fn each_yield_of_a_coroutine_inside_a_combinator_gets_its_own_reply() {
    limited(|| {
        let squares = coroutine(async |co, first: u64| -> u64 {
            let co = &Mutex::new(co);
            let all: FuturesUnordered<_> =
                (0..40).map(|i| async move { co.lock().await.yield_(i).await == i * i }).collect();
            let right = all.filter(|right| ready(*right)).count().await as u64;
            right + first
        });
        let mut squares = pin!(squares);
        let mut argument = 1000;
        loop {
            match threadsafe_gen::Coroutine::resume_with(squares.as_mut(), argument) {
                GeneratorState::Yielded(i) => argument = i * i,
                GeneratorState::Complete(end) => break assert_eq!(end, 1040),
            }
        }
    });
}

#[test]
fn a_yield_that_is_dropped_inside_a_combinator_leaves_the_next_one_to_resume() {
    // The first yield of each pair has delivered its item when it is dropped; its waker is called in vain.
    let items = on_tokio(2, async {
        let pairs = stream(async |co| {
            for i in 0..20_u32 {
                let mut first: FuturesUnordered<_> = [co.yield_(2 * i).fuse()].into_iter().collect();
                let polled = poll_fn(|cx| Poll::Ready(first.poll_next_unpin(cx))).await;
                assert!(polled.is_pending());
                yield_now().await;
                drop(first);
                let mut second: FuturesUnordered<_> = [co.yield_(2 * i + 1)].into_iter().collect();
                second.next().await;
            }
        });
        pairs.collect::<Vec<_>>().await
    });
    assert!(items.into_iter().eq(0..40));
}

/// Counts how often it is called.
#[derive(Default)]
struct CountingWaker(AtomicUsize);

impl Wake for CountingWaker {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, SeqCst);
    }
}

#[test]
fn a_yield_outside_of_a_combinator_wakes_no_task() {
    let counts: [Arc<CountingWaker>; 2] = Default::default();
    let wakers = counts.clone().map(Waker::from);
    let numbers = stream(async |co| {
        for i in 0..100 {
            co.yield_(i).await;
        }
    });
    let mut numbers = pin!(numbers);
    for (i, waker) in (0..100).zip(wakers.iter().cycle()) {
        assert_eq!(numbers.as_mut().poll_next(&mut Context::from_waker(waker)), Poll::Ready(Some(i)));
    }
    assert!(counts.iter().all(|count| count.0.load(SeqCst) == 0));
    drop(wakers);
    assert!(counts.iter().all(|count| Arc::strong_count(count) == 1), "a waker is kept");
}

#[test]
fn combinators_that_poll_every_branch_each_time_need_no_waker() {
    let both = generator(async |co| {
        let co = &Mutex::new(co);
        let branch = |i: u32| async move { co.lock().await.yield_(i).await };
        futures::join!(branch(0), branch(1), branch(2));
    });
    assert!(both.eq([0, 1, 2]));

    let either = generator(async |co| {
        let co = &Mutex::new(co);
        let first = pin!(async { co.lock().await.yield_(1).await });
        let second = pin!(async { co.lock().await.yield_(2).await });
        select(first, second).await;
    });
    assert!(either.eq([1]));
}

#[test]
fn a_yield_of_a_generator_inside_a_combinator_panics_and_says_why() {
    fn concurrent() -> Generator<u32, impl Future<Output = ()>> {
        generator(async |co| {
            let co = &Mutex::new(co);
            let each = |i| async move { co.lock().await.yield_(i).await };
            streams::iter(0..4).for_each_concurrent(None, each).await;
        })
    }

    const WHY: &str = "await each yield by itself, not inside a combinator that waits for wake-ups";
    limited(|| {
        let mut items = concurrent();
        assert_eq!(items.next(), Some(0));
        for _ in 0..2 {
            let message = message_of(|| items.next());
            assert!(message.contains(WHY), "{message}");
        }
        let shared = concurrent().threadsafe();
        assert_eq!(shared.next(), Some(0));
        assert!(message_of(|| shared.next()).contains(WHY));
        assert!(message_of(|| shared.next()).starts_with("the iterator panicked earlier"));
    });
}

#[test]
fn a_fused_yield_can_be_asked_whether_it_is_over() {
    block_on(async {
        let numbers = stream(async |co| {
            let mut once = pin!(co.yield_(1).fuse());
            once.as_mut().await;
            assert!(once.is_terminated());
        });
        assert_eq!(numbers.collect::<Vec<_>>().await, [1]);
    });
}

/// The types of yields that wait for a reply stay `Send`.
#[test]
fn coroutines_are_send_with_the_waker_of_a_yield_in_them() {
    fn is_send<T: Send>(_: &T) {}

    let echo: Generator<u8, _, Reply<u8>> = coroutine(async |co, first: u8| _ = co.yield_(first).await);
    is_send(&echo);
}
