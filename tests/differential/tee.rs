//! `Tee`: every branch gets every item from its position on, and no item is kept longer than the slowest branch needs
//! it.

use std::sync::{Arc, Mutex, Weak};

use proptest::collection::vec;
use proptest::prelude::*;
use threadsafe_gen::Tee;

use crate::check;
use crate::script::{Failure, Script, Step, attempt, boom, scripts};

/// A call on a branch. The index of a branch is taken modulo the number of branches.
#[derive(Clone, Copy, Debug)]
enum Call {
    Clone(usize),
    Next(usize, usize),
    Drop(usize),
}

fn calls() -> impl Strategy<Value = Call> {
    prop_oneof![
        1 => (0..8_usize).prop_map(Call::Clone),
        4 => (0..8_usize, 1..6_usize).prop_map(|(which, k)| Call::Next(which, k)),
        1 => (0..8_usize).prop_map(Call::Drop),
    ]
}

/// The number of items pulled, and the position of each branch.
struct Model {
    script: Script,
    pulled: usize,
    ended: bool,
    poisoned: bool,
    branches: Vec<usize>,
}

impl Model {
    fn next(&mut self, which: usize) -> Result<Option<usize>, Failure> {
        let at = self.branches[which];
        if at == self.pulled {
            if self.poisoned {
                return Err(Failure::PanickedEarlier);
            }
            match if self.ended { Step::End } else { self.script.step() } {
                Step::Item(_) => self.pulled += 1,
                Step::End => {
                    self.ended = true;
                    return Ok(None);
                }
                Step::Panic => {
                    self.poisoned = true;
                    return Err(Failure::Boom);
                }
            }
        }
        self.branches[which] += 1;
        Ok(Some(at))
    }
}

#[test]
fn tee_answers_as_its_model_does() {
    check(&(scripts(24), vec(calls(), 0..60)), |(script, calls)| {
        let pulled = Arc::new(Mutex::new(Vec::<Weak<usize>>::new()));
        let (mut steps, into) = (script.clone(), Arc::clone(&pulled));
        let source = std::iter::from_fn(move || match steps.step() {
            Step::Item(place) => {
                let item = Arc::new(place);
                into.lock().unwrap().push(Arc::downgrade(&item));
                Some(item)
            }
            Step::End => None,
            Step::Panic => boom(),
        });
        let mut branches = vec![Tee::new(source)];
        let mut model = Model { script, pulled: 0, ended: false, poisoned: false, branches: vec![0] };
        for call in calls {
            match call {
                _ if branches.is_empty() => break,
                Call::Clone(which) => {
                    let which = which % branches.len();
                    branches.push(branches[which].clone());
                    model.branches.push(model.branches[which]);
                }
                Call::Next(which, k) => {
                    let which = which % branches.len();
                    for _ in 0..k {
                        let answer = attempt(|| branches[which].next().map(|item| *item));
                        assert_eq!(answer, model.next(which), "{call:?}");
                    }
                }
                Call::Drop(which) => {
                    let which = which % branches.len();
                    drop(branches.swap_remove(which));
                    model.branches.swap_remove(which);
                }
            }
            let slowest = model.branches.iter().min().copied().unwrap_or(model.pulled);
            let kept: Vec<_> = pulled.lock().unwrap().iter().map(|item| item.strong_count() == 1).collect();
            let expected: Vec<_> = (0..model.pulled).map(|place| place >= slowest).collect();
            assert_eq!(kept, expected, "an item is kept until the slowest branch has read it");
            for (branch, &at) in branches.iter().zip(&model.branches) {
                let (lower, upper) = branch.size_hint();
                let left = model.pulled - at + if model.ended { 0 } else { model.script.left() };
                assert!(lower <= left && upper.is_none_or(|upper| left <= upper), "{lower}, {upper:?} of {left}");
            }
        }
        drop(branches);
        assert!(
            pulled.lock().unwrap().iter().all(|item| item.strong_count() == 0),
            "no item is kept after the last branch"
        );
    });
}
