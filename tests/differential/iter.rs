//! `ThreadsafeIter`: taking items, putting items back, indexes, the end, `close` and poisoning.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use proptest::collection::vec;
use proptest::prelude::*;
use threadsafe_gen::{ThreadsafeIter, TryNextError, generator};

use crate::check;
use crate::iter_model::{Answer, Model, Shape, State, Taken};
use crate::script::{Failure, Ledger, Script, Step, Token, attempt, boom, scripts};

/// A call through a shared reference. The index of a consumer is taken modulo the number of open consumers.
#[derive(Clone, Debug)]
enum Shared {
    Next,
    TryNext,
    NextTimeout,
    NextIndexed,
    Iter(usize),
    Open(Shape),
    Take(usize, usize),
    Drop(usize),
    Close,
}

#[derive(Clone, Debug)]
enum Call {
    Shared(Shared),
    /// Holds the lock during calls through the guard and calls on the iterator itself.
    Lock(Vec<Locked>),
    /// A call through `&mut`. All consumers are dropped before it.
    Own(Own),
}

#[derive(Clone, Debug)]
enum Locked {
    /// `next` of the guard.
    Next,
    /// A call on the iterator.
    Shared(Shared),
}

#[derive(Clone, Debug)]
enum Own {
    Next,
    GetMut,
    /// Takes an item from the source through `get_mut`.
    Direct,
}

#[derive(Clone, Debug)]
enum Finale {
    Drop,
    IntoInner,
    Collect,
}

#[derive(Clone, Copy, Debug)]
enum Kind {
    Plain { hinted: bool },
    Boxed,
    Generator,
}

#[derive(Clone, Debug)]
struct Case {
    kind: Kind,
    script: Script,
    calls: Vec<Call>,
    finale: Finale,
}

fn shapes() -> impl Strategy<Value = Shape> {
    (1..8_usize, proptest::bool::weighted(0.3), any::<bool>()).prop_map(|(n, chunks, indexed)| Shape {
        n,
        chunks,
        indexed,
    })
}

fn shared_calls() -> impl Strategy<Value = Shared> {
    prop_oneof![
        2 => Just(Shared::Next),
        1 => Just(Shared::TryNext),
        1 => Just(Shared::NextTimeout),
        2 => Just(Shared::NextIndexed),
        1 => (0..4_usize).prop_map(Shared::Iter),
        4 => shapes().prop_map(Shared::Open),
        10 => (0..8_usize, 1..3_usize).prop_map(|(which, k)| Shared::Take(which, k)),
        4 => (0..8_usize).prop_map(Shared::Drop),
        1 => prop_oneof![2 => Just(Shared::Next), 1 => Just(Shared::Close)],
    ]
}

fn calls() -> impl Strategy<Value = Call> {
    let locked = prop_oneof![2 => Just(Locked::Next), 1 => shared_calls().prop_map(Locked::Shared)];
    let own = prop_oneof![Just(Own::Next), Just(Own::GetMut), Just(Own::Direct)];
    prop_oneof![
        30 => shared_calls().prop_map(Call::Shared),
        2 => vec(locked, 0..6).prop_map(Call::Lock),
        1 => own.prop_map(Call::Own),
    ]
}

fn cases() -> impl Strategy<Value = Case> {
    let kind =
        prop_oneof![any::<bool>().prop_map(|hinted| Kind::Plain { hinted }), Just(Kind::Boxed), Just(Kind::Generator)];
    let finale = prop_oneof![Just(Finale::Drop), Just(Finale::IntoInner), Just(Finale::Collect)];
    (kind, scripts(40), vec(calls(), 0..60), finale).prop_map(|(kind, script, calls, finale)| Case {
        kind,
        script,
        calls,
        finale,
    })
}

/// An iterator that follows a script.
struct Source {
    script: Script,
    hinted: bool,
    ledger: Ledger,
    _alive: Arc<()>,
}

impl Iterator for Source {
    type Item = Token;

    fn next(&mut self) -> Option<Token> {
        match self.script.step() {
            Step::Item(_) => Some(self.ledger.make()),
            Step::End => None,
            Step::Panic => boom(),
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = self.script.left();
        if self.hinted { (left, Some(left)) } else { (0, None) }
    }
}

#[test]
fn threadsafe_iter_answers_as_its_model_does() {
    check(&cases(), |case| {
        let (ledger, alive) = (Ledger::default(), Arc::new(()));
        let plain =
            |hinted| Source { script: case.script.clone(), hinted, ledger: ledger.clone(), _alive: Arc::clone(&alive) };
        let model = Model::new(case.script.clone());
        let probe = Probe { ledger: &ledger, alive: &alive, hinted: matches!(case.kind, Kind::Plain { hinted: true }) };
        match case.kind {
            Kind::Plain { hinted } => probe.run(ThreadsafeIter::new(plain(hinted)), model, &case),
            Kind::Boxed => {
                let boxed: Box<dyn Iterator<Item = Token> + Send> = Box::new(plain(false));
                probe.run(ThreadsafeIter::from(boxed), model, &case);
            }
            Kind::Generator => {
                let source = Source { script: case.script.clone().fused(), ..plain(false) };
                let body = generator(async move |co| {
                    for item in source {
                        co.yield_(item).await;
                    }
                });
                probe.run(body.threadsafe(), Model::new(case.script.clone().fused()), &case);
            }
        }
        ledger.assert_all_dropped_once();
        assert_eq!(Arc::strong_count(&alive), 1, "the source was not dropped");
    });
}

/// The observable state outside of the iterator: the items, whether the source lives, and whether its size hint is
/// exact.
struct Probe<'a> {
    ledger: &'a Ledger,
    alive: &'a Arc<()>,
    hinted: bool,
}

type Consumer<'a> = Box<dyn Iterator<Item = (Option<usize>, Vec<usize>)> + 'a>;

impl Probe<'_> {
    fn run<I: Iterator<Item = Token>>(&self, mut iter: ThreadsafeIter<I>, mut model: Model, case: &Case) {
        let mut calls = case.calls.iter();
        loop {
            let own = self.run_shared(&iter, &mut model, &mut calls);
            while !model.consumers.is_empty() {
                model.drop_consumer(0);
            }
            self.check_state(&iter, &model);
            let Some(own) = own else { break };
            self.run_own(&mut iter, &mut model, own);
            self.check_state(&iter, &model);
        }
        self.end(iter, model, &case.finale);
    }

    /// Makes calls up to the next that needs `&mut`, and returns that one.
    fn run_shared<'c, I: Iterator<Item = Token>>(
        &self,
        iter: &ThreadsafeIter<I>,
        model: &mut Model,
        calls: &mut impl Iterator<Item = &'c Call>,
    ) -> Option<&'c Own> {
        let mut consumers = Vec::new();
        for call in calls {
            match call {
                Call::Own(own) => return Some(own),
                Call::Shared(call) => shared(iter, &mut consumers, model, call),
                Call::Lock(calls) => self.lock(iter, &mut consumers, model, calls),
            }
            self.check_state(iter, model);
        }
        None
    }

    fn lock<'a, I: Iterator<Item = Token>>(
        &self,
        iter: &'a ThreadsafeIter<I>,
        consumers: &mut Vec<Consumer<'a>>,
        model: &mut Model,
        calls: &[Locked],
    ) {
        let guard = attempt(|| iter.lock());
        let expected = if model.state == State::Poisoned { Some(Failure::PanickedEarlier) } else { None };
        assert_eq!(guard.as_ref().err().copied(), expected, "lock");
        let Ok(mut guard) = guard else { return };
        model.guarded = true;
        for call in calls {
            match call {
                Locked::Next => assert_same(call, &attempt(|| one(guard.next())), &model.next(true).map(without_index)),
                Locked::Shared(call) => shared(iter, consumers, model, call),
            }
            if model.state != State::Poisoned {
                let (lower, upper) = guard.size_hint();
                assert!(lower <= model.left(), "{lower} of {}", model.left());
                assert!(upper.is_none_or(|upper| model.left() <= upper), "{upper:?} of {}", model.left());
            }
            self.check_state_while_locked(iter, model);
        }
        drop(guard);
        model.guarded = false;
    }

    fn run_own<I: Iterator<Item = Token>>(&self, iter: &mut ThreadsafeIter<I>, model: &mut Model, own: &Own) {
        if model.state != State::Poisoned {
            let ((lower, upper), left) = (Iterator::size_hint(iter), model.left());
            assert!(lower <= left && upper.is_none_or(|upper| left <= upper), "{lower}, {upper:?} of {left}");
            assert!(!self.hinted || (lower, upper) == (left, Some(left)), "{lower}, {upper:?} of {left}");
        }
        match own {
            Own::Next => {
                assert_same(own, &attempt(|| one(Iterator::next(iter))), &model.next(false).map(without_index));
            }
            Own::GetMut | Own::Direct => {
                let expected = match model.state {
                    State::Poisoned => Err(Failure::PanickedEarlier),
                    state => Ok(state == State::Open),
                };
                let source = attempt(|| iter.get_mut());
                assert_eq!(source.as_ref().map(Option::is_some).map_err(|failure| *failure), expected, "{own:?}");
                if let (Own::Direct, Ok(Some(source)), false) = (own, source, model.script.is_about_to_panic()) {
                    let position = step_without_panic(&mut model.script);
                    assert_eq!(source.next().map(|item| item.id), position, "{own:?}");
                    model.ended_unseen |= position.is_none();
                }
            }
        }
    }

    fn end<I: Iterator<Item = Token>>(&self, mut iter: ThreadsafeIter<I>, mut model: Model, finale: &Finale) {
        match finale {
            Finale::Drop => drop(iter),
            Finale::Collect => {
                let mut ended = false;
                while !ended {
                    let expected = model.next(false).map(without_index);
                    ended = !matches!(expected, Ok(Some(_)));
                    assert_same(finale, &attempt(|| one(Iterator::next(&mut iter))), &expected);
                    self.check_state(&iter, &model);
                }
            }
            Finale::IntoInner => {
                let inner = attempt(|| iter.into_inner());
                match model.state {
                    State::Poisoned => assert_eq!(inner.err(), Some(Failure::PanickedEarlier)),
                    State::Open => {
                        let mut inner = inner.unwrap().expect("the source has not ended");
                        if !model.script.is_about_to_panic() {
                            assert_eq!(inner.next().map(|item| item.id), step_without_panic(&mut model.script));
                        }
                    }
                    State::Finished | State::Closed => assert!(inner.unwrap().is_none(), "the source has ended"),
                }
            }
        }
    }

    /// Checks the state of the iterator while no guard is held.
    fn check_state<I: Iterator<Item = Token>>(&self, iter: &ThreadsafeIter<I>, model: &Model) {
        self.check_state_while_locked(iter, model);
        if model.state != State::Poisoned {
            let alive = Arc::strong_count(self.alive) == 2;
            let expected = model.state == State::Open;
            assert!(alive == expected || model.ended_unseen, "the source is dropped at its end: {:?}", model.state);
            if model.consumers.is_empty() && (self.hinted || model.state != State::Open) {
                assert_eq!(iter.size_hint().1, Some(model.left()), "{:?}", model.state);
            }
        }
    }

    /// Checks the state of the iterator as far as it can be observed while a guard is held.
    fn check_state_while_locked<I: Iterator<Item = Token>>(&self, iter: &ThreadsafeIter<I>, model: &Model) {
        assert_eq!(self.ledger.made(), model.script.at, "the source makes no item before it is needed");
        assert_eq!(iter.is_poisoned(), model.state == State::Poisoned, "is_poisoned");
        assert_eq!(iter.is_finished(), model.is_finished(), "is_finished: {:?}", model.state);
        assert!(format!("{iter:?}").starts_with("ThreadsafeIter {"));
        let (lower, upper) = iter.size_hint();
        assert_eq!(lower, 0, "other threads may take the items");
        if model.state != State::Poisoned {
            assert_eq!(self.ledger.live(), model.held(), "an item that no call can return any more is kept");
            assert!(upper.is_none_or(|upper| model.may_return() <= upper), "{upper:?} of {}", model.may_return());
        }
    }
}

/// Makes a call on the iterator and on its model, and compares the answers.
fn shared<'a, I: Iterator<Item = Token>>(
    iter: &'a ThreadsafeIter<I>,
    consumers: &mut Vec<Consumer<'a>>,
    model: &mut Model,
    call: &Shared,
) {
    match *call {
        Shared::Next => assert_same(call, &attempt(|| one(iter.next())), &model.next(false).map(without_index)),
        Shared::NextIndexed => {
            let indexed = |item: Option<(usize, usize)>| item.map(|(index, position)| (Some(index), vec![position]));
            let answer = attempt(|| iter.next_indexed().map(|(index, item)| (index, item.id)));
            assert_same(call, &answer.map(indexed), &model.next(false).map(indexed));
        }
        Shared::TryNext => {
            assert_same(call, &tried(|| iter.try_next()), &with_errors(model.next(false).map(without_index)));
        }
        Shared::NextTimeout => {
            let answer = tried(|| iter.next_timeout(Duration::from_millis(1)));
            assert_same(call, &answer, &with_errors(model.next(false).map(without_index)));
        }
        Shared::Iter(k) => {
            let mut items = iter.iter().take(k);
            for _ in 0..k {
                assert_same(call, &attempt(|| one(items.next())), &model.next(false).map(without_index));
            }
        }
        Shared::Open(shape) => {
            model.open(shape);
            consumers.push(open(iter, shape));
        }
        Shared::Take(which, k) => {
            if let Some(which) = which.checked_rem(consumers.len()) {
                for _ in 0..k {
                    assert_same(call, &attempt(|| consumers[which].next()), &model.take(which));
                }
            }
        }
        Shared::Drop(which) => {
            if let Some(which) = which.checked_rem(consumers.len()) {
                drop(consumers.remove(which));
                model.drop_consumer(which);
            }
        }
        Shared::Close => {
            iter.close();
            model.close();
        }
    }
}

fn open<I: Iterator<Item = Token>>(iter: &ThreadsafeIter<I>, shape: Shape) -> Consumer<'_> {
    let many = |chunk: Vec<Token>| chunk.iter().map(|item| item.id).collect();
    match shape {
        Shape { n, chunks: false, indexed: false } => Box::new(iter.buffered(n).map(|item| (None, vec![item.id]))),
        Shape { n, chunks: false, indexed: true } => {
            Box::new(iter.buffered(n).indexed().map(|(index, item)| (Some(index), vec![item.id])))
        }
        Shape { n, chunks: true, indexed: false } => Box::new(iter.chunks(n).map(move |chunk| (None, many(chunk)))),
        Shape { n, chunks: true, indexed: true } => {
            Box::new(iter.chunks(n).indexed().map(move |(index, chunk)| (Some(index), many(chunk))))
        }
    }
}

#[track_caller]
fn assert_same(call: &impl fmt::Debug, answer: &Answer, expected: &Answer) {
    assert_eq!(answer, expected, "{call:?}");
}

fn one(item: Option<Token>) -> Taken {
    item.map(|item| (None, vec![item.id]))
}

fn without_index(item: Option<(usize, usize)>) -> Taken {
    item.map(|(_, position)| (None, vec![position]))
}

fn tried(call: impl FnOnce() -> Result<Option<Token>, TryNextError>) -> Answer {
    attempt(call)?.map(one).map_err(|error| match error {
        TryNextError::Reentrant => Failure::Reentrant,
        TryNextError::Poisoned => Failure::Poisoned,
        error => panic!("no other thread calls: {error}"),
    })
}

/// The answer of a method that returns errors: only a panic of the source in this call stays a panic.
fn with_errors(answer: Answer) -> Answer {
    answer.map_err(|failure| match failure {
        Failure::PanickedEarlier => Failure::Poisoned,
        Failure::Reentry => Failure::Reentrant,
        failure => failure,
    })
}

/// Makes a step that is known not to be a panic.
fn step_without_panic(script: &mut Script) -> Option<usize> {
    match script.step() {
        Step::Item(position) => Some(position),
        Step::End => None,
        Step::Panic => unreachable!("the caller has checked the step"),
    }
}
