//! Attacks on the `Send` of coroutines and streams that compile, and their outcome: like `unsoundness.rs`, for bodies
//! whose yields return a reply and for bodies that await.

use std::cell::Cell;
use std::future::poll_fn;
use std::mem;
use std::pin::{Pin, pin};
use std::sync::mpsc::{self, Sender};
use std::sync::{Arc, Mutex, Weak};
use std::task::{Context, Poll, Wake, Waker};
use std::thread;

use support::{limited, message_of, together};
use threadsafe_gen::GeneratorState::{self, Complete, Yielded};
use threadsafe_gen::{
    Coroutine, Stream, ThreadsafeCoroutine, ThreadsafeStream, TryPollError, TryResumeError, Yielder, coroutine,
    generator, stream,
};

const NOT_AWAITED: &str = "an item was yielded and not awaited: write `.yield_(item).await`";

/// Polls a future with a waker that does nothing.
fn poll<F: Future>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

/// Suspends once.
async fn pause() {
    let mut suspended = false;
    poll_fn(|_| if mem::replace(&mut suspended, true) { Poll::Ready(()) } else { Poll::Pending }).await;
}

#[test]
fn unsoundness_a_stream_that_is_moved_between_threads_while_it_is_pending() {
    // Each poll, and the drop at the end, is on another thread. The body stays pinned, with its borrows of its own
    // locals.
    limited(|| {
        let alive = Arc::new(());
        let local = Arc::clone(&alive);
        let mut items = stream(async move |co| {
            let numbers = [Box::new((1, local))];
            let number = &numbers[0].0;
            loop {
                pause().await;
                co.yield_(Box::new(*number)).await;
            }
        });
        let mut polled = Vec::new();
        for _ in 0..6 {
            let one = move || (Pin::new(&mut items).poll_next(&mut Context::from_waker(Waker::noop())), items);
            let item;
            (item, items) = thread::spawn(one).join().unwrap();
            polled.push(item.is_ready());
        }
        assert_eq!(polled, [false, true, false, true, false, true]);
        thread::spawn(move || drop(items)).join().unwrap();
        assert_eq!(Arc::strong_count(&alive), 1);
    });
}

#[test]
fn unsoundness_an_inner_stream_runs_with_the_outer_yielder_on_threads() {
    // One thread yields for the outer body and another resumes from that yield; in between the outer body suspends.
    limited(|| {
        let outer = stream(async |outer| {
            let inner = stream(async |inner| {
                for n in 0_u32.. {
                    outer.yield_(Box::new(n)).await;
                    inner.yield_(Box::new(n)).await;
                }
            });
            let inner = inner.threadsafe();
            for n in 0..3 {
                let polled = together(2, |_| {
                    loop {
                        match inner.poll_once() {
                            Err(TryPollError::WouldBlock) => thread::yield_now(),
                            polled => return polled,
                        }
                    }
                });
                assert!(polled.contains(&Err(TryPollError::Pending)), "{polled:?}");
                assert!(n == 0 || polled.contains(&Ok(Some(Box::new(n - 1)))), "{polled:?}");
                pause().await;
            }
        });
        let outer = outer.threadsafe();
        let items: Vec<_> = (0..3).map(|_| poll(pin!(outer.next()))).collect();
        assert_eq!(items, [0, 1, 2].map(|n| Poll::Ready(Some(Box::new(n)))));
        assert_eq!(poll(pin!(outer.next())), Poll::Ready(None));
    });
}

#[test]
fn unsoundness_a_yielder_that_is_the_item_and_the_reply_of_another_body() {
    // The outer yielder passes through the slot of a coroutine created by the outer body, on several threads, while the
    // outer body waits.
    limited(|| {
        let items = generator(async |outer| {
            let echo = coroutine(async |co, mut outer: &mut Yielder<'_, Box<u32>>| {
                for n in 1.. {
                    drop(outer.yield_(Box::new(n)));
                    outer = co.yield_(outer).await;
                }
            });
            let (echo, place) = (echo.threadsafe(), Mutex::new(Some(outer)));
            together(4, |_| {
                for _ in 0..10 {
                    let mut place = place.lock().unwrap();
                    let Some(Yielded(back)) = echo.resume_with(place.take().unwrap()) else {
                        panic!("the coroutine is endless")
                    };
                    *place = Some(back);
                }
            });
            drop(echo);
            place.into_inner().unwrap().unwrap().yield_(Box::new(41)).await;
        });
        let items = items.threadsafe();
        assert!(items.chunks(41).next().unwrap().into_iter().map(|n| *n).eq(1..=41));
    });
}

/// A boxed coroutine, so that its argument's type can refer to the coroutine's type.
struct Echo(Pin<Box<dyn Coroutine<Yield = u32, Resume = Farewell, Return = ()> + Send>>);

impl Coroutine for Echo {
    type Yield = u32;
    type Resume = Farewell;
    type Return = ();

    fn resume_with(mut self: Pin<&mut Self>, reply: Farewell) -> GeneratorState<u32, ()> {
        self.0.as_mut().resume_with(reply)
    }
}

/// A reply whose destructor resumes the coroutine, reports the outcome, and panics if the flag is set.
struct Farewell(Weak<ThreadsafeCoroutine<Echo>>, Sender<String>, bool);

impl Drop for Farewell {
    fn drop(&mut self) {
        let Self(me, report, panics) = self;
        if let Some(me) = me.upgrade() {
            let outcome = match me.try_resume_with(Self(Weak::new(), report.clone(), false)) {
                Ok(state) => format!("{state:?}"),
                Err(error) => error.to_string(),
            };
            report.send(outcome).unwrap();
        } else {
            // The receiver may have been dropped.
            let _ = report.send("dropped".to_owned());
        }
        assert!(!*panics || thread::panicking(), "bad reply destructor");
    }
}

#[test]
fn unsoundness_replies_whose_destructors_re_enter_and_panic() {
    // The reply to a cancelled yield is dropped by the next yield, while the body executes, and finds the lock held.
    limited(|| {
        let check = |panics| {
            let (report, reports) = mpsc::channel();
            let echo = coroutine(async |co, first: Farewell| {
                drop(first);
                assert!(poll(pin!(co.yield_(1))).is_pending());
                pause().await;
                drop(co.yield_(2).await);
            });
            let echo = Arc::new(ThreadsafeCoroutine::new(Echo(Box::pin(echo))));
            let farewell = |panics| Farewell(Arc::downgrade(&echo), report.clone(), panics);
            assert_eq!(echo.resume_with(farewell(false)), Some(Yielded(1)));
            let second = farewell(panics);
            let second = move |echo: &ThreadsafeCoroutine<Echo>| echo.resume_with(second);
            if panics {
                assert_eq!(message_of(|| second(&echo)), "bad reply destructor");
            } else {
                assert_eq!(second(&echo), Some(Yielded(2)));
            }
            drop(report);
            let outcomes: Vec<_> = reports.try_iter().collect();
            let refused = outcomes.iter().filter(|outcome| *outcome == "generator already executing on this thread");
            assert_eq!(refused.count(), 2, "{outcomes:?}");
            assert_eq!(echo.is_poisoned(), panics);
        };
        check(false);
        check(true);
    });
}

#[test]
fn unsoundness_a_reply_that_no_yield_takes() {
    // A body that has panicked takes no reply. The reply in the slot is dropped once, by the next reply or at the end.
    let alive = Arc::new(());
    let mut broken = coroutine(async |co, _: Arc<()>| {
        co.yield_(1).await;
        panic!("out of paper");
    });
    let mut resume = || Pin::new(&mut broken).resume_with(Arc::clone(&alive));
    assert_eq!(resume(), Yielded(1));
    assert_eq!(message_of(&mut resume), "out of paper");
    for _ in 0..2 {
        assert!(message_of(&mut resume).contains("resumed after panicking"));
        assert_eq!(Arc::strong_count(&alive), 2);
    }
    drop(broken);
    assert_eq!(Arc::strong_count(&alive), 1);
}

#[test]
fn unsoundness_coroutines_that_own_each_other() {
    /// A coroutine whose argument is another coroutine of the same type, which it owns from then on.
    type Passed = Pin<Box<dyn Coroutine<Yield = u32, Resume = Resume, Return = u32> + Send>>;
    struct Resume(Option<Passed>);

    fn depth(depth: u32) -> Passed {
        Box::pin(coroutine(async move |co, Resume(mut inner): Resume| {
            let Resume(leaked) = co.yield_(depth).await;
            mem::forget(leaked);
            inner.as_mut().map_or(depth, |inner| match inner.as_mut().resume_with(Resume(None)) {
                Yielded(depth) | Complete(depth) => depth,
            })
        }))
    }

    // Slots are nested: each coroutine moves from thread to thread with the coroutine that it owns.
    limited(|| {
        let mut outer = depth(0);
        for n in 1..10 {
            outer = thread::spawn(move || {
                let mut next = depth(n);
                assert_eq!(next.as_mut().resume_with(Resume(Some(outer))), Yielded(n));
                next
            })
            .join()
            .unwrap();
        }
        let last = thread::spawn(move || outer.as_mut().resume_with(Resume(Some(depth(99))))).join();
        assert_eq!(last.unwrap(), Complete(0));
    });
}

type Shared = ThreadsafeStream<Pin<Box<dyn Stream<Item = u32> + Send>>>;

/// A waker that calls `poll_once` of the stream when it is woken and when it is dropped.
struct Asking(Weak<Shared>, Sender<Result<Option<u32>, TryPollError>>);

impl Asking {
    fn ask(&self) {
        if let Some(shared) = self.0.upgrade() {
            // The receiver may have been dropped at the end of the test.
            let _ = self.1.send(shared.poll_once());
        }
    }
}

impl Wake for Asking {
    fn wake(self: Arc<Self>) {
        self.ask();
    }
}

impl Drop for Asking {
    fn drop(&mut self) {
        self.ask();
    }
}

#[test]
fn unsoundness_wakers_that_re_enter() {
    // A waker is dropped while the stream is polled, by `close`, and with the stream. Its call finds the stream
    // executing, pending or at its end.
    limited(|| {
        let shared: Arc<Shared> = Arc::new(ThreadsafeStream::new(Box::pin(stream(async |co| {
            for n in 0.. {
                pause().await;
                pause().await;
                co.yield_(n).await;
            }
        }))));
        let (report, reports) = mpsc::channel();
        let asking = || Waker::from(Arc::new(Asking(Arc::downgrade(&shared), report.clone())));
        let poll = |future: Pin<&mut _>| Future::poll(future, &mut Context::from_waker(&asking()));

        let executing = Err(TryPollError::WouldBlock);
        let mut next = Box::pin(shared.next());
        assert_eq!(poll(next.as_mut()), Poll::Pending);
        assert_eq!(reports.try_iter().collect::<Vec<_>>(), []);
        // The second waker replaces the first. The third poll drops the second and its own, unused.
        assert_eq!(poll(next.as_mut()), Poll::Pending);
        assert_eq!(reports.try_iter().collect::<Vec<_>>(), [executing]);
        assert_eq!(poll(next.as_mut()), Poll::Ready(Some(0)));
        assert_eq!(reports.try_iter().collect::<Vec<_>>(), [executing, Err(TryPollError::Pending)]);

        // One call waits for the stream's item, the other waits in the queue.
        let (mut next, mut queued) = (Box::pin(shared.next()), Box::pin(shared.next()));
        assert_eq!((poll(next.as_mut()), poll(queued.as_mut())), (Poll::Pending, Poll::Pending));
        shared.close();
        assert_eq!(reports.try_iter().collect::<Vec<_>>(), [Ok(None); 4]);
        assert_eq!((poll(next.as_mut()), poll(queued.as_mut())), (Poll::Ready(None), Poll::Ready(None)));
    });
}

#[test]
fn unsoundness_a_call_that_is_cancelled_on_another_thread() {
    // A future of `next` is polled by one thread and dropped by another, while it holds the permit. The stream keeps
    // its state.
    limited(|| {
        let shared = stream(async |co| {
            for n in 0_u32.. {
                let held = Box::new(Cell::new(n));
                pause().await;
                co.yield_(Box::new(held.get())).await;
                held.set(0);
            }
        });
        let shared = shared.threadsafe();
        for n in 0..3 {
            let next = thread::scope(|s| {
                s.spawn(|| {
                    let mut next = Box::pin(shared.next());
                    assert!(poll(next.as_mut()).is_pending());
                    next
                })
                .join()
                .unwrap()
            });
            assert_eq!(shared.poll_once(), Err(TryPollError::WouldBlock));
            thread::scope(|s| drop(s.spawn(|| drop(next))));
            assert_eq!(shared.poll_once(), Ok(Some(Box::new(n))));
        }
    });
}

#[test]
fn unsoundness_two_yields_at_a_time() {
    // Whatever happens to the future of the first yield, the second yield finds the item of the first and panics, so
    // that no item is lost silently.
    let twice = coroutine(async |co, ()| {
        mem::forget(co.yield_(1));
        co.yield_(2).await;
    });
    let twice = twice.threadsafe();
    assert_eq!(message_of(|| twice.resume()), NOT_AWAITED);
    assert_eq!(twice.try_resume().err(), Some(TryResumeError::Poisoned(())));

    let delegating = coroutine(async |co, first: u32| {
        let inner = || coroutine(async |co, n: u32| co.yield_(n).await);
        assert!(poll(pin!(co.delegate(inner(), first))).is_pending());
        co.delegate(inner(), first).await;
    });
    let delegating = delegating.threadsafe();
    assert_eq!(message_of(|| delegating.resume_with(1)), NOT_AWAITED);
}

/// A coroutine whose resumes bring the waker with which its body polls the next yield.
type Polled = Pin<Box<dyn Coroutine<Yield = u32, Resume = Waker, Return = ()> + Send>>;

/// A waker that owns a coroutine, and reports its drop. It panics in the named function.
struct Owner(Mutex<Option<Polled>>, Sender<&'static str>, &'static str);

impl Wake for Owner {
    fn wake(self: Arc<Self>) {
        assert!(self.2 != "wake", "bad waker");
        // The coroutine is not there while it runs: a resume takes it out.
        drop(self.0.lock().unwrap().take());
        let _ = self.1.send("woken");
    }
}

impl Drop for Owner {
    fn drop(&mut self) {
        let _ = self.1.send("dropped");
        assert!(self.2 != "drop" || thread::panicking(), "bad destructor of a waker");
    }
}

/// Reports the drop of a body.
struct Local(Sender<&'static str>);

impl Drop for Local {
    fn drop(&mut self) {
        let _ = self.0.send("body");
    }
}

fn polled(report: &Sender<&'static str>) -> Polled {
    let report = report.clone();
    Box::pin(coroutine(async move |co, mut waker: Waker| {
        let _local = Local(report);
        for n in 0.. {
            let mut yielded = pin!(co.yield_(n));
            // The waker is not the one of the resume, and so is kept in the slot until the reply.
            waker = poll_fn(|_| yielded.as_mut().poll(&mut Context::from_waker(&waker))).await;
        }
    }))
}

#[test]
fn unsoundness_wakers_in_the_slot_that_own_coroutines() {
    // The slot of each coroutine has a waker that owns the other coroutine. The drop of one reaches the other from the
    // destructor of the slot, or from the call of the waker in a resume.
    limited(|| {
        let (report, reports) = mpsc::channel();
        let owner = |coroutine| Arc::new(Owner(Mutex::new(coroutine), report.clone(), ""));
        let pair = || {
            let (mut one, mut other) = (polled(&report), polled(&report));
            let empty = owner(None);
            assert_eq!(one.as_mut().resume_with(Waker::from(Arc::clone(&empty))), Yielded(0));
            let owner_of_one = owner(Some(one));
            assert_eq!(other.as_mut().resume_with(Waker::from(owner_of_one)), Yielded(0));
            (empty, other)
        };
        let (empty, other) = pair();
        *empty.0.lock().unwrap() = Some(other);
        // The coroutines own each other. To end that, one is taken out, and is dropped on a thread.
        let other = empty.0.lock().unwrap().take();
        drop(empty);
        assert_eq!(reports.try_iter().count(), 0);
        thread::spawn(move || drop(other)).join().unwrap();
        assert_eq!(reports.try_iter().collect::<Vec<_>>(), ["body", "dropped", "body", "dropped"]);

        let (empty, mut other) = pair();
        drop(empty);
        let other = thread::spawn(move || {
            assert_eq!(other.as_mut().resume_with(Waker::noop().clone()), Yielded(1));
            other
        });
        let other = other.join().unwrap();
        assert_eq!(reports.try_iter().collect::<Vec<_>>(), ["body", "dropped", "woken", "dropped"]);
        drop(other);
        assert_eq!(reports.try_iter().collect::<Vec<_>>(), ["body"]);
    });
}

#[test]
fn unsoundness_wakers_in_the_slot_that_panic() {
    // A waker panics when a resume calls it, before the body is polled: the reply of the next resume replaces the reply
    // of this one. A waker that panics when it is dropped does so in the body, or in the drop of the slot, whose frame
    // is freed nevertheless.
    limited(|| {
        let (report, reports) = mpsc::channel();
        let bad = |function| Waker::from(Arc::new(Owner(Mutex::new(None), report.clone(), function)));
        let noop = || Waker::noop().clone();
        let mut items = polled(&report);
        assert_eq!(items.as_mut().resume_with(bad("wake")), Yielded(0));
        assert_eq!(message_of(|| items.as_mut().resume_with(noop())), "bad waker");
        assert_eq!(items.as_mut().resume_with(bad("drop")), Yielded(1));
        assert_eq!(message_of(|| items.as_mut().resume_with(noop())), "bad destructor of a waker");
        drop(items);
        assert_eq!(reports.try_iter().collect::<Vec<_>>(), ["dropped", "woken", "dropped", "body"]);

        let mut items = polled(&report);
        assert_eq!(items.as_mut().resume_with(bad("drop")), Yielded(0));
        let message = thread::spawn(move || message_of(|| drop(items))).join().unwrap();
        assert_eq!(message, "bad destructor of a waker");
        assert_eq!(reports.try_iter().collect::<Vec<_>>(), ["body", "dropped"]);
    });
}
