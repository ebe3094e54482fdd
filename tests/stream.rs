//! `ThreadsafeStream`: each item goes to one task, tasks are served in order, and every task sees the end or the panic.

use std::future::{Future, pending, ready};
use std::panic::{AssertUnwindSafe, panic_any};
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Barrier, Mutex, Weak};
use std::task::{Context, Poll, Waker};
use std::thread;

use futures::executor::{LocalPool, block_on, block_on_stream};
use futures::future::{BoxFuture, FutureExt, join_all};
use futures::stream::{self as streams, BoxStream, FusedStream, StreamExt};
use futures::task::LocalSpawnExt;
use support::{gated, limited, message_of, panic_of, together};
use threadsafe_gen::{Stream, ThreadsafeStream, TryPollError, stream};
use tokio::runtime::Builder;
use tokio::sync::{Notify, mpsc};
use tokio::task::yield_now;

const EXECUTING: &str = "generator already executing";
const EARLIER: &str = "the stream panicked earlier: out of paper";

/// A shared stream whose type can be written down.
type Shared = ThreadsafeStream<BoxStream<'static, u64>>;

fn boxed(stream: impl Stream<Item = u64> + Send + 'static) -> Shared {
    ThreadsafeStream::new(stream.boxed())
}

/// Polls a future once, with a waker that does nothing.
fn poll<T>(future: &mut BoxFuture<'_, T>) -> Poll<T> {
    future.poll_unpin(&mut Context::from_waker(Waker::noop()))
}

/// Returns the output of a future that is ready at its first poll.
fn now<T>(future: impl Future<Output = T>) -> T {
    future.now_or_never().expect("the future should be ready")
}

/// Returns `N` futures of `next` that have been polled once, in order, and are all pending.
fn waiting<const N: usize>(shared: &Shared) -> [BoxFuture<'_, Option<u64>>; N] {
    std::array::from_fn(|_| {
        let mut next = shared.next().boxed();
        assert!(poll(&mut next).is_pending());
        next
    })
}

/// A stream that is controlled by messages: it yields each number sent, panics at [`PANIC`], and ends at `None`. Its
/// body owns a clone of `alive`.
fn controlled(alive: &Arc<()>) -> (mpsc::UnboundedSender<Option<u64>>, Shared) {
    let (control, mut messages) = mpsc::unbounded_channel::<Option<u64>>();
    let alive = Arc::clone(alive);
    let body = stream(async move |co| {
        let _ = &alive;
        while let Some(Some(item)) = messages.recv().await {
            assert!(item < PANIC, "out of paper");
            co.yield_(item).await;
        }
    });
    (control, boxed(body))
}

/// The message that makes a controlled stream panic.
const PANIC: u64 = 1000;

/// Runs tasks to their end.
type Run = fn(Vec<BoxFuture<'static, ()>>);

fn on_tokio(builder: &mut Builder, tasks: Vec<BoxFuture<'static, ()>>) {
    let runtime = builder.enable_all().build().unwrap();
    let tasks: Vec<_> = tasks.into_iter().map(|task| runtime.spawn(task)).collect();
    runtime.block_on(join_all(tasks)).into_iter().for_each(Result::unwrap);
}

const EXECUTORS: [(&str, Run); 4] = [
    ("tokio, four threads", |tasks| on_tokio(Builder::new_multi_thread().worker_threads(4), tasks)),
    ("tokio, one thread", |tasks| on_tokio(&mut Builder::new_current_thread(), tasks)),
    ("futures, one thread", |tasks| {
        let mut pool = LocalPool::new();
        for task in tasks {
            pool.spawner().spawn_local(task).unwrap();
        }
        pool.run();
    }),
    ("one thread per task", |tasks| {
        let tasks: Vec<_> = tasks.into_iter().map(|task| Mutex::new(Some(task))).collect();
        together(tasks.len(), |index| block_on(tasks[index].lock().unwrap().take().unwrap()));
    }),
];

#[test]
fn each_item_reaches_exactly_one_task() {
    limited(|| {
        for (executor, run) in EXECUTORS {
            for pauses in 0..3 {
                let shared = Arc::new(boxed(stream(async move |co| {
                    for n in 0..2000 {
                        for _ in 0..pauses * (n % 2) {
                            yield_now().await;
                        }
                        co.yield_(n).await;
                    }
                })));
                let (start, seen) = (Arc::new(tokio::sync::Barrier::new(8)), Arc::new(Mutex::new(Vec::new())));
                let task = |_| {
                    let (shared, start, seen) = (Arc::clone(&shared), Arc::clone(&start), Arc::clone(&seen));
                    let task = async move {
                        start.wait().await;
                        while let Some(item) = shared.next().await {
                            seen.lock().unwrap().push(item);
                        }
                        assert_eq!(shared.next().await, None);
                    };
                    task.boxed()
                };
                run((0..8).map(task).collect());
                let mut seen = seen.lock().unwrap().clone();
                seen.sort_unstable();
                assert!(seen.into_iter().eq(0..2000), "{executor}, {pauses}");
            }
        }
    });
}

#[test]
fn calls_are_served_in_the_order_of_their_first_poll() {
    let (control, shared) = controlled(&Arc::new(()));
    let mut made: Vec<_> = (0..7).map(|_| shared.next().boxed()).collect();
    // Further polls do not change the order, and a dropped future does not change the order of the others.
    for index in [3, 0, 6, 1, 5, 2, 4, 2, 3, 5] {
        assert!(poll(&mut made[index]).is_pending());
    }
    drop(made.pop());
    let queue = [3, 0, 1, 5, 2, 4];
    for (place, index) in queue.into_iter().enumerate() {
        control.send(Some(place as u64)).unwrap();
        for later in &queue[place + 1..] {
            assert!(poll(&mut made[*later]).is_pending());
        }
        assert_eq!(poll(&mut made[index]), Poll::Ready(Some(place as u64)));
    }
}

#[test]
fn poll_once_takes_a_ready_item_and_never_waits() {
    let alive = Arc::new(());
    let (control, shared) = controlled(&alive);
    for item in 0..3 {
        assert_eq!(shared.poll_once(), Err(TryPollError::Pending));
        control.send(Some(item)).unwrap();
        assert_eq!(shared.poll_once(), Ok(Some(item)));
    }
    // First `holder` waits inside the body, then `second` has been granted the permit, and at last no call has it.
    let [mut holder, second] = waiting(&shared);
    assert_eq!(shared.poll_once(), Err(TryPollError::WouldBlock));
    control.send(Some(3)).unwrap();
    assert_eq!(shared.poll_once(), Err(TryPollError::WouldBlock));
    assert_eq!(poll(&mut holder), Poll::Ready(Some(3)));
    assert_eq!(shared.poll_once(), Err(TryPollError::WouldBlock));
    drop(second);
    assert_eq!(shared.poll_once(), Err(TryPollError::Pending));
    control.send(None).unwrap();
    assert_eq!((shared.poll_once(), shared.poll_once()), (Ok(None), Ok(None)));
    assert_eq!((Arc::strong_count(&alive), shared.is_finished()), (1, true));

    let (control, shared) = controlled(&alive);
    control.send(Some(PANIC)).unwrap();
    assert_eq!(message_of(|| shared.poll_once()), "out of paper");
    assert_eq!(shared.poll_once(), Err(TryPollError::Poisoned));
    let errors = [TryPollError::WouldBlock, TryPollError::Pending, TryPollError::Poisoned, TryPollError::Reentrant];
    let [texts @ .., reentrant] = errors.map(|error| error.to_string());
    assert_eq!(reentrant, format!("{EXECUTING} on this thread"));
    assert_eq!(texts, [EXECUTING, "the stream has no item ready", "the stream panicked earlier"]);
}

#[test]
fn each_consumer_can_use_adaptors_on_its_own_stream() {
    limited(|| {
        let shared = boxed(streams::iter(0..3000));
        let taken = together(3, |index| match index {
            0 => block_on(shared.stream().filter(|n| ready(n % 2 == 0)).map(|n| n / 2 * 2).collect::<Vec<_>>()),
            1 => block_on_stream(pin!(shared.stream().chunks(7))).flatten().collect(),
            _ => block_on(streams::select(shared.stream(), shared.stream()).collect()),
        });
        let mut even: Vec<_> = taken.concat().into_iter().filter(|n| n % 2 == 0).collect();
        even.sort_unstable();
        assert!(even.into_iter().eq((0..3000).step_by(2)));

        let shared = boxed(streams::iter(0..10));
        assert_eq!(block_on(shared.stream().take(3).collect::<Vec<_>>()), [0, 1, 2]);
        let mut rest = pin!(shared.stream());
        assert_eq!((block_on(rest.by_ref().count()), rest.is_terminated()), (7, true));
    });
}

#[test]
fn a_consumers_stream_keeps_its_place_in_the_queue_until_it_is_dropped() {
    let (control, shared) = controlled(&Arc::new(()));
    let mut consumer = Box::pin(shared.stream());
    assert_eq!(consumer.next().now_or_never(), None);
    assert_eq!(shared.poll_once(), Err(TryPollError::WouldBlock));
    control.send(Some(1)).unwrap();
    assert_eq!(consumer.next().now_or_never(), Some(Some(1)));
    // Between two items the consumer is not in the queue.
    assert_eq!(shared.poll_once(), Err(TryPollError::Pending));
    assert_eq!(consumer.next().now_or_never(), None);
    drop(consumer);
    assert_eq!(shared.poll_once(), Err(TryPollError::Pending));
}

#[test]
fn the_end_reaches_every_waiting_task_and_drops_the_body_at_once() {
    let alive = Arc::new(());
    let (control, shared) = controlled(&alive);
    let [mut holder, mut others @ ..] = waiting::<4>(&shared);
    control.send(None).unwrap();
    assert!(others.iter_mut().all(|other| poll(other).is_pending()));
    assert_eq!((poll(&mut holder), Arc::strong_count(&alive)), (Poll::Ready(None), 1));
    assert!(shared.is_finished() && !shared.is_poisoned());
    // Every waiting call can complete, in any order.
    assert!(others.into_iter().rev().all(|mut other| poll(&mut other) == Poll::Ready(None)));
    assert_eq!((now(shared.next()), now(shared.stream().count())), (None, 0));
}

#[test]
fn one_task_gets_a_panic_and_all_others_panic_with_its_message() {
    let alive = Arc::new(());
    let (control, mut shared) = controlled(&alive);
    let [mut holder, others @ ..] = waiting::<4>(&shared);
    control.send(Some(PANIC)).unwrap();
    assert_eq!(message_of(|| poll(&mut holder)), "out of paper");
    assert_eq!((Arc::strong_count(&alive), shared.is_poisoned(), shared.is_finished()), (1, true, false));
    drop(holder);
    for mut other in others.into_iter().rev() {
        assert_eq!(message_of(|| poll(&mut other)), EARLIER);
    }
    assert_eq!(together(2, |_| message_of(|| now(shared.next()))), [EARLIER; 2]);
    assert_eq!(message_of(|| now(shared.stream().next())), EARLIER);
    shared.close();
    assert_eq!(message_of(|| now(shared.next())), EARLIER);
    assert_eq!(message_of(|| shared.get_mut().is_some()), EARLIER);
    assert_eq!(message_of(|| now(StreamExt::next(&mut shared))), EARLIER);
    assert_eq!(message_of(|| shared.into_inner().is_some()), EARLIER);

    // The payload is not a string, and the owner gets the panic.
    let mut owned = boxed(streams::repeat_with(|| panic_any(7_u8)));
    assert!(panic_of(|| now(StreamExt::next(&mut owned))).is::<u8>());
    assert!(message_of(|| now(owned.next())).starts_with("the stream panicked earlier: "));
}

#[test]
fn exactly_one_of_many_tasks_gets_the_panic_itself() {
    limited(|| {
        let runtime = Builder::new_multi_thread().worker_threads(4).build().unwrap();
        let shared = Arc::new(boxed(stream(async |co| {
            for n in 0..100 {
                co.yield_(n).await;
                yield_now().await;
            }
            panic!("out of paper");
        })));
        let task = |_| {
            let shared = Arc::clone(&shared);
            runtime.spawn(async move { while shared.next().await.is_some() {} })
        };
        let tasks: Vec<_> = (0..8).map(task).collect();
        let messages = runtime.block_on(join_all(tasks)).into_iter().map(|result| {
            let payload = result.expect_err("a panic should not look like the end of the stream").into_panic();
            message_of(|| std::panic::resume_unwind(payload))
        });
        let mut messages: Vec<_> = messages.collect();
        messages.sort_unstable();
        assert_eq!(messages, ["out of paper", EARLIER, EARLIER, EARLIER, EARLIER, EARLIER, EARLIER, EARLIER]);
    });
}

/// A stream whose body computes each item by passing the stream itself to `item`.
fn reaching_itself<F>(item: impl Fn(Arc<Shared>) -> F + Send + 'static) -> Arc<Shared>
where
    F: Future<Output = u64> + Send,
{
    Arc::new_cyclic(|me: &Weak<Shared>| {
        let me = Weak::clone(me);
        boxed(stream(async move |co| {
            while let Some(me) = me.upgrade() {
                let item = item(me).await;
                co.yield_(item).await;
            }
        }))
    })
}

#[test]
fn a_body_that_awaits_its_own_next_panics() {
    limited(|| {
        let shared = [
            reaching_itself(async |me| me.next().await.unwrap()),
            reaching_itself(async |me| me.stream().next().await.unwrap()),
            reaching_itself(async |me| me.next().now_or_never().flatten().unwrap()),
            reaching_itself(async |me| tokio::select! { item = me.next() => item.unwrap(), () = pending() => 0 }),
            reaching_itself(async |me| {
                yield_now().await;
                futures::join!(me.next(), yield_now()).0.unwrap()
            }),
        ];
        for (index, shared) in shared.into_iter().enumerate() {
            assert_eq!(message_of(|| block_on(shared.next())), EXECUTING, "{index}");
            let earlier = message_of(|| block_on(shared.next()));
            assert_eq!(earlier, format!("the stream panicked earlier: {EXECUTING}"), "{index}");
        }
    });
}

#[test]
fn a_body_that_awaits_a_queued_call_of_its_own_next_panics() {
    let (send, mut receive) = mpsc::unbounded_channel::<BoxFuture<'static, Option<u64>>>();
    let shared = Arc::new(boxed(stream(async move |co| {
        while let Some(next) = receive.recv().await {
            co.yield_(next.await.unwrap()).await;
        }
    })));
    let [mut holder] = waiting(&shared);
    let me = Arc::clone(&shared);
    let mut queued = async move { me.next().await }.boxed();
    assert!(poll(&mut queued).is_pending());
    send.send(queued).unwrap_or_else(|_| panic!("the body should not have been dropped"));
    assert_eq!(message_of(|| poll(&mut holder)), EXECUTING);
}

#[test]
fn a_body_can_call_poll_once_catch_the_panic_of_next_and_inspect_its_stream() {
    let tries = reaching_itself(async |me| u64::from(me.poll_once() == Err(TryPollError::Reentrant)));
    let catches = reaching_itself(async |me| u64::from(AssertUnwindSafe(me.next()).catch_unwind().await.is_err()));
    let inspects = reaching_itself(async |me| {
        u64::from(!me.is_finished() && !me.is_poisoned() && format!("{me:?}").contains("executing"))
    });
    for shared in [tries, catches, inspects] {
        assert_eq!([(); 2].map(|()| now(shared.next())), [Some(1); 2]);
    }
}

#[test]
fn a_body_that_closes_its_stream_delivers_its_item_and_is_dropped() {
    for delivers in [true, false] {
        let (resume, alive) = (Arc::new(Notify::new()), Arc::new(()));
        let (resumed, counted) = (Arc::clone(&resume), Arc::clone(&alive));
        let shared = reaching_itself(move |me| {
            let (resumed, counted) = (Arc::clone(&resumed), Arc::clone(&counted));
            async move {
                resumed.notified().await;
                me.close();
                assert_eq!((me.next().await, me.poll_once(), me.is_finished()), (None, Ok(None), true));
                if delivers { Arc::strong_count(&counted) as u64 } else { pending().await }
            }
        });
        let [mut holder, others @ ..] = waiting::<3>(&shared);
        resume.notify_one();
        assert_eq!(poll(&mut holder), Poll::Ready(delivers.then_some(3)));
        assert!(others.into_iter().all(|mut other| poll(&mut other) == Poll::Ready(None)));
        assert_eq!((Arc::strong_count(&alive), Arc::strong_count(&shared)), (1, 1));
    }
}

#[test]
fn an_owner_takes_items_without_the_queue() {
    let mut shared = boxed(streams::iter(0..6));
    assert_eq!(now(StreamExt::next(&mut shared)), Some(0));
    assert_eq!(now(shared.next()), Some(1));
    assert_eq!(now(shared.get_mut().unwrap().next()), Some(2));
    let mut inner = shared.into_inner().unwrap();
    assert_eq!(now(inner.next()), Some(3));
    let mut shared = ThreadsafeStream::from(inner);
    assert_eq!(now(shared.by_ref().collect::<Vec<_>>()), [4, 5]);
    assert!(shared.is_finished() && shared.get_mut().is_none());
    assert_eq!((now(StreamExt::next(&mut shared)), now(shared.next())), (None, None));

    let (control, mut shared) = controlled(&Arc::new(()));
    assert_eq!(StreamExt::next(&mut shared).now_or_never(), None);
    control.send(Some(1)).unwrap();
    assert_eq!(now(StreamExt::next(&mut shared)), Some(1));
    shared.close();
    assert_eq!((now(StreamExt::next(&mut shared)), shared.into_inner().is_none()), (None, true));
}

#[test]
fn a_body_starts_at_the_first_poll_and_is_dropped_at_its_end() {
    let steps = AtomicUsize::new(0);
    let alive = Arc::new(());
    let mut numbers = {
        let (steps, alive) = (&steps, Arc::clone(&alive));
        stream(async move |co| {
            steps.fetch_add(1, SeqCst);
            co.yield_(1).await;
            yield_now().await;
            steps.fetch_add(1, SeqCst);
            drop(alive);
        })
    };
    drop(numbers.next());
    assert_eq!((steps.load(SeqCst), numbers.is_terminated(), numbers.size_hint()), (0, false, (0, None)));
    assert_eq!((now(numbers.next()), steps.load(SeqCst)), (Some(1), 1));
    assert_eq!((numbers.next().now_or_never(), Arc::strong_count(&alive)), (None, 2));
    for _ in 0..3 {
        assert_eq!((now(numbers.next()), steps.load(SeqCst), Arc::strong_count(&alive)), (None, 2, 1));
        assert_eq!((numbers.is_terminated(), numbers.size_hint()), (true, (0, Some(0))));
    }
}

#[test]
fn dropping_an_unfinished_stream_drops_its_locals() {
    let alive = Arc::new(());
    for polls in 0..4 {
        let argument = Arc::clone(&alive);
        let numbers = stream(async move |co| {
            let _local = Arc::clone(&argument);
            co.yield_(1).await;
            pending::<()>().await;
            co.yield_(2).await;
        });
        let numbers = numbers.threadsafe();
        (0..polls).for_each(|poll| assert_eq!(numbers.poll_once().is_ok(), poll == 0));
        assert_eq!(Arc::strong_count(&alive), if polls == 0 { 2 } else { 3 });
        drop(numbers);
        assert_eq!(Arc::strong_count(&alive), 1);
    }
}

#[test]
fn a_body_resumes_on_the_thread_that_awaits_its_item() {
    limited(|| {
        let runtime = Builder::new_multi_thread().worker_threads(2).build().unwrap();
        let notify = Arc::new(Notify::new());
        let notified = Arc::clone(&notify);
        let shared = Arc::new(
            stream(async move |co| {
                let first = thread::current().id();
                notified.notified().await;
                co.yield_((first, thread::current().id())).await;
            })
            .threadsafe(),
        );
        // Each task blocks its worker at the barrier, so the tasks run on different workers.
        let meet = Arc::new(Barrier::new(2));
        let (poller, barrier) = (Arc::clone(&shared), Arc::clone(&meet));
        let first = runtime.spawn(async move {
            barrier.wait();
            assert_eq!(poller.next().now_or_never(), None);
            barrier.wait();
            barrier.wait();
            thread::current().id()
        });
        let second = runtime.spawn(async move {
            meet.wait();
            meet.wait();
            notify.notify_one();
            let threads = shared.next().await;
            meet.wait();
            (threads, thread::current().id())
        });
        let (first, (threads, second)) = runtime.block_on(async { (first.await.unwrap(), second.await.unwrap()) });
        assert_eq!(threads, Some((first, second)));
        assert_ne!(first, second);
    });
}

#[test]
fn a_million_items_pass_without_overflowing_the_stack() {
    const MILLION: u64 = 1_000_000;
    let numbers = || {
        stream(async |co| {
            for n in 0..MILLION {
                co.yield_(n).await;
            }
        })
        .threadsafe()
    };
    limited(move || {
        let (shared, sum) = (numbers(), (0..MILLION).sum());
        assert_eq!(std::iter::from_fn(|| now(shared.next())).sum::<u64>(), sum);
        assert_eq!(now(numbers().stream().fold(0, |sum, n| ready(sum + n))), sum);
        assert_eq!(now(numbers().fold(0, |sum, n| ready(sum + n))), sum);
    });
}

#[test]
fn debug_and_state_methods_never_wait() {
    limited(|| {
        let (gate, source) = gated();
        let shared = boxed(streams::iter(source));
        assert_eq!(format!("{shared:?}"), "ThreadsafeStream { state: ready, .. }");
        thread::scope(|scope| {
            let caller = scope.spawn(|| block_on(shared.next()));
            gate.entered();
            assert_eq!(format!("{shared:?}"), "ThreadsafeStream { state: executing, .. }");
            assert!(!shared.is_finished() && !shared.is_poisoned());
            gate.let_in(|| None);
            assert_eq!(caller.join().unwrap(), None);
        });
        assert_eq!(format!("{shared:?}"), "ThreadsafeStream { state: finished, .. }");
    });
}
