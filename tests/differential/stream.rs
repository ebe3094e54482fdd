//! `ThreadsafeStream`: first come first served, whoever gives up in between, and nobody is left asleep.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};

use proptest::collection::vec;
use proptest::prelude::*;
use threadsafe_gen::{Stream, ThreadsafeStream, TryPollError, stream};

use crate::check;
use crate::script::{Failure, Ledger, Script, Step, Token, attempt, boom, scripts};

/// Those that are about a task are about one of those that there are.
#[derive(Clone, Copy, Debug)]
enum Call {
    /// A new task, by `next` or by a `stream()` of its own, which is not polled yet.
    Start {
        by_stream: bool,
    },
    Poll(usize),
    Drop(usize),
    /// Lets the source make one more step.
    Allow,
    TryNext,
    Close,
}

fn calls() -> impl Strategy<Value = Call> {
    prop_oneof![
        6 => any::<bool>().prop_map(|by_stream| Call::Start { by_stream }),
        12 => (0..8_usize).prop_map(Call::Poll),
        3 => (0..8_usize).prop_map(Call::Drop),
        6 => Just(Call::Allow),
        2 => Just(Call::TryNext),
        1 => prop_oneof![3 => Just(Call::Allow), 1 => Just(Call::Close)],
    ]
}

/// How many steps the source may make, and who waits for there to be one.
#[derive(Clone, Default)]
struct Gate(Arc<Mutex<(usize, Option<Waker>)>>);

impl Gate {
    fn allow(&self) {
        let mut gate = self.0.lock().unwrap();
        gate.0 += 1;
        let waker = gate.1.take();
        drop(gate);
        waker.into_iter().for_each(Waker::wake);
    }

    fn poll(&self, cx: &mut Context<'_>) -> Poll<()> {
        let mut gate = self.0.lock().unwrap();
        if gate.0 == 0 {
            gate.1 = Some(cx.waker().clone());
            return Poll::Pending;
        }
        gate.0 -= 1;
        Poll::Ready(())
    }
}

/// A stream as one writes it by hand.
struct ByHand {
    script: Script,
    gate: Gate,
    ledger: Ledger,
    _alive: Arc<()>,
}

impl Stream for ByHand {
    type Item = Token;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Token>> {
        let this = self.get_mut();
        this.gate.poll(cx).map(|()| match this.script.step() {
            Step::Item(_) => Some(this.ledger.make()),
            Step::End => None,
            Step::Panic => boom(),
        })
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Fate {
    Open,
    Over,
    Poisoned,
}

struct Model {
    script: Script,
    fate: Fate,
    /// How many steps the source may make.
    allowed: usize,
    /// The tasks that wait, in the order in which they were first polled.
    queue: Vec<usize>,
}

impl Model {
    /// Polls the source, by whoever may.
    fn source(&mut self) -> Poll<Result<Option<usize>, Failure>> {
        if self.allowed == 0 {
            return Poll::Pending;
        }
        self.allowed -= 1;
        Poll::Ready(match self.script.step() {
            Step::Item(place) => Ok(Some(place)),
            Step::End => {
                self.fate = Fate::Over;
                Ok(None)
            }
            Step::Panic => {
                self.fate = Fate::Poisoned;
                Err(Failure::Boom)
            }
        })
    }

    fn poll(&mut self, task: usize) -> Poll<Result<Option<usize>, Failure>> {
        if !self.queue.contains(&task) {
            self.queue.push(task);
        }
        let polled = match self.fate {
            Fate::Poisoned => Poll::Ready(Err(Failure::PanickedEarlier)),
            Fate::Over => Poll::Ready(Ok(None)),
            Fate::Open if self.queue[0] != task => Poll::Pending,
            Fate::Open => self.source(),
        };
        if polled.is_ready() {
            self.leave(task);
        }
        polled
    }

    fn leave(&mut self, task: usize) {
        self.queue.retain(|&waiting| waiting != task);
    }

    fn try_next(&mut self) -> Result<Option<usize>, Failure> {
        match self.fate {
            Fate::Poisoned => Err(Failure::Poisoned),
            Fate::Over => Ok(None),
            Fate::Open if !self.queue.is_empty() => Err(Failure::AlreadyExecuting),
            Fate::Open => match self.source() {
                Poll::Ready(answer) => answer,
                Poll::Pending => Err(Failure::Pending),
            },
        }
    }

    /// Whether a task that waits could go on if it were polled.
    fn could_go_on(&self, task: usize) -> bool {
        self.queue.contains(&task) && (self.fate != Fate::Open || self.queue[0] == task && self.allowed > 0)
    }
}

#[derive(Default)]
struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, SeqCst);
    }
}

struct Task<'a> {
    name: usize,
    future: Pin<Box<dyn Future<Output = Option<Token>> + 'a>>,
    /// Whether it was woken since it was last polled.
    woken: Arc<Woken>,
}

#[test]
fn threadsafe_stream_answers_as_its_model_does() {
    check(&(any::<bool>(), scripts(16), vec(calls(), 0..80)), |(by_hand, script, calls)| {
        let (gate, ledger, alive) = (Gate::default(), Ledger::default(), Arc::new(()));
        let model = Model { script: script.clone(), fate: Fate::Open, allowed: 0, queue: Vec::new() };
        let mut source = ByHand { script, gate: gate.clone(), ledger: ledger.clone(), _alive: Arc::clone(&alive) };
        if by_hand {
            run(ThreadsafeStream::new(source), model, &calls, &gate, &ledger, &alive);
        } else {
            let body = stream(async move |co| {
                while let Some(item) = poll_fn(|cx| Pin::new(&mut source).poll_next(cx)).await {
                    co.yield_(item).await;
                }
            });
            run(body.threadsafe(), model, &calls, &gate, &ledger, &alive);
        }
        ledger.settle();
        assert_eq!(Arc::strong_count(&alive), 1, "the stream should be gone");
    });
}

fn run<S: Stream<Item = Token> + Unpin>(
    shared: ThreadsafeStream<S>,
    mut model: Model,
    calls: &[Call],
    gate: &Gate,
    ledger: &Ledger,
    alive: &Arc<()>,
) {
    let mut tasks: Vec<Task<'_>> = Vec::new();
    let mut names = 0..;
    for call in calls {
        match *call {
            Call::Start { by_stream } => {
                tasks.push(Task {
                    name: names.next().expect("there is no last number"),
                    future: if by_stream { Box::pin(first_of_stream(&shared)) } else { Box::pin(shared.next()) },
                    woken: Arc::default(),
                });
            }
            Call::Poll(which) => {
                if let Some(which) = which.checked_rem(tasks.len()) {
                    let Task { name, future, woken } = &mut tasks[which];
                    woken.0.store(false, SeqCst);
                    let waker = Waker::from(Arc::clone(woken));
                    let answer = attempt(|| future.as_mut().poll(&mut Context::from_waker(&waker)));
                    let answer = match answer {
                        Ok(polled) => polled.map(|item| Ok(item.map(|item| item.id))),
                        Err(failure) => Poll::Ready(Err(failure)),
                    };
                    assert_eq!(answer, model.poll(*name), "{call:?}");
                    if answer.is_ready() {
                        drop(tasks.remove(which));
                    }
                }
            }
            Call::Drop(which) => {
                if let Some(which) = which.checked_rem(tasks.len()) {
                    model.leave(tasks.remove(which).name);
                }
            }
            Call::Allow => {
                gate.allow();
                model.allowed += 1;
            }
            Call::TryNext => {
                let answer = attempt(|| shared.try_next()).and_then(|tried| tried.map_err(failure));
                assert_eq!(answer.map(|item| item.map(|item| item.id)), model.try_next(), "{call:?}");
            }
            Call::Close => {
                shared.close();
                if model.fate == Fate::Open {
                    model.fate = Fate::Over;
                }
            }
        }
        for Task { name, woken, .. } in &tasks {
            assert!(woken.0.load(SeqCst) || !model.could_go_on(*name), "{call:?} leaves task {name} asleep");
        }
        assert_eq!(ledger.made(), model.script.at, "the stream goes no further than is needed: {call:?}");
        assert_eq!(shared.is_finished(), model.fate == Fate::Over, "is_finished: {call:?}");
        assert_eq!(shared.is_poisoned(), model.fate == Fate::Poisoned, "is_poisoned: {call:?}");
        if model.fate != Fate::Poisoned {
            let lives = Arc::strong_count(alive) == 2;
            assert_eq!(lives, model.fate == Fate::Open, "the stream lives until its end: {call:?}");
        }
    }
    drop(tasks);
    let expected =
        if model.fate == Fate::Poisoned { Err(Failure::PanickedEarlier) } else { Ok(model.fate == Fate::Open) };
    assert_eq!(attempt(|| shared.into_inner().is_some()), expected, "into_inner");
}

async fn first_of_stream<S: Stream<Item = Token> + Unpin>(shared: &ThreadsafeStream<S>) -> Option<Token> {
    let mut items = pin!(shared.stream());
    poll_fn(|cx| items.as_mut().poll_next(cx)).await
}

fn failure(error: TryPollError) -> Failure {
    match error {
        TryPollError::AlreadyExecuting => Failure::AlreadyExecuting,
        TryPollError::Pending => Failure::Pending,
        TryPollError::Poisoned => Failure::Poisoned,
    }
}
