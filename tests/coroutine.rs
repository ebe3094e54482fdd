//! A coroutine on one thread: resume arguments and answers, the end, and panics where an answer would be lost.

use std::future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::Duration;

use support::{limited, message_of};
use threadsafe_gen::GeneratorState::{self, Complete, Yielded};
use threadsafe_gen::TryResumeError::{Poisoned, Reentrant};
use threadsafe_gen::{Coroutine, Generator, Reply, ThreadsafeCoroutine, Yielder, coroutine};

const NOT_AWAITED: &str = "an item was yielded and not awaited: write `.yield_(item).await`";
const SOMETHING_ELSE: &str = "a coroutine awaited something other than a yield, which nothing would ever wake";
const EXECUTING: &str = "generator already executing";
const EARLIER: &str = "the coroutine panicked earlier: out of paper";
const AFTER_THE_END: &str = "coroutine resumed after completion";

/// The argument that ends `echo`.
const STOP: u64 = u64::MAX;

/// Yields each argument with the number of arguments before it, and returns the number of arguments before [`STOP`].
/// The body owns a clone of `alive`.
fn echo(alive: &Arc<()>) -> Generator<(u64, u64), impl Future<Output = u64> + Send + use<>, Reply<u64>> {
    let alive = Arc::clone(alive);
    coroutine(async move |co, mut argument| {
        let _ = &alive;
        let mut count = 0;
        while argument != STOP {
            let answer = (argument, count);
            count += 1;
            argument = co.yield_(answer).await;
        }
        count
    })
}

/// Resumes a coroutine once, through a mutable reference.
fn resume<C: Coroutine + Unpin>(coroutine: &mut C, argument: C::Resume) -> GeneratorState<C::Yield, C::Return> {
    Coroutine::resume_with(Pin::new(coroutine), argument)
}

#[test]
fn the_first_argument_goes_to_the_body_and_each_later_one_to_the_yield_before_it() {
    for length in 0..4 {
        let alive = Arc::new(());
        let echo = echo(&alive).threadsafe();
        for n in 0..length {
            assert_eq!(echo.resume_with(n * 7), Some(Yielded((n * 7, n))));
        }
        assert!(!echo.is_finished());
        assert_eq!(echo.resume_with(STOP), Some(Complete(length)));
        // Only one call receives `Complete`, and the body is dropped at once.
        assert_eq!(Arc::strong_count(&alive), 1);
        assert!(echo.is_finished() && !echo.is_poisoned());
        assert_eq!((echo.resume_with(1), echo.resume_with(STOP)), (None, None));
        assert_eq!((echo.try_resume_with(1), echo.lock().resume_with(1)), (Ok(None), None));
    }
}

#[test]
fn each_resume_runs_the_body_to_the_next_yield() {
    let step = AtomicUsize::new(0);
    let steps = coroutine(async |co, first: &str| {
        step.store(1, Relaxed);
        let second = co.yield_(first.len()).await;
        step.store(2, Relaxed);
        first.len() + str::len(second)
    });
    assert_eq!(step.load(Relaxed), 0);
    let steps = steps.threadsafe();
    assert_eq!(step.load(Relaxed), 0);
    assert_eq!((steps.resume_with("a"), step.load(Relaxed)), (Some(Yielded(1)), 1));
    assert_eq!((steps.resume_with("bc"), step.load(Relaxed)), (Some(Complete(3)), 2));
    drop(coroutine::<(), (), (), _>(async |_, ()| panic!("the body was run")));
}

#[test]
fn a_coroutine_without_arguments_is_resumed_by_resume() {
    let numbers = coroutine(async |co, ()| -> &str {
        co.yield_(1).await;
        co.yield_from([2, 3, 4]).await;
        "end"
    });
    let numbers = numbers.threadsafe();
    assert_eq!(numbers.resume(), Some(Yielded(1)));
    assert_eq!(numbers.try_resume(), Ok(Some(Yielded(2))));
    assert_eq!(numbers.resume_timeout(Duration::ZERO), Ok(Some(Yielded(3))));
    assert_eq!(numbers.lock().resume_with(()), Some(Yielded(4)));
    assert_eq!(numbers.resume(), Some(Complete("end")));
    assert_eq!((numbers.resume(), numbers.try_resume()), (None, Ok(None)));
    assert_eq!(numbers.resume_timeout(Duration::MAX), Ok(None));
}

#[test]
fn dropping_an_unfinished_coroutine_drops_its_locals_and_arguments() {
    for resumed in 0..=3 {
        let sent = Arc::new(());
        let mut kept = coroutine(async |co, first: Arc<()>| {
            let second = co.yield_(()).await;
            let third = co.yield_(()).await;
            drop((first, second, third));
        });
        for n in 1..=resumed {
            let complete = resume(&mut kept, Arc::clone(&sent)) == Complete(());
            assert_eq!(complete, n == 3);
        }
        assert_eq!(Arc::strong_count(&sent), [1, 2, 3, 1][resumed]);
        drop(kept);
        assert_eq!(Arc::strong_count(&sent), 1, "after {resumed}");
    }
    // An argument that is sent after the end is dropped too.
    let shared = coroutine(async |_: &mut Yielder<'_, (), _>, _: Arc<()>| ()).threadsafe();
    let sent = Arc::new(());
    for answer in [Some(Complete(())), None, None] {
        assert_eq!((shared.resume_with(Arc::clone(&sent)), Arc::strong_count(&sent)), (answer, 1));
    }
}

#[test]
fn delegate_passes_arguments_and_answers_and_drops_the_inner_coroutine_at_its_end() {
    let alive = Arc::new(());
    let mut outer = coroutine(async |co, first: u64| {
        let inner = echo(&alive);
        let count = co.delegate(inner, first).await;
        let first = co.yield_((count, Arc::strong_count(&alive) as u64)).await;
        // A coroutine with a lock can be delegated to as well.
        co.delegate(echo(&alive).threadsafe(), first).await
    });
    assert_eq!((resume(&mut outer, 5), resume(&mut outer, 6)), (Yielded((5, 0)), Yielded((6, 1))));
    assert_eq!(resume(&mut outer, STOP), Yielded((2, 1)));
    assert_eq!((resume(&mut outer, 7), resume(&mut outer, STOP)), (Yielded((7, 0)), Complete(1)));
}

#[test]
fn the_outer_coroutine_drops_the_inner_one_and_propagates_its_panic() {
    let alive = Arc::new(());
    let mut half_way = coroutine(async |co, first| co.delegate(echo(&alive), first).await);
    assert_eq!(resume(&mut half_way, 1), Yielded((1, 0)));
    assert_eq!(Arc::strong_count(&alive), 2);
    drop(half_way);
    assert_eq!(Arc::strong_count(&alive), 1);

    let inner = coroutine(async |_, ()| panic!("out of paper"));
    let panicking = coroutine::<(), _, (), _>(async |co, first| co.delegate(inner, first).await).threadsafe();
    assert_eq!(message_of(|| panicking.resume()), "out of paper");
    assert_eq!(message_of(|| panicking.resume()), EARLIER);

    // A closed coroutine cannot answer, so delegating to it panics.
    let closed = echo(&alive).threadsafe();
    closed.close();
    let mut outer = coroutine(async |co, first| co.delegate(closed, first).await);
    assert_eq!(message_of(|| resume(&mut outer, 1)), AFTER_THE_END);
}

#[test]
fn the_first_argument_of_a_coroutine_of_genawaiter_is_lost() {
    let foreign = genawaiter::sync::Gen::new(|co| async move {
        let reply = co.yield_("first").await;
        co.yield_("second").await;
        reply
    });
    let shared = ThreadsafeCoroutine::new(foreign);
    let answers = [1, 2, 3, 4].map(|argument| shared.resume_with(argument));
    assert_eq!(answers, [Some(Yielded("first")), Some(Yielded("second")), Some(Complete(2)), None]);
}

/// Returns the answers that a coroutine yields before it panics, and the message of the panic.
fn answers_before_the_panic<Y, F: Future>(mut coroutine: Generator<Y, F, Reply<()>>) -> (Vec<Y>, String) {
    let mut answers = Vec::new();
    let message = message_of(|| {
        while let Yielded(answer) = resume(&mut coroutine, ()) {
            answers.push(answer);
        }
    });
    (answers, message)
}

/// Polls a future once, outside of its `await`.
fn poll_once<T>(future: Pin<&mut impl Future<Output = T>>) -> Poll<T> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

#[test]
fn a_yield_without_await_panics_instead_of_losing_an_answer() {
    let lost = |answers: &[i32]| (answers.to_vec(), NOT_AWAITED.to_owned());

    let yielded_twice = coroutine(async |co, ()| {
        co.yield_(0).await;
        drop(co.yield_(1));
        co.yield_(2).await;
    });
    assert_eq!(answers_before_the_panic(yielded_twice), lost(&[0]));

    let never_awaited = coroutine(async |co, ()| {
        co.yield_(0).await;
        drop(co.yield_(1));
    });
    assert_eq!(answers_before_the_panic(never_awaited), lost(&[0]));

    let polled_and_dropped = coroutine(async |co, ()| {
        assert!(poll_once(pin!(co.yield_(0))).is_pending());
        co.yield_(1).await;
    });
    assert_eq!(answers_before_the_panic(polled_and_dropped), lost(&[]));

    let in_delegate = coroutine(async |co, ()| {
        drop(co.yield_(0));
        let inner = coroutine(async |co, ()| co.yield_(1).await);
        co.delegate(inner, ()).await;
    });
    assert_eq!(answers_before_the_panic(in_delegate), lost(&[]));
}

#[test]
fn awaiting_another_future_panics_unless_it_is_ready() {
    let ready = coroutine(async |co, ()| co.yield_(future::ready(7).await).await);
    assert_eq!(ready.threadsafe().resume(), Some(Yielded(7)));

    let pending = coroutine(async |co, ()| {
        co.yield_(0).await;
        future::pending::<()>().await;
    });
    assert_eq!(answers_before_the_panic(pending), (vec![0], SOMETHING_ELSE.to_owned()));

    let shared = coroutine::<(), (), (), _>(async |_, ()| future::pending().await).threadsafe();
    assert_eq!(message_of(|| shared.resume()), SOMETHING_ELSE);
    assert!(message_of(|| shared.resume()).ends_with(SOMETHING_ELSE));
}

#[test]
fn the_reply_to_a_cancelled_yield_is_not_the_reply_to_the_next_yield() {
    let mut cancels = coroutine(async |co, _first: u32| {
        let mut polls = 0;
        {
            let mut yielding = pin!(co.yield_("cancelled"));
            // Polls the yield once, and then continues without its reply.
            future::poll_fn(|context| {
                polls += 1;
                if polls == 1 { yielding.as_mut().poll(context).map(drop) } else { Poll::Ready(()) }
            })
            .await;
        }
        co.yield_("kept").await
    });
    let answers = [1, 2, 3].map(|argument| resume(&mut cancels, argument));
    assert_eq!(answers, [Yielded("cancelled"), Yielded("kept"), Complete(3)]);
}

#[test]
fn an_owned_coroutine_implements_genawaiters_trait_and_panics_after_its_end() {
    fn run(mut coroutine: Pin<&mut impl Coroutine<Yield = (u64, u64), Resume = u64, Return = u64>>) {
        for n in 0..3 {
            assert_eq!(coroutine.as_mut().resume_with(n), Yielded((n, n)));
        }
        assert_eq!(coroutine.as_mut().resume_with(STOP), Complete(3));
        for _ in 0..2 {
            assert_eq!(message_of(|| coroutine.as_mut().resume_with(1)), AFTER_THE_END);
        }
    }
    let alive = Arc::new(());
    run(pin!(echo(&alive)));
    let mut owned = echo(&alive).threadsafe();
    run(Pin::new(&mut owned));
    // The trait can report a finished coroutine only by a panic. That panic does not poison the coroutine.
    assert!(owned.is_finished() && !owned.is_poisoned());
    assert_eq!((owned.resume_with(1), Arc::strong_count(&alive)), (None, 1));

    let mut closed = echo(&alive).threadsafe();
    closed.close();
    assert_eq!(message_of(|| resume(&mut closed, 1)), AFTER_THE_END);

    let mut panicking = coroutine(async |_: &mut Yielder<'_, (), _>, ()| panic!("out of paper")).threadsafe();
    assert_eq!(message_of(|| resume(&mut panicking, ())), "out of paper");
    assert_eq!(message_of(|| resume(&mut panicking, ())), EARLIER);
    assert_eq!(message_of(|| panicking.get_mut().is_some()), EARLIER);
    assert_eq!(message_of(|| panicking.resume()), EARLIER);
    assert_eq!(message_of(|| panicking.into_inner().is_some()), EARLIER);
}

#[test]
fn get_mut_and_into_inner_return_the_coroutine_until_its_end() {
    let alive = Arc::new(());
    let mut shared = ThreadsafeCoroutine::from(echo(&alive));
    assert_eq!(shared.resume_with(7), Some(Yielded((7, 0))));
    assert_eq!(resume(shared.get_mut().unwrap(), 8), Yielded((8, 1)));
    let mut closed = shared.into_inner().unwrap().threadsafe();
    assert_eq!(closed.resume_with(9), Some(Yielded((9, 2))));
    closed.close();
    assert_eq!(Arc::strong_count(&alive), 1);
    assert!(closed.get_mut().is_none() && closed.into_inner().is_none());

    let mut complete = echo(&alive).threadsafe();
    assert_eq!(complete.resume_with(STOP), Some(Complete(0)));
    assert!(complete.get_mut().is_none() && complete.into_inner().is_none());
}

#[test]
fn a_call_on_a_thread_that_holds_the_lock_is_an_error() {
    limited(|| {
        let alive = Arc::new(());
        let echo = echo(&alive).threadsafe();
        let mut conversation = echo.lock();
        assert_eq!(message_of(|| echo.resume_with(1)), EXECUTING);
        assert_eq!(message_of(|| drop(echo.lock())), EXECUTING);
        assert_eq!(echo.try_resume_with(2), Err(Reentrant(2)));
        // The error is returned at once, whatever the time limit is.
        assert_eq!(echo.resume_with_timeout(3, Duration::MAX), Err(Reentrant(3)));
        assert!(format!("{echo:?} {conversation:?}").contains("executing"));
        // Neither the error of the caller nor a panic of the holder outside the body poisons the coroutine.
        assert!(!echo.is_poisoned());
        assert_eq!(conversation.resume_with(4), Some(Yielded((4, 0))));
        let message = message_of(move || {
            let _held = conversation;
            panic!("bad holder");
        });
        assert_eq!(message, "bad holder");
        assert_eq!(echo.resume_with(5), Some(Yielded((5, 1))));
    });
}

#[test]
fn a_held_lock_reports_a_panic_and_a_close() {
    limited(|| {
        let panicking = coroutine(async |co, first: u32| {
            let second = co.yield_(first).await;
            panic!("out of paper after {second}");
        });
        let panicking = panicking.threadsafe();
        let mut conversation = panicking.lock();
        assert_eq!(conversation.resume_with(1), Some(Yielded(1)));
        assert_eq!(message_of(|| conversation.resume_with(2)), "out of paper after 2");
        let earlier = "the coroutine panicked earlier: out of paper after 2";
        assert_eq!(message_of(|| conversation.resume_with(3)), earlier);
        assert_eq!(panicking.try_resume_with(4), Err(Poisoned(4)));
        drop(conversation);
        assert_eq!(message_of(|| panicking.lock()), earlier);

        let alive = Arc::new(());
        let closed = echo(&alive).threadsafe();
        let mut conversation = closed.lock();
        assert_eq!(conversation.resume_with(1), Some(Yielded((1, 0))));
        thread::scope(|scope| scope.spawn(|| closed.close()).join().unwrap());
        assert_eq!(conversation.resume_with(2), None);
        assert_eq!(closed.try_resume_with(3), Ok(None));
        drop(conversation);
        assert_eq!((Arc::strong_count(&alive), closed.lock().resume_with(4)), (1, None));
    });
}

#[test]
fn dropping_a_panicked_body_swallows_a_panic_of_its_destructor() {
    /// A coroutine that panics when it is resumed and when it is dropped.
    struct Spiteful;

    impl Coroutine for Spiteful {
        type Yield = ();
        type Resume = ();
        type Return = ();

        fn resume_with(self: Pin<&mut Self>, (): ()) -> GeneratorState<(), ()> {
            panic!("out of paper");
        }
    }

    impl Drop for Spiteful {
        fn drop(&mut self) {
            panic!("in the destructor");
        }
    }

    let spiteful = ThreadsafeCoroutine::new(Spiteful);
    assert_eq!(message_of(|| spiteful.resume()), "out of paper");
    assert_eq!(message_of(|| spiteful.resume()), EARLIER);
    drop(spiteful);

    let sent = Arc::new(());
    let held = coroutine::<(), _, (), _>(async |_, _held: Arc<()>| panic!("out of paper")).threadsafe();
    assert_eq!(message_of(|| held.resume_with(Arc::clone(&sent))), "out of paper");
    assert_eq!(Arc::strong_count(&sent), 1);
}

#[test]
fn a_panicking_destructor_does_not_lose_the_return_value() {
    struct Careless;

    impl Coroutine for Careless {
        type Yield = ();
        type Resume = ();
        type Return = u8;

        fn resume_with(self: Pin<&mut Self>, (): ()) -> GeneratorState<(), u8> {
            Complete(1)
        }
    }

    impl Drop for Careless {
        fn drop(&mut self) {
            panic!("in the destructor");
        }
    }

    let new = || ThreadsafeCoroutine::new(Careless);
    assert_eq!(new().resume(), Some(Complete(1)));
    assert_eq!(new().try_resume(), Ok(Some(Complete(1))));
    assert_eq!(new().lock().resume_with(()), Some(Complete(1)));
    assert_eq!(Pin::new(&mut new()).resume_with(()), Complete(1));
}

#[test]
fn a_hand_written_coroutine_is_dropped_as_soon_as_it_completes() {
    struct Brief(Arc<()>);

    impl Coroutine for Brief {
        type Yield = ();
        type Resume = usize;
        type Return = usize;

        fn resume_with(self: Pin<&mut Self>, n: usize) -> GeneratorState<(), usize> {
            Complete(n + Arc::strong_count(&self.0))
        }
    }

    let alive = Arc::new(());
    let brief = ThreadsafeCoroutine::new(Brief(Arc::clone(&alive)));
    assert_eq!((brief.resume_with(5), Arc::strong_count(&alive)), (Some(Complete(7)), 1));
    assert_eq!(brief.resume_with(5), None);
}

#[test]
fn close_of_an_idle_coroutine_drops_it_at_once() {
    for exchanges in 0..3 {
        let alive = Arc::new(());
        let echo = echo(&alive).threadsafe();
        for n in 0..exchanges {
            assert_eq!(echo.resume_with(n), Some(Yielded((n, n))));
        }
        for _ in 0..2 {
            echo.close();
            assert_eq!((echo.resume_with(1), Arc::strong_count(&alive)), (None, 1));
            assert!(echo.is_finished() && !echo.is_poisoned());
        }
    }
}

#[test]
fn an_unfinished_coroutine_can_move_between_threads() {
    limited(|| {
        let alive = Arc::new(());
        let mut moved = echo(&alive);
        for n in 0..10 {
            let exchange = thread::spawn(move || (resume(&mut moved, n), moved));
            let (answer, back) = exchange.join().unwrap();
            assert_eq!(answer, Yielded((n, n)));
            moved = back;
        }
        // It can also be dropped on another thread.
        thread::spawn(move || drop(moved)).join().unwrap();
        assert_eq!(Arc::strong_count(&alive), 1);
    });
}
