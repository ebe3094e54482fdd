//! `ThreadsafeStream`: tasks are served in order, also when some are cancelled, and no wake-up is lost.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};

use proptest::collection::vec;
use proptest::prelude::*;
use threadsafe_gen::{Stream, ThreadsafeStream, TryPollError, stream};

use crate::check;
use crate::script::{Failure, Ledger, Script, State, Step, Token, attempt, boom, scripts};

/// A call on the stream. The index of a task is taken modulo the number of tasks.
#[derive(Clone, Copy, Debug)]
enum Call {
    /// Starts a task, with `next` or with its own `stream()`, without polling it.
    Start {
        by_stream: bool,
    },
    Poll(usize),
    Drop(usize),
    /// Allows the source one more step.
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

/// The number of steps that the source may make, and the waker of the task that waits for a step.
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

/// A hand-written stream.
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

struct Model {
    script: Script,
    state: State,
    /// The number of steps that the source may make.
    allowed: usize,
    /// The waiting tasks, in the order of their first polls.
    queue: Vec<usize>,
}

impl Model {
    /// Polls the source.
    fn source(&mut self) -> Poll<Result<Option<usize>, Failure>> {
        if self.allowed == 0 {
            return Poll::Pending;
        }
        self.allowed -= 1;
        Poll::Ready(match self.script.step() {
            Step::Item(place) => Ok(Some(place)),
            Step::End => {
                self.state = State::Finished;
                Ok(None)
            }
            Step::Panic => {
                self.state = State::Poisoned;
                Err(Failure::Boom)
            }
        })
    }

    fn poll(&mut self, task: usize) -> Poll<Result<Option<usize>, Failure>> {
        if !self.queue.contains(&task) {
            self.queue.push(task);
        }
        let polled = match self.state {
            State::Poisoned => Poll::Ready(Err(Failure::PanickedEarlier)),
            State::Finished => Poll::Ready(Ok(None)),
            State::Open if self.queue[0] != task => Poll::Pending,
            State::Open => self.source(),
        };
        if polled.is_ready() {
            self.leave(task);
        }
        polled
    }

    fn leave(&mut self, task: usize) {
        self.queue.retain(|&waiting| waiting != task);
    }

    fn poll_once(&mut self) -> Result<Option<usize>, Failure> {
        match self.state {
            State::Poisoned => Err(Failure::Poisoned),
            State::Finished => Ok(None),
            State::Open if !self.queue.is_empty() => Err(Failure::WouldBlock),
            State::Open => match self.source() {
                Poll::Ready(answer) => answer,
                Poll::Pending => Err(Failure::Pending),
            },
        }
    }

    /// Returns whether a waiting task would be ready if it were polled.
    fn would_be_ready(&self, task: usize) -> bool {
        self.queue.contains(&task) && (self.state != State::Open || self.queue[0] == task && self.allowed > 0)
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
    id: usize,
    future: Pin<Box<dyn Future<Output = Option<Token>> + 'a>>,
    /// Whether the task was woken since its last poll.
    woken: Arc<Woken>,
}

#[test]
fn threadsafe_stream_answers_as_its_model_does() {
    check(&(any::<bool>(), scripts(16), vec(calls(), 0..80)), |(by_hand, script, calls)| {
        let (gate, ledger, alive) = (Gate::default(), Ledger::default(), Arc::new(()));
        let model = Model { script: script.clone(), state: State::Open, allowed: 0, queue: Vec::new() };
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
        ledger.assert_all_dropped_once();
        assert_eq!(Arc::strong_count(&alive), 1, "the stream was not dropped");
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
    let mut ids = 0..;
    for call in calls {
        match *call {
            Call::Start { by_stream } => {
                tasks.push(Task {
                    id: ids.next().expect("the range is endless"),
                    future: if by_stream { Box::pin(first_of_stream(&shared)) } else { Box::pin(shared.next()) },
                    woken: Arc::default(),
                });
            }
            Call::Poll(which) => {
                if let Some(which) = which.checked_rem(tasks.len()) {
                    let Task { id, future, woken } = &mut tasks[which];
                    woken.0.store(false, SeqCst);
                    let waker = Waker::from(Arc::clone(woken));
                    let answer = attempt(|| future.as_mut().poll(&mut Context::from_waker(&waker)));
                    let answer = match answer {
                        Ok(polled) => polled.map(|item| Ok(item.map(|item| item.id))),
                        Err(failure) => Poll::Ready(Err(failure)),
                    };
                    assert_eq!(answer, model.poll(*id), "{call:?}");
                    if answer.is_ready() {
                        drop(tasks.remove(which));
                    }
                }
            }
            Call::Drop(which) => {
                if let Some(which) = which.checked_rem(tasks.len()) {
                    model.leave(tasks.remove(which).id);
                }
            }
            Call::Allow => {
                gate.allow();
                model.allowed += 1;
            }
            Call::TryNext => {
                let answer = attempt(|| shared.poll_once()).and_then(|tried| tried.map_err(failure));
                assert_eq!(answer.map(|item| item.map(|item| item.id)), model.poll_once(), "{call:?}");
            }
            Call::Close => {
                shared.close();
                if model.state == State::Open {
                    model.state = State::Finished;
                }
            }
        }
        for Task { id, woken, .. } in &tasks {
            assert!(woken.0.load(SeqCst) || !model.would_be_ready(*id), "{call:?} does not wake task {id}");
        }
        assert_eq!(ledger.made(), model.script.at, "the stream makes no item before it is needed: {call:?}");
        assert_eq!(shared.is_finished(), model.state == State::Finished, "is_finished: {call:?}");
        assert_eq!(shared.is_poisoned(), model.state == State::Poisoned, "is_poisoned: {call:?}");
        if model.state != State::Poisoned {
            let lives = Arc::strong_count(alive) == 2;
            assert_eq!(lives, model.state == State::Open, "the stream is dropped at its end: {call:?}");
        }
    }
    drop(tasks);
    let expected =
        if model.state == State::Poisoned { Err(Failure::PanickedEarlier) } else { Ok(model.state == State::Open) };
    assert_eq!(attempt(|| shared.into_inner().is_some()), expected, "into_inner");
}

async fn first_of_stream<S: Stream<Item = Token> + Unpin>(shared: &ThreadsafeStream<S>) -> Option<Token> {
    let mut items = pin!(shared.stream());
    poll_fn(|cx| items.as_mut().poll_next(cx)).await
}

fn failure(error: TryPollError) -> Failure {
    match error {
        TryPollError::WouldBlock => Failure::WouldBlock,
        TryPollError::Pending => Failure::Pending,
        TryPollError::Poisoned => Failure::Poisoned,
        error => panic!("the stream itself does not call: {error}"),
    }
}
