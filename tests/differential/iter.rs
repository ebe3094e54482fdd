//! `ThreadsafeIter`: what a call takes, what is given back and to whom it goes, the end, `close`, poison.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use proptest::collection::vec;
use proptest::prelude::*;
use threadsafe_gen::{ThreadsafeIter, TryNextError, generator};

use crate::check;
use crate::iter_model::{Answer, Fate, Model, Shape, Taken};
use crate::script::{Failure, Ledger, Script, Step, Token, attempt, boom, scripts};

/// A call by a shared reference. Those that are about a consumer are about one of those that are open.
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
    /// With calls of the guard, and beside it.
    Lock(Vec<Within>),
    /// By `&mut`, for which all consumers have to go.
    Own(Own),
}

#[derive(Clone, Debug)]
enum Within {
    Next,
    Beside(Shared),
}

#[derive(Clone, Debug)]
enum Own {
    Next,
    GetMut,
    /// An item from the iterator itself, past the lock.
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
    let within = prop_oneof![2 => Just(Within::Next), 1 => shared_calls().prop_map(Within::Beside)];
    let own = prop_oneof![Just(Own::Next), Just(Own::GetMut), Just(Own::Direct)];
    prop_oneof![
        30 => shared_calls().prop_map(Call::Shared),
        2 => vec(within, 0..6).prop_map(Call::Lock),
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

/// The iterator that follows a script.
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
        ledger.settle();
        assert_eq!(Arc::strong_count(&alive), 1, "the source should be gone");
    });
}

/// What shows from outside how the iterator is.
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
            self.look(&iter, &model);
            let Some(own) = own else { break };
            self.run_own(&mut iter, &mut model, own);
            self.look(&iter, &model);
        }
        self.end(iter, model, &case.finale);
    }

    /// Makes calls up to one that needs `&mut`.
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
                Call::Lock(within) => self.lock(iter, &mut consumers, model, within),
            }
            self.look(iter, model);
        }
        None
    }

    fn lock<'a, I: Iterator<Item = Token>>(
        &self,
        iter: &'a ThreadsafeIter<I>,
        consumers: &mut Vec<Consumer<'a>>,
        model: &mut Model,
        calls: &[Within],
    ) {
        let guard = attempt(|| iter.lock());
        let expected = if model.fate == Fate::Poisoned { Some(Failure::PanickedEarlier) } else { None };
        assert_eq!(guard.as_ref().err().copied(), expected, "lock");
        let Ok(mut guard) = guard else { return };
        model.guarded = true;
        for call in calls {
            match call {
                Within::Next => same(call, &attempt(|| one(guard.next())), &model.next(true).map(place)),
                Within::Beside(call) => shared(iter, consumers, model, call),
            }
            if model.fate != Fate::Poisoned {
                let (lower, upper) = guard.size_hint();
                assert!(lower <= model.left(), "{lower} of {}", model.left());
                assert!(upper.is_none_or(|upper| model.left() <= upper), "{upper:?} of {}", model.left());
            }
            self.look_from_beside(iter, model);
        }
        drop(guard);
        model.guarded = false;
    }

    fn run_own<I: Iterator<Item = Token>>(&self, iter: &mut ThreadsafeIter<I>, model: &mut Model, own: &Own) {
        if model.fate != Fate::Poisoned {
            let ((lower, upper), left) = (Iterator::size_hint(iter), model.left());
            assert!(lower <= left && upper.is_none_or(|upper| left <= upper), "{lower}, {upper:?} of {left}");
            assert!(!self.hinted || (lower, upper) == (left, Some(left)), "{lower}, {upper:?} of {left}");
        }
        match own {
            Own::Next => same(own, &attempt(|| one(Iterator::next(iter))), &model.next(false).map(place)),
            Own::GetMut | Own::Direct => {
                let there = match model.fate {
                    Fate::Poisoned => Err(Failure::PanickedEarlier),
                    fate => Ok(fate == Fate::Open),
                };
                let source = attempt(|| iter.get_mut());
                assert_eq!(source.as_ref().map(Option::is_some).map_err(|failure| *failure), there, "{own:?}");
                if let (Own::Direct, Ok(Some(source)), false) = (own, source, model.script.is_about_to_panic()) {
                    let expected = stepped(&mut model.script);
                    assert_eq!(source.next().map(|item| item.id), expected, "{own:?}");
                    model.ended_unseen |= expected.is_none();
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
                    let expected = model.next(false).map(place);
                    ended = !matches!(expected, Ok(Some(_)));
                    same(finale, &attempt(|| one(Iterator::next(&mut iter))), &expected);
                    self.look(&iter, &model);
                }
            }
            Finale::IntoInner => {
                let inner = attempt(|| iter.into_inner());
                match model.fate {
                    Fate::Poisoned => assert_eq!(inner.err(), Some(Failure::PanickedEarlier)),
                    Fate::Open => {
                        let mut inner = inner.unwrap().expect("it has not ended");
                        if !model.script.is_about_to_panic() {
                            assert_eq!(inner.next().map(|item| item.id), stepped(&mut model.script));
                        }
                    }
                    Fate::Finished | Fate::Closed => assert!(inner.unwrap().is_none(), "it has ended"),
                }
            }
        }
    }

    /// What there is to see of the iterator without taking an item, when nobody is inside.
    fn look<I: Iterator<Item = Token>>(&self, iter: &ThreadsafeIter<I>, model: &Model) {
        self.look_from_beside(iter, model);
        if model.fate != Fate::Poisoned {
            let alive = Arc::strong_count(self.alive) == 2;
            let expected = model.fate == Fate::Open;
            assert!(alive == expected || model.ended_unseen, "the source lives until its end: {:?}", model.fate);
            if model.consumers.is_empty() && (self.hinted || model.fate != Fate::Open) {
                assert_eq!(iter.size_hint().1, Some(model.left()), "{:?}", model.fate);
            }
        }
    }

    fn look_from_beside<I: Iterator<Item = Token>>(&self, iter: &ThreadsafeIter<I>, model: &Model) {
        assert_eq!(self.ledger.made(), model.script.at, "the source is asked for no more than is needed");
        assert_eq!(iter.is_poisoned(), model.fate == Fate::Poisoned, "is_poisoned");
        assert_eq!(iter.is_finished(), model.is_finished(), "is_finished: {:?}", model.fate);
        assert!(format!("{iter:?}").starts_with("ThreadsafeIter {"));
        let (lower, upper) = iter.size_hint();
        assert_eq!(lower, 0, "others may take them");
        if model.fate != Fate::Poisoned {
            assert_eq!(self.ledger.live(), model.held(), "what nobody can ask for any more is gone");
            assert!(upper.is_none_or(|upper| model.may_come() <= upper), "{upper:?} of {}", model.may_come());
        }
    }
}

/// Makes a call of both, and compares the answers.
fn shared<'a, I: Iterator<Item = Token>>(
    iter: &'a ThreadsafeIter<I>,
    consumers: &mut Vec<Consumer<'a>>,
    model: &mut Model,
    call: &Shared,
) {
    match *call {
        Shared::Next => same(call, &attempt(|| one(iter.next())), &model.next(false).map(place)),
        Shared::NextIndexed => {
            let indexed = |item: Option<(usize, usize)>| item.map(|(index, place)| (Some(index), vec![place]));
            let answer = attempt(|| iter.next_indexed().map(|(index, item)| (index, item.id)));
            same(call, &answer.map(indexed), &model.next(false).map(indexed));
        }
        Shared::TryNext => same(call, &tried(|| iter.try_next()), &with_errors(model.next(false).map(place))),
        Shared::NextTimeout => {
            let answer = tried(|| iter.next_timeout(Duration::from_millis(1)));
            same(call, &answer, &with_errors(model.next(false).map(place)));
        }
        Shared::Iter(k) => {
            let mut items = iter.iter().take(k);
            for _ in 0..k {
                same(call, &attempt(|| one(items.next())), &model.next(false).map(place));
            }
        }
        Shared::Open(shape) => {
            model.open(shape);
            consumers.push(open(iter, shape));
        }
        Shared::Take(which, k) => {
            if let Some(which) = which.checked_rem(consumers.len()) {
                for _ in 0..k {
                    same(call, &attempt(|| consumers[which].next()), &model.take(which));
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
fn same(call: &impl fmt::Debug, answer: &Answer, expected: &Answer) {
    assert_eq!(answer, expected, "{call:?}");
}

fn one(item: Option<Token>) -> Taken {
    item.map(|item| (None, vec![item.id]))
}

fn place(item: Option<(usize, usize)>) -> Taken {
    item.map(|(_, place)| (None, vec![place]))
}

fn tried(call: impl FnOnce() -> Result<Option<Token>, TryNextError>) -> Answer {
    attempt(call)?.map(one).map_err(|error| match error {
        TryNextError::AlreadyExecuting => Failure::AlreadyExecuting,
        TryNextError::Poisoned => Failure::Poisoned,
    })
}

/// The answer of a call that can return errors, but for a panic of the source in this very call.
fn with_errors(answer: Answer) -> Answer {
    answer.map_err(|failure| match failure {
        Failure::PanickedEarlier => Failure::Poisoned,
        Failure::Reentry => Failure::AlreadyExecuting,
        failure => failure,
    })
}

fn stepped(script: &mut Script) -> Option<usize> {
    match script.step() {
        Step::Item(place) => Some(place),
        Step::End => None,
        Step::Panic => unreachable!("nobody asks for it"),
    }
}
