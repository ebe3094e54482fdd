//! A model of `ThreadsafeIter` and its consumers, for one thread.

use std::collections::{BTreeMap, VecDeque};

use crate::script::{Failure, Script, Step};

/// The result of a call: items, by their position in the source, with the index of the first if the method returns it.
pub(crate) type Taken = Option<(Option<usize>, Vec<usize>)>;
pub(crate) type Answer = Result<Taken, Failure>;

/// An item: its index, and its position in the source.
type Indexed = (usize, usize);

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum State {
    Open,
    Finished,
    Closed,
    Poisoned,
}

pub(crate) struct Model {
    pub(crate) script: Script,
    pub(crate) state: State,
    /// Whether a guard is held.
    pub(crate) guarded: bool,
    /// Whether the source ended in a call through `get_mut`, after which it may drop its values while the state is
    /// open.
    pub(crate) ended_unseen: bool,
    pub(crate) consumers: Vec<Consumer>,
    /// The number of items taken from the source, without those taken through `get_mut`.
    taken: usize,
    /// The items that were put back, by index: the place, and the index after the run that was put back with it.
    put_back: BTreeMap<usize, (usize, usize)>,
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
    /// The items taken from the source and not returned yet.
    ready: VecDeque<Indexed>,
    /// Whether the source panicked after these items.
    boom: bool,
}

impl Model {
    pub(crate) fn new(script: Script) -> Self {
        let (consumers, put_back) = (Vec::new(), BTreeMap::new());
        Self { script, state: State::Open, guarded: false, ended_unseen: false, consumers, taken: 0, put_back }
    }

    /// Takes an item from the source. While a guard is held, only calls through it (`by_guard`) can.
    fn pull(&mut self, by_guard: bool) -> Result<Option<Indexed>, Failure> {
        match self.state {
            State::Poisoned => Err(Failure::PanickedEarlier),
            State::Finished | State::Closed => Ok(None),
            State::Open if self.guarded && !by_guard => Err(Failure::Reentry),
            State::Open => match self.script.step() {
                Step::Item(position) => {
                    self.taken += 1;
                    Ok(Some((self.taken - 1, position)))
                }
                Step::End => {
                    self.state = State::Finished;
                    Ok(None)
                }
                Step::Panic => {
                    self.state = State::Poisoned;
                    Err(Failure::Boom)
                }
            },
        }
    }

    /// Takes the next item. Items that were put back come first, unless the source has panicked.
    pub(crate) fn next(&mut self, by_guard: bool) -> Result<Option<Indexed>, Failure> {
        if self.state != State::Poisoned {
            if let Some((index, (place, _))) = self.put_back.pop_first() {
                return Ok(Some((index, place)));
            }
        }
        self.pull(by_guard)
    }

    /// Takes the next item or chunk of a consumer.
    pub(crate) fn take(&mut self, which: usize) -> Answer {
        let Shape { chunks, indexed, .. } = self.consumers[which].shape;
        if self.consumers[which].ready.is_empty() {
            self.refill(which)?;
        }
        let ready = &mut self.consumers[which].ready;
        let taken: Vec<_> = ready.drain(..if chunks { ready.len() } else { ready.len().min(1) }).collect();
        let index = taken.first().map(|(index, _)| *index);
        Ok(index.map(|index| (indexed.then_some(index), taken.into_iter().map(|(_, position)| position).collect())))
    }

    fn refill(&mut self, which: usize) -> Result<(), Failure> {
        if std::mem::take(&mut self.consumers[which].boom) {
            return Err(Failure::Boom);
        }
        let n = self.consumers[which].shape.n;
        let mut run = VecDeque::new();
        if self.state != State::Poisoned {
            // Only those that one consumer put back, since the index of one says those of the others.
            let end = self.put_back.values().next().map(|(_, end)| *end);
            while run.len() < n {
                let Some(first) = self.put_back.first_entry().filter(|first| Some(first.get().1) == end) else {
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

    /// Drops a consumer, which puts the items back that it has not returned.
    pub(crate) fn drop_consumer(&mut self, which: usize) {
        let ready = self.consumers.remove(which).ready;
        if matches!(self.state, State::Open | State::Finished) {
            let end = ready.back().map_or(0, |(index, _)| index + 1);
            self.put_back.extend(ready.into_iter().map(|(index, place)| (index, (place, end))));
        }
    }

    pub(crate) fn close(&mut self) {
        if self.state != State::Poisoned {
            self.state = State::Closed;
            self.put_back.clear();
        }
    }

    /// Returns whether no items are left.
    pub(crate) fn is_finished(&self) -> bool {
        self.state == State::Closed || self.state == State::Finished && self.put_back.is_empty()
    }

    /// Returns the number of items left in the source and put back.
    pub(crate) fn left(&self) -> usize {
        let source = if self.state == State::Open { self.script.left() } else { 0 };
        source + self.put_back.len()
    }

    /// Returns the number of items that have been taken from the source and are not returned yet.
    pub(crate) fn held(&self) -> usize {
        self.put_back.len() + self.consumers.iter().map(|held| held.ready.len()).sum::<usize>()
    }

    /// Returns the number of items that calls may return, now or after all consumers are dropped.
    pub(crate) fn may_return(&self) -> usize {
        let held =
            if self.state == State::Closed { 0 } else { self.consumers.iter().map(|held| held.ready.len()).sum() };
        self.left() + held
    }
}
