//! `ThreadsafeCoroutine`: what is sent arrives or comes back, and what is answered is the answer to it.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use proptest::collection::vec;
use proptest::prelude::*;
use threadsafe_gen::GeneratorState::{self, Complete, Yielded};
use threadsafe_gen::{Coroutine, ThreadsafeCoroutine, TryResumeError, coroutine};

use crate::check;
use crate::script::{Failure, Ledger, Script, Step, Token, attempt, boom, scripts};

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
    /// With calls of the guard, which are `None`, and beside it.
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

/// How often it was resumed before, with what it is resumed now.
type Exchange = (usize, usize);
type Answer = Result<Option<GeneratorState<Exchange, Exchange>>, Failure>;

/// A coroutine as one writes it by hand.
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

#[derive(PartialEq)]
enum Fate {
    Open,
    Over,
    Poisoned,
}

struct Model {
    script: Script,
    fate: Fate,
    guarded: bool,
    /// How many arguments there have been.
    sent: usize,
}

impl Model {
    fn resume(&mut self, by_guard: bool) -> Answer {
        self.sent += 1;
        let (before, argument) = (self.script.at, self.sent - 1);
        match self.fate {
            Fate::Poisoned => Err(Failure::PanickedEarlier),
            Fate::Over => Ok(None),
            Fate::Open if self.guarded && !by_guard => Err(Failure::Reentry),
            Fate::Open => match self.script.step() {
                Step::Item(_) => Ok(Some(Yielded((before, argument)))),
                Step::End => {
                    self.fate = Fate::Over;
                    Ok(Some(Complete((before, argument))))
                }
                Step::Panic => {
                    self.fate = Fate::Poisoned;
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
        let model = Model { script: script.clone(), fate: Fate::Open, guarded: false, sent: 0 };
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
        assert_eq!(Arc::strong_count(&alive), 1, "the coroutine should be gone");
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
                let there = attempt(|| shared.get_mut().is_some());
                assert_eq!(there, there_is(&model), "{op:?}");
            }
            Op::Lock(calls) => {
                let guard = attempt(|| shared.lock());
                let expected = if model.fate == Fate::Poisoned { Some(Failure::PanickedEarlier) } else { None };
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
                    look(&shared, &model);
                }
                drop(guard);
                model.guarded = false;
            }
        }
        look(&shared, &model);
        if model.fate != Fate::Poisoned {
            let lives = Arc::strong_count(alive) == 2;
            assert_eq!(lives, model.fate == Fate::Open, "it lives until it is complete: {op:?}");
        }
        ledger.settle();
    }
    assert_eq!(attempt(|| shared.into_inner().is_some()), there_is(&model), "into_inner");
}

/// Whether there is still a coroutine in it.
fn there_is(model: &Model) -> Result<bool, Failure> {
    if model.fate == Fate::Poisoned { Err(Failure::PanickedEarlier) } else { Ok(model.fate == Fate::Open) }
}

fn look<C: Coroutine + Unpin>(shared: &ThreadsafeCoroutine<C>, model: &Model) {
    assert_eq!(shared.is_finished(), model.fate == Fate::Over, "is_finished");
    assert_eq!(shared.is_poisoned(), model.fate == Fate::Poisoned, "is_poisoned");
    assert!(format!("{shared:?}").starts_with("ThreadsafeCoroutine {"));
}

/// Makes a call of both, and compares the answers.
fn resume<C>(shared: &ThreadsafeCoroutine<C>, model: &mut Model, call: Call, ledger: &Ledger)
where
    C: Coroutine<Yield = Exchange, Resume = Token, Return = Exchange> + Unpin,
{
    let tried = match call {
        Call::Close => {
            shared.close();
            if model.fate != Fate::Poisoned {
                model.fate = Fate::Over;
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
        Failure::Reentry => Failure::AlreadyExecuting,
        failure => failure,
    });
    let answer = tried.and_then(|tried| {
        tried.map_err(|error| {
            let failure = match &error {
                TryResumeError::AlreadyExecuting(_) => Failure::AlreadyExecuting,
                TryResumeError::Poisoned(_) => Failure::Poisoned,
            };
            assert_eq!(error.into_inner().id, argument, "what was not sent comes back");
            failure
        })
    });
    assert_eq!(answer, expected, "{call:?}");
}
