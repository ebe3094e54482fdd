//! Scripts that sources and models follow, and items whose drops are counted.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::{Arc, Mutex};

use proptest::prelude::*;

/// The message that a source panics with.
const BOOM: &str = "boom";

/// The behaviour of a source, step by step. The source and its model follow the same script.
#[derive(Clone, Debug)]
pub(crate) struct Script {
    items: usize,
    end: End,
    /// The number of items yielded so far.
    pub(crate) at: usize,
}

/// The behaviour after the last item.
#[derive(Clone, Copy, Debug, PartialEq)]
enum End {
    Regular,
    /// Returns `None`, and then more items.
    Interrupted,
    Panic,
}

/// The state of a model.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum State {
    Open,
    Finished,
    Poisoned,
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

    /// Returns the number of items before the end.
    pub(crate) fn left(&self) -> usize {
        self.items - self.at
    }

    pub(crate) fn is_about_to_panic(&self) -> bool {
        self.clone().step() == Step::Panic
    }

    /// Returns the script of a source that yields no items after its end.
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

/// The failure of a call, by a panic or by an error.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Failure {
    /// The source panicked in this call.
    Boom,
    /// The panic of a call after the source has panicked.
    PanickedEarlier,
    /// The panic at re-entry.
    Reentry,
    /// The error at re-entry.
    Reentrant,
    /// The error of a call while another task waits for the stream.
    WouldBlock,
    /// The error of a call after the source has panicked.
    Poisoned,
    /// The error of a stream that has no item ready.
    Pending,
}

/// Makes a call and classifies its panic. Propagates an unexpected panic.
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

/// Counts how often each item is dropped.
#[derive(Clone, Default)]
pub(crate) struct Ledger(Arc<Mutex<Vec<usize>>>);

impl Ledger {
    /// Creates the next item.
    pub(crate) fn make(&self) -> Token {
        let mut drops = self.0.lock().unwrap();
        drops.push(0);
        Token { id: drops.len() - 1, ledger: self.clone() }
    }

    pub(crate) fn made(&self) -> usize {
        self.0.lock().unwrap().len()
    }

    /// Returns the number of items that have not been dropped.
    pub(crate) fn live(&self) -> usize {
        self.0.lock().unwrap().iter().filter(|&&drops| drops == 0).count()
    }

    /// Asserts that every item has been dropped exactly once.
    pub(crate) fn assert_all_dropped_once(&self) {
        let drops = self.0.lock().unwrap();
        assert!(drops.iter().all(|&drops| drops == 1), "an item was not dropped exactly once: {drops:?}");
    }
}

/// An item that reports its drop to its ledger.
pub(crate) struct Token {
    pub(crate) id: usize,
    ledger: Ledger,
}

impl Drop for Token {
    fn drop(&mut self) {
        self.ledger.0.lock().unwrap()[self.id] += 1;
    }
}
