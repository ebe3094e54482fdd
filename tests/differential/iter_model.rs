//! What a `ThreadsafeIter` and its consumers promise, for one thread.

use std::collections::{BTreeMap, VecDeque};

use crate::script::{Failure, Script, Step};

/// What a call gives: items, by their place in the source, with the index of the first where the call says it.
pub(crate) type Taken = Option<(Option<usize>, Vec<usize>)>;
pub(crate) type Answer = Result<Taken, Failure>;

/// An item: its index, and its place in the source.
type Indexed = (usize, usize);

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Fate {
    Open,
    Finished,
    Closed,
    Poisoned,
}

pub(crate) struct Model {
    pub(crate) script: Script,
    pub(crate) fate: Fate,
    /// Whether a guard is held.
    pub(crate) guarded: bool,
    /// Whether the source ended in a call past the lock, upon which it may drop what it has.
    pub(crate) ended_unseen: bool,
    pub(crate) consumers: Vec<Consumer>,
    /// How many items have been taken from the source, not counting those by `get_mut`.
    taken: usize,
    /// By index: the place, and the index after the run that was put back with it.
    given_back: BTreeMap<usize, (usize, usize)>,
}

/// A consumer of many items at a time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shape {
    pub(crate) n: usize,
    pub(crate) chunks: bool,
    pub(crate) indexed: bool,
}

pub(crate) struct Consumer {
    shape: Shape,
    /// What it has taken and not given out.
    ready: VecDeque<Indexed>,
    /// The source panicked after these.
    boom: bool,
}

impl Model {
    pub(crate) fn new(script: Script) -> Self {
        let (consumers, given_back) = (Vec::new(), BTreeMap::new());
        Self { script, fate: Fate::Open, guarded: false, ended_unseen: false, consumers, taken: 0, given_back }
    }

    /// Asks the source. `by_guard` is for whoever holds the guard, beside which nobody else can.
    fn pull(&mut self, by_guard: bool) -> Result<Option<Indexed>, Failure> {
        match self.fate {
            Fate::Poisoned => Err(Failure::PanickedEarlier),
            Fate::Finished | Fate::Closed => Ok(None),
            Fate::Open if self.guarded && !by_guard => Err(Failure::Reentry),
            Fate::Open => match self.script.step() {
                Step::Item(place) => {
                    self.taken += 1;
                    Ok(Some((self.taken - 1, place)))
                }
                Step::End => {
                    self.fate = Fate::Finished;
                    Ok(None)
                }
                Step::Panic => {
                    self.fate = Fate::Poisoned;
                    Err(Failure::Boom)
                }
            },
        }
    }

    /// The next item: what was given back comes first, unless there has been a panic.
    pub(crate) fn next(&mut self, by_guard: bool) -> Result<Option<Indexed>, Failure> {
        if self.fate != Fate::Poisoned {
            if let Some((index, (place, _))) = self.given_back.pop_first() {
                return Ok(Some((index, place)));
            }
        }
        self.pull(by_guard)
    }

    /// The next item of a consumer, or its next chunk.
    pub(crate) fn take(&mut self, which: usize) -> Answer {
        let Shape { chunks, indexed, .. } = self.consumers[which].shape;
        if self.consumers[which].ready.is_empty() {
            self.refill(which)?;
        }
        let ready = &mut self.consumers[which].ready;
        let given: Vec<_> = ready.drain(..if chunks { ready.len() } else { ready.len().min(1) }).collect();
        let index = given.first().map(|(index, _)| *index);
        Ok(index.map(|index| (indexed.then_some(index), given.into_iter().map(|(_, place)| place).collect())))
    }

    fn refill(&mut self, which: usize) -> Result<(), Failure> {
        if std::mem::take(&mut self.consumers[which].boom) {
            return Err(Failure::Boom);
        }
        let n = self.consumers[which].shape.n;
        let mut run = VecDeque::new();
        if self.fate != Fate::Poisoned {
            // Only those that one consumer put back, since the index of one says those of the others.
            let end = self.given_back.values().next().map(|(_, end)| *end);
            while run.len() < n {
                let Some(first) = self.given_back.first_entry().filter(|first| Some(first.get().1) == end) else {
                    break;
                };
                let (index, (place, _)) = first.remove_entry();
                run.push_back((index, place));
            }
        }
        if run.is_empty() {
            while run.len() < n {
                match self.pull(false) {
                    Ok(Some(item)) => run.push_back(item),
                    Ok(None) => break,
                    Err(failure) if run.is_empty() => return Err(failure),
                    Err(_) => {
                        self.consumers[which].boom = true;
                        break;
                    }
                }
            }
        }
        self.consumers[which].ready = run;
        Ok(())
    }

    pub(crate) fn open(&mut self, shape: Shape) {
        self.consumers.push(Consumer { shape, ready: VecDeque::new(), boom: false });
    }

    /// Drops a consumer, which gives back what it has not given out.
    pub(crate) fn drop_consumer(&mut self, which: usize) {
        let ready = self.consumers.remove(which).ready;
        if matches!(self.fate, Fate::Open | Fate::Finished) {
            let end = ready.back().map_or(0, |(index, _)| index + 1);
            self.given_back.extend(ready.into_iter().map(|(index, place)| (index, (place, end))));
        }
    }

    pub(crate) fn close(&mut self) {
        if self.fate != Fate::Poisoned {
            self.fate = Fate::Closed;
            self.given_back.clear();
        }
    }

    /// Whether there is nothing left to take.
    pub(crate) fn is_finished(&self) -> bool {
        self.fate == Fate::Closed || self.fate == Fate::Finished && self.given_back.is_empty()
    }

    /// How many items the iterator itself has.
    pub(crate) fn left(&self) -> usize {
        let source = if self.fate == Fate::Open { self.script.left() } else { 0 };
        source + self.given_back.len()
    }

    /// How many items have been taken from the source and are not used yet.
    pub(crate) fn held(&self) -> usize {
        self.given_back.len() + self.consumers.iter().map(|held| held.ready.len()).sum::<usize>()
    }

    /// How many there are that may be asked for, now or when all consumers are gone.
    pub(crate) fn may_come(&self) -> usize {
        let held = if self.fate == Fate::Closed { 0 } else { self.consumers.iter().map(|held| held.ready.len()).sum() };
        self.left() + held
    }
}
