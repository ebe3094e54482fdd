//! `ThreadsafeCoroutine`: each argument is received or returned, and each answer belongs to its argument.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use proptest::collection::vec;
use proptest::prelude::*;
use threadsafe_gen::GeneratorState::{self, Complete, Yielded};
use threadsafe_gen::{Coroutine, ThreadsafeCoroutine, TryResumeError, coroutine};

use crate::check;
use crate::script::{Failure, Ledger, Script, State, Step, Token, attempt, boom, scripts};

#[derive(Clone, Copy, Debug)]
enum Call {
    Resume,
    Try,
    Timeout,
    Close,
}

#[derive(Clone, Debug)]
enum Op {
    Call(Call),
    /// Holds the lock during calls through the guard (`None`) and calls on the coroutine itself.
    Lock(Vec<Option<Call>>),
    GetMut,
}

fn calls() -> impl Strategy<Value = Call> {
    prop_oneof![8 => Just(Call::Resume), 4 => Just(Call::Try), 4 => Just(Call::Timeout), 1 => Just(Call::Close)]
}

fn ops() -> impl Strategy<Value = Op> {
    prop_oneof![
        8 => calls().prop_map(Op::Call),
        2 => vec(proptest::option::of(calls()), 0..5).prop_map(Op::Lock),
        1 => Just(Op::GetMut),
    ]
}

/// The number of earlier resumptions, and the argument of this one.
type Exchange = (usize, usize);
type Answer = Result<Option<GeneratorState<Exchange, Exchange>>, Failure>;

/// A hand-written coroutine.
struct ByHand {
    script: Script,
    _alive: Arc<()>,
}

impl Coroutine for ByHand {
    type Yield = Exchange;
    type Resume = Token;
    type Return = Exchange;

    fn resume_with(self: Pin<&mut Self>, argument: Token) -> GeneratorState<Exchange, Exchange> {
        let this = self.get_mut();
        let before = this.script.at;
        match this.script.step() {
            Step::Item(_) => Yielded((before, argument.id)),
            Step::End => Complete((before, argument.id)),
            Step::Panic => boom(),
        }
    }
}

struct Model {
    script: Script,
    state: State,
    guarded: bool,
    /// The number of arguments so far.
    sent: usize,
}

impl Model {
    fn resume(&mut self, by_guard: bool) -> Answer {
        self.sent += 1;
        let (before, argument) = (self.script.at, self.sent - 1);
        match self.state {
            State::Poisoned => Err(Failure::PanickedEarlier),
            State::Finished => Ok(None),
            State::Open if self.guarded && !by_guard => Err(Failure::Reentry),
            State::Open => match self.script.step() {
                Step::Item(_) => Ok(Some(Yielded((before, argument)))),
                Step::End => {
                    self.state = State::Finished;
                    Ok(Some(Complete((before, argument))))
                }
                Step::Panic => {
                    self.state = State::Poisoned;
                    Err(Failure::Boom)
                }
            },
        }
    }
}

#[test]
fn threadsafe_coroutine_answers_as_its_model_does() {
    check(&(any::<bool>(), scripts(16), vec(ops(), 0..40)), |(by_hand, script, ops)| {
        let alive = Arc::new(());
        let model = Model { script: script.clone(), state: State::Open, guarded: false, sent: 0 };
        let mut source = ByHand { script, _alive: Arc::clone(&alive) };
        if by_hand {
            run(ThreadsafeCoroutine::new(source), model, &ops, &alive);
        } else {
            let body = coroutine(async move |co, mut argument: Token| -> Exchange {
                loop {
                    match Pin::new(&mut source).resume_with(argument) {
                        Yielded(answer) => argument = co.yield_(answer).await,
                        Complete(answer) => return answer,
                    }
                }
            });
            run(body.threadsafe(), model, &ops, &alive);
        }
        assert_eq!(Arc::strong_count(&alive), 1, "the coroutine was not dropped");
    });
}

fn run<C>(mut shared: ThreadsafeCoroutine<C>, mut model: Model, ops: &[Op], alive: &Arc<()>)
where
    C: Coroutine<Yield = Exchange, Resume = Token, Return = Exchange> + Unpin,
{
    let ledger = Ledger::default();
    for op in ops {
        match op {
            Op::Call(call) => resume(&shared, &mut model, *call, &ledger),
            Op::GetMut => {
                let exists = attempt(|| shared.get_mut().is_some());
                assert_eq!(exists, has_coroutine(&model), "{op:?}");
            }
            Op::Lock(calls) => {
                let guard = attempt(|| shared.lock());
                let expected = if model.state == State::Poisoned { Some(Failure::PanickedEarlier) } else { None };
                assert_eq!(guard.as_ref().err().copied(), expected, "lock");
                let Ok(mut guard) = guard else { continue };
                model.guarded = true;
                for call in calls {
                    if let Some(call) = call {
                        resume(&shared, &mut model, *call, &ledger);
                    } else {
                        let answer = attempt(|| guard.resume_with(ledger.make()));
                        assert_eq!(answer, model.resume(true), "{op:?}");
                    }
                    check_state(&shared, &model);
                }
                drop(guard);
                model.guarded = false;
            }
        }
        check_state(&shared, &model);
        if model.state != State::Poisoned {
            let lives = Arc::strong_count(alive) == 2;
            assert_eq!(lives, model.state == State::Open, "the coroutine is dropped when it completes: {op:?}");
        }
        ledger.assert_all_dropped_once();
    }
    assert_eq!(attempt(|| shared.into_inner().is_some()), has_coroutine(&model), "into_inner");
}

/// Returns the expected result of `get_mut` and `into_inner`: whether the coroutine still exists.
fn has_coroutine(model: &Model) -> Result<bool, Failure> {
    if model.state == State::Poisoned { Err(Failure::PanickedEarlier) } else { Ok(model.state == State::Open) }
}

fn check_state<C: Coroutine + Unpin>(shared: &ThreadsafeCoroutine<C>, model: &Model) {
    assert_eq!(shared.is_finished(), model.state == State::Finished, "is_finished");
    assert_eq!(shared.is_poisoned(), model.state == State::Poisoned, "is_poisoned");
    assert!(format!("{shared:?}").starts_with("ThreadsafeCoroutine {"));
}

/// Makes a call on the coroutine and on its model, and compares the answers.
fn resume<C>(shared: &ThreadsafeCoroutine<C>, model: &mut Model, call: Call, ledger: &Ledger)
where
    C: Coroutine<Yield = Exchange, Resume = Token, Return = Exchange> + Unpin,
{
    let tried = match call {
        Call::Close => {
            shared.close();
            if model.state != State::Poisoned {
                model.state = State::Finished;
            }
            return;
        }
        Call::Resume => {
            let answer = attempt(|| shared.resume_with(ledger.make()));
            assert_eq!(answer, model.resume(false), "{call:?}");
            return;
        }
        Call::Try => attempt(|| shared.try_resume_with(ledger.make())),
        Call::Timeout => attempt(|| shared.resume_with_timeout(ledger.make(), Duration::from_millis(1))),
    };
    let argument = model.sent;
    let expected = model.resume(false).map_err(|failure| match failure {
        Failure::PanickedEarlier => Failure::Poisoned,
        Failure::Reentry => Failure::Reentrant,
        failure => failure,
    });
    let answer = tried.and_then(|tried| {
        tried.map_err(|error| {
            let failure = match &error {
                TryResumeError::Reentrant(_) => Failure::Reentrant,
                TryResumeError::Poisoned(_) => Failure::Poisoned,
                error => panic!("no other thread calls: {error}"),
            };
            assert_eq!(error.into_argument().id, argument, "the error returns the argument");
            failure
        })
    });
    assert_eq!(answer, expected, "{call:?}");
}
