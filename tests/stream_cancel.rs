//! Cancelled calls, `close` and wake-ups of a `ThreadsafeStream`: no item is lost, and no task waits for ever.

use std::cell::RefCell;
use std::future::{Future, pending, poll_fn};
use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::thread;
use std::time::Duration;

use futures::executor::block_on;
use futures::future::{LocalBoxFuture, join_all};
use futures::stream::{BoxStream, StreamExt};
use support::{Order, gated, limited, settle, together};
use threadsafe_gen::{AsyncGenerator, Stream, ThreadsafeStream, TryPollError, stream};
use tokio::runtime::Builder;
use tokio::sync::mpsc;
use tokio::task::yield_now;
use tokio::time::{sleep, timeout};

/// An event that fires a number of times and then ends, for one waiting task.
#[derive(Default)]
struct Event(Mutex<EventState>);

#[derive(Default)]
struct EventState {
    /// The number of times that the event has fired without being awaited.
    fired: usize,
    ended: bool,
    waiting: Option<Waker>,
}

impl Event {
    /// Changes the state and wakes the waiting task.
    fn update(&self, change: impl FnOnce(&mut EventState)) {
        let mut state = self.0.lock().unwrap();
        change(&mut state);
        let waiting = state.waiting.take();
        drop(state);
        waiting.into_iter().for_each(Waker::wake);
    }

    fn fire(&self) {
        self.update(|state| state.fired += 1);
    }

    fn end(&self) {
        self.update(|state| state.ended = true);
    }

    /// Waits until the event fires, and returns `false` if it ends instead.
    async fn fired(&self) -> bool {
        poll_fn(|cx| {
            let mut state = self.0.lock().unwrap();
            if state.fired == 0 && !state.ended {
                state.waiting = Some(cx.waker().clone());
                return Poll::Pending;
            }
            let fired = state.fired > 0;
            state.fired -= usize::from(fired);
            Poll::Ready(fired)
        })
        .await
    }
}

/// A stream that counts up, two items each time `event` fires. Its body owns a clone of `alive`.
fn pairs(event: &Arc<Event>, alive: &Arc<()>) -> AsyncGenerator<u64, impl Future<Output = ()> + Send + use<>> {
    let (event, alive) = (Arc::clone(event), Arc::clone(alive));
    stream(async move |co| {
        let _ = &alive;
        let mut n = 0;
        while event.fired().await {
            co.yield_(n).await;
            co.yield_(n + 1).await;
            n += 2;
        }
    })
}

/// A future that is polled as an executor would poll it: once at first, and then once per wake-up.
struct Task<'a, T> {
    /// `None` once the future is ready.
    future: Option<LocalBoxFuture<'a, T>>,
    woken: Arc<Woken>,
}

struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, SeqCst);
    }
}

impl<'a, T> Task<'a, T> {
    fn new(future: impl Future<Output = T> + 'a) -> Self {
        Self { future: Some(Box::pin(future)), woken: Arc::new(Woken(AtomicBool::new(true))) }
    }

    /// Moves the future to another task, which has another waker.
    fn moved(self) -> Self {
        Self { woken: Arc::new(Woken(AtomicBool::new(true))), ..self }
    }

    fn run(&mut self) -> Poll<T> {
        if !self.can_run() {
            return Poll::Pending;
        }
        self.woken.0.store(false, SeqCst);
        let waker = Waker::from(Arc::clone(&self.woken));
        let polled = self.future.as_mut().unwrap().as_mut().poll(&mut Context::from_waker(&waker));
        if polled.is_ready() {
            self.future = None;
        }
        polled
    }

    fn can_run(&self) -> bool {
        self.future.is_some() && self.woken.0.load(SeqCst)
    }
}

/// Returns `N` tasks that have been polled once, in order, and are all pending.
fn waiting<const N: usize, S: Stream + Unpin>(shared: &ThreadsafeStream<S>) -> [Task<'_, Option<S::Item>>; N] {
    std::array::from_fn(|index| {
        let mut task = Task::new(shared.next());
        assert!(task.run().is_pending(), "task {index}");
        task
    })
}

#[test]
fn the_next_task_gets_the_item_that_a_dropped_task_waited_for() {
    for fired_before_drop in [true, false] {
        let event = Arc::default();
        let shared = pairs(&event, &Arc::default()).threadsafe();
        let [holder, mut second, mut third] = waiting(&shared);
        if fired_before_drop {
            // The wake-up goes to `holder` and is lost with it.
            event.fire();
            assert!(holder.can_run() && !second.can_run());
        }
        drop(holder);
        if !fired_before_drop {
            assert!(second.run().is_pending());
            event.fire();
        }
        assert!(second.can_run() && !third.can_run());
        assert_eq!(second.run(), Poll::Ready(Some(0)));
        assert_eq!(third.run(), Poll::Ready(Some(1)));
    }
}

#[test]
fn a_task_dropped_in_the_queue_or_with_an_unused_permit_is_skipped() {
    let event = Arc::default();
    let shared = pairs(&event, &Arc::default()).threadsafe();
    let [mut holder, in_the_queue, second, third, mut fourth] = waiting(&shared);
    drop(in_the_queue);
    event.fire();
    assert_eq!(holder.run(), Poll::Ready(Some(0)));
    for with_permit in [second, third] {
        assert!(with_permit.can_run() && !fourth.can_run());
        assert_eq!(shared.poll_once(), Err(TryPollError::WouldBlock));
        drop(with_permit);
    }
    assert_eq!(fourth.run(), Poll::Ready(Some(1)));
}

#[test]
fn a_future_that_moves_to_another_task_wakes_that_task() {
    for close in [false, true] {
        let event = Arc::default();
        let shared = pairs(&event, &Arc::default()).threadsafe();
        let [holder, second] = waiting(&shared).map(|task| {
            let mut task = task.moved();
            assert!(task.run().is_pending());
            task
        });
        if close {
            shared.close();
        } else {
            event.fire();
        }
        for (mut task, item) in [holder, second].into_iter().zip(0..) {
            assert_eq!(task.run(), Poll::Ready((!close).then_some(item)));
        }
    }
}

/// An event that can happen while three tasks are waiting.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Step {
    Fire,
    End,
    Close,
    TryNext,
    Run(usize),
    /// The task is dropped, and a new task replaces it.
    Cancel(usize),
}

use Step::{Cancel, Close, End, Fire, Run, TryNext};

/// Performs `steps`, runs the tasks until none is woken any more, and checks that no item and no wake-up was lost.
fn perform(steps: &[Step]) {
    let (event, alive) = (Arc::default(), Arc::default());
    let shared = pairs(&event, &alive).threadsafe();
    let seen = RefCell::new(Vec::new());
    let consume = || {
        Task::new(async {
            while let Some(item) = shared.next().await {
                seen.borrow_mut().push(item);
            }
        })
    };
    let mut tasks = [consume(), consume(), consume()];
    assert!(tasks.iter_mut().all(|task| task.run().is_pending()));
    for step in steps {
        match *step {
            Fire => event.fire(),
            End => event.end(),
            Close => shared.close(),
            TryNext => seen.borrow_mut().extend(shared.poll_once().ok().flatten()),
            Run(index) => _ = tasks[index].run(),
            Cancel(index) => tasks[index] = consume(),
        }
    }
    while let Some(task) = tasks.iter_mut().find(|task| task.can_run()) {
        _ = task.run();
    }
    let finished = steps.contains(&End) || steps.contains(&Close);
    assert!(tasks.iter().all(|task| task.future.is_none() == finished), "{steps:?}: a task waits for ever");
    assert_eq!((shared.is_finished(), Arc::strong_count(&alive) == 1), (finished, finished), "{steps:?}");
    let seen = seen.borrow();
    assert!(seen.iter().copied().eq(0..seen.len() as u64), "{steps:?}: {seen:?}");
    // `close` drops the items to come. Before the end, every item is delivered.
    let before_the_end = steps.iter().take_while(|step| **step != End).filter(|step| **step == Fire).count();
    assert!(steps.contains(&Close) || seen.len() >= 2 * before_the_end, "{steps:?}: {seen:?}");
}

#[test]
fn no_order_of_events_loses_an_item_or_a_wake_up() {
    const STEPS: [Step; 10] = [Fire, End, Close, TryNext, Run(0), Run(1), Run(2), Cancel(0), Cancel(1), Cancel(2)];
    const LENGTH: u32 = 5;
    limited(|| {
        for order in 0..STEPS.len().pow(LENGTH) {
            let steps: Vec<_> = (0..LENGTH).map(|digit| STEPS[order / STEPS.len().pow(digit) % STEPS.len()]).collect();
            perform(&steps);
        }
    });
}

/// A shared stream for spawned tasks, which may outlive the function that creates it.
type Shared = Arc<ThreadsafeStream<BoxStream<'static, u64>>>;

/// A stream of `0..items` whose body yields to the runtime `pauses(n)` times before item `n`.
fn pausing(items: u64, pauses: fn(u64) -> u64) -> Shared {
    let body = stream(async move |co| {
        for n in 0..items {
            for _ in 0..pauses(n) {
                yield_now().await;
            }
            co.yield_(n).await;
        }
    });
    Arc::new(ThreadsafeStream::new(body.boxed()))
}

/// Runs eight tasks that start together on four threads, and returns all items that they took, sorted.
fn eight_tasks<F: Future<Output = Vec<u64>> + Send + 'static>(work: impl Fn(u64) -> F) -> Vec<u64> {
    let runtime = Builder::new_multi_thread().worker_threads(4).enable_all().build().unwrap();
    let start = Arc::new(tokio::sync::Barrier::new(8));
    let tasks = (0..8).map(|index| {
        let (start, work) = (Arc::clone(&start), work(index));
        runtime.spawn(async move {
            start.wait().await;
            work.await
        })
    });
    let taken = runtime.block_on(join_all(tasks.collect::<Vec<_>>()));
    let mut taken: Vec<_> = taken.into_iter().flat_map(Result::unwrap).collect();
    taken.sort_unstable();
    taken
}

/// Takes items until the end, each `next` under a time-out of 20 microseconds. Counts the time-outs.
async fn with_timeouts(shared: Shared, timeouts: Arc<AtomicUsize>) -> Vec<u64> {
    let mut taken = Vec::new();
    loop {
        match timeout(Duration::from_micros(20), shared.next()).await {
            Ok(Some(item)) => taken.push(item),
            Ok(None) => return taken,
            Err(_) => _ = timeouts.fetch_add(1, SeqCst),
        }
    }
}

#[test]
fn time_outs_lose_no_item_of_a_body_that_sleeps_or_yields_to_the_runtime() {
    limited(|| {
        let sleeping = stream(async |co| {
            for n in 0..150 {
                sleep(Duration::from_micros(50 * (n % 3))).await;
                co.yield_(n).await;
            }
        });
        let (shared, timeouts) = (Arc::new(ThreadsafeStream::new(sleeping.boxed())), Arc::default());
        assert!(eight_tasks(|_| with_timeouts(Arc::clone(&shared), Arc::clone(&timeouts))).into_iter().eq(0..150));
        assert!(timeouts.load(SeqCst) > 0, "no call has timed out");

        let shared = pausing(5000, |n| n % 7);
        assert!(eight_tasks(|_| with_timeouts(Arc::clone(&shared), Arc::default())).into_iter().eq(0..5000));
    });
}

/// Polls `future` at most `polls` times, and then cancels it.
async fn cancel_after<F: Future>(mut polls: u64, future: F) -> Option<F::Output> {
    let mut future = pin!(future);
    poll_fn(|cx| match future.as_mut().poll(cx) {
        Poll::Ready(output) => Poll::Ready(Some(output)),
        Poll::Pending => {
            polls -= 1;
            if polls == 0 { Poll::Ready(None) } else { Poll::Pending }
        }
    })
    .await
}

#[test]
fn cancelling_after_any_number_of_polls_loses_no_item() {
    async fn cancelling(shared: Shared, index: u64) -> Vec<u64> {
        let mut taken = Vec::new();
        for round in index.. {
            match cancel_after(1 + round % 4, shared.next()).await {
                Some(Some(item)) => taken.push(item),
                Some(None) => break,
                None => yield_now().await,
            }
        }
        taken
    }
    limited(|| {
        let shared = pausing(5000, |n| n % 3);
        assert!(eight_tasks(|index| cancelling(Arc::clone(&shared), index)).into_iter().eq(0..5000));
        // Without a runtime: one thread per task.
        let shared = pausing(5000, |n| n % 3);
        let mut taken = together(4, |index| block_on(cancelling(Arc::clone(&shared), index as u64))).concat();
        taken.sort_unstable();
        assert!(taken.into_iter().eq(0..5000));
    });
}

#[test]
fn select_in_a_loop_loses_no_item_of_either_branch() {
    async fn both(shared: Shared) -> Vec<u64> {
        let (send, mut receive) = mpsc::channel(1);
        let sender = tokio::spawn(async move {
            for n in 0..300 {
                send.send(n).await.unwrap();
                yield_now().await;
            }
        });
        let (mut items, mut received) = (Vec::new(), Vec::new());
        loop {
            tokio::select! {
                Some(item) = shared.next() => items.push(item),
                Some(n) = receive.recv() => received.push(n),
                else => break,
            }
        }
        sender.await.unwrap();
        assert!(received.into_iter().eq(0..300));
        items
    }
    limited(|| {
        let shared = pausing(2000, |n| n % 5);
        assert!(eight_tasks(|_| both(Arc::clone(&shared))).into_iter().eq(0..2000));
    });
}

#[test]
fn no_wake_up_is_lost_when_a_call_is_cancelled_during_an_event() {
    limited(|| {
        for _ in 0..2000 {
            let event = Arc::default();
            let shared = pairs(&event, &Arc::default()).threadsafe();
            // The event brings two items. The cancelled calls take at most one. The other call would hang if its
            // wake-up were lost.
            let cancelling = || (0..5).find_map(|_| block_on(cancel_after(1, shared.next())));
            let taken = together(3, |index| match index {
                0 => {
                    event.fire();
                    None
                }
                1 => cancelling().flatten(),
                _ => Some(block_on(shared.next()).unwrap()),
            });
            assert!(matches!(taken[..], [None, None | Some(1), Some(0)] | [None, Some(0), Some(1)]));
        }
    });
}

#[test]
fn close_ends_every_waiting_task_and_drops_the_body_at_once() {
    let (event, alive) = (Arc::default(), Arc::default());
    let shared = pairs(&event, &alive).threadsafe();
    let tasks = waiting::<3, _>(&shared);
    assert_eq!(Arc::strong_count(&alive), 2);
    for _ in 0..2 {
        shared.close();
        assert_eq!((Arc::strong_count(&alive), shared.is_finished()), (1, true));
    }
    for mut task in tasks {
        assert_eq!(task.run(), Poll::Ready(None));
    }
    assert_eq!((Task::new(shared.next()).run(), shared.poll_once()), (Poll::Ready(None), Ok(None)));
    assert!(shared.into_inner().is_none());
}

#[test]
fn close_does_not_wait_for_a_poll_in_progress_which_may_still_deliver() {
    /// The outcomes of the poll in progress: an item, the end, or pending.
    const POLLS: [(Order<Option<u64>>, Option<u64>); 3] =
        [(|| Some(Some(1)), Some(1)), (|| None, None), (|| Some(None), None)];

    limited(|| {
        for (order, delivered) in POLLS {
            let (gate, source) = gated();
            let alive = Arc::new(());
            let shared = stream(async |co| {
                let _alive = Arc::clone(&alive);
                for item in source {
                    match item {
                        Some(item) => co.yield_(item).await,
                        None => pending().await,
                    }
                }
            });
            let shared = shared.threadsafe();
            thread::scope(|scope| {
                let next = || scope.spawn(|| block_on(shared.next()));
                let first = next();
                gate.entered();
                let others = [next(), next()];
                settle();
                shared.close();
                // The waiting calls return although the gate still blocks the body.
                assert_eq!(others.map(|waiting| waiting.join().unwrap()), [None, None]);
                assert_eq!((block_on(shared.next()), Arc::strong_count(&alive)), (None, 2));
                gate.let_in(order);
                assert_eq!(first.join().unwrap(), delivered);
            });
            assert_eq!(Arc::strong_count(&alive), 1);
        }
    });
}

/// Closes a stream while two threads call `other`, and checks that its body is dropped.
fn race<S>(rounds: u32, make: impl Fn(Arc<()>) -> S, other: impl Fn(&ThreadsafeStream<S>) + Sync)
where
    S: Stream<Item = u64> + Send + Unpin,
{
    for round in 0..rounds {
        let alive = Arc::new(());
        let shared = ThreadsafeStream::new(make(Arc::clone(&alive)));
        together(3, |index| if index == 0 { shared.close() } else { other(&shared) });
        assert_eq!(Arc::strong_count(&alive), 1, "round {round}: the body was not dropped");
        assert!(shared.is_finished());
    }
}

#[test]
fn no_task_waits_and_the_body_is_dropped_when_close_races_with_a_call() {
    let never = |alive| {
        stream(async move |co| {
            let _ = &alive;
            yield_now().await;
            pending::<()>().await;
            co.yield_(0).await;
        })
    };
    let endless = |alive| {
        stream(async move |co| {
            let _ = &alive;
            for n in 0.. {
                co.yield_(n).await;
                yield_now().await;
            }
        })
    };
    limited(move || {
        race(1500, never, |shared| assert_eq!(block_on(shared.next()), None));
        race(1500, never, |shared| _ = block_on(cancel_after(2, shared.next())));
        race(1000, never, |shared| _ = shared.poll_once());
        race(1000, never, ThreadsafeStream::close);
        race(1000, endless, |shared| (0..50).for_each(|_| _ = block_on(shared.next())));
        race(1000, endless, |shared| (0..50).for_each(|_| _ = shared.poll_once()));
    });
}
