//! What a source does when, and items that are accounted for.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::{Arc, Mutex};

use proptest::prelude::*;

/// What a source panics with.
const BOOM: &str = "boom";

/// What a source does, step by step. The source follows it, and so does its model.
#[derive(Clone, Debug)]
pub(crate) struct Script {
    items: usize,
    end: End,
    /// How many items it has given.
    pub(crate) at: usize,
}

/// What comes after the items.
#[derive(Clone, Copy, Debug, PartialEq)]
enum End {
    Regular,
    /// A `None`, and then more items.
    Interrupted,
    Panic,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Step {
    Item(usize),
    End,
    Panic,
}

pub(crate) fn scripts(items: usize) -> impl Strategy<Value = Script> {
    let end = prop_oneof![3 => Just(End::Regular), 1 => Just(End::Interrupted), 2 => Just(End::Panic)];
    (0..items, end).prop_map(|(items, end)| Script { items, end, at: 0 })
}

impl Script {
    pub(crate) fn step(&mut self) -> Step {
        if self.at < self.items {
            self.at += 1;
            return Step::Item(self.at - 1);
        }
        match self.end {
            End::Panic => return Step::Panic,
            End::Interrupted => (self.items, self.end) = (self.items + 3, End::Regular),
            End::Regular => (),
        }
        Step::End
    }

    /// How many items there are up to the end.
    pub(crate) fn left(&self) -> usize {
        self.items - self.at
    }

    pub(crate) fn is_about_to_panic(&self) -> bool {
        self.clone().step() == Step::Panic
    }

    /// As a source plays it that cannot go on after its end.
    pub(crate) fn fused(mut self) -> Self {
        if self.end == End::Interrupted {
            self.end = End::Regular;
        }
        self
    }
}

pub(crate) fn boom() -> ! {
    resume_unwind(Box::new(BOOM.to_owned()))
}

/// Why there is no answer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Failure {
    /// The source panicked in this very call.
    Boom,
    /// A panic that says that the source panicked earlier, and how.
    PanickedEarlier,
    /// The panic of a call within a call.
    Reentry,
    /// The error of that.
    AlreadyExecuting,
    /// The error that says that the source panicked earlier.
    Poisoned,
    /// The error of a stream that has nothing ready.
    Pending,
}

/// Calls, and tells the panics that are to be expected from one another.
pub(crate) fn attempt<R>(call: impl FnOnce() -> R) -> Result<R, Failure> {
    catch_unwind(AssertUnwindSafe(call)).map_err(|payload| {
        let message = payload.downcast_ref::<String>().map(String::as_str).or(payload.downcast_ref().copied());
        match message {
            Some(BOOM) => Failure::Boom,
            Some("generator already executing") => Failure::Reentry,
            Some(message) if message.ends_with(" panicked earlier: boom") => Failure::PanickedEarlier,
            _ => resume_unwind(payload),
        }
    })
}

/// Knows of each item how often it was dropped.
#[derive(Clone, Default)]
pub(crate) struct Ledger(Arc<Mutex<Vec<usize>>>);

impl Ledger {
    /// Makes the next item.
    pub(crate) fn make(&self) -> Token {
        let mut drops = self.0.lock().unwrap();
        drops.push(0);
        Token { id: drops.len() - 1, ledger: self.clone() }
    }

    pub(crate) fn made(&self) -> usize {
        self.0.lock().unwrap().len()
    }

    /// How many there are that have not been dropped.
    pub(crate) fn live(&self) -> usize {
        self.0.lock().unwrap().iter().filter(|&&drops| drops == 0).count()
    }

    /// When there should be no item any more.
    pub(crate) fn settle(&self) {
        let drops = self.0.lock().unwrap();
        assert!(drops.iter().all(|&drops| drops == 1), "each item is dropped once: {drops:?}");
    }
}

/// An item.
pub(crate) struct Token {
    pub(crate) id: usize,
    ledger: Ledger,
}

impl Drop for Token {
    fn drop(&mut self) {
        self.ledger.0.lock().unwrap()[self.id] += 1;
    }
}
