//! Tees: every branch gets every item.

use super::{End, Source, both, drain};
use crate::Tee;
use crate::model::backend::{explore, spawn};
use crate::model::outcome;

#[test]
fn two_branches_that_race_for_an_item_both_get_it() {
    explore("tee: two branches to the end", Some(2), Some(3), || {
        let (source, log) = Source::new(2, End::None);
        let tee = Tee::new(source);
        let branch = tee.clone();
        let (one, other) = both(move || drain(branch), move || drain(tee));
        assert_eq!((one, other), (vec![0, 1], vec![0, 1]));
        log.settle();
    });
}

#[test]
fn a_branch_cloned_during_a_read_gets_every_later_item() {
    explore("tee: clone and drop, next", Some(2), Some(3), || {
        let (source, log) = Source::new(1, End::None);
        let tee = Tee::new(source);
        let parent = tee.clone();
        let reader = spawn(move || drain(tee));
        let clone = parent.clone();
        drop(parent);
        assert_eq!(drain(clone), [0]);
        assert_eq!(reader.join().unwrap(), [0]);
        log.settle();
    });
}

#[test]
fn a_branch_dropped_during_a_read_frees_unread_items() {
    explore("tee: drop of the branch behind, next", Some(2), Some(3), || {
        let (source, log) = Source::new(2, End::None);
        let mut tee = Tee::new(source);
        let behind = tee.clone();
        let first = tee.next().unwrap();
        both(move || drop(behind), || drop(tee.next()));
        drop(first);
        assert_eq!(log.alive(), 0, "an item outlives its last reader");
        drop(tee);
        log.settle();
    });
}

#[test]
fn every_branch_gets_the_items_before_a_panic_and_then_the_panic() {
    explore("tee: a panic", Some(2), Some(3), || {
        let (source, log) = Source::new(1, End::Panic);
        let tee = Tee::new(source);
        let branch = tee.clone();
        let read = |mut branch: Tee<Source>| [(); 2].map(|()| outcome(|| branch.next().map(|item| item.index)));
        let ([first, second], [third, fourth]) = both(move || read(branch), || read(tee));
        assert_eq!((first, third), (Ok(Some(0)), Ok(Some(0))));
        let mut ends = [second, fourth].map(Result::unwrap_err);
        ends.sort();
        assert_eq!(ends, ["the iterator panicked earlier: the source panicked", "the source panicked"]);
        log.settle();
    });
}
