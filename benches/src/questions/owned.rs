//! Iteration by one owner, without a lock.

use indicatif::ProgressBar;

use crate::answer::Answer;
use crate::measure::{Items, Lane, Plan, Run, compare};
use crate::names;
use crate::sources::{self, Count};
use crate::work::Nothing;

/// Measures iteration by value on one thread.
pub fn ask(plan: &Plan, bar: &ProgressBar) -> Vec<Answer> {
    let lanes = [
        Lane::solo(names::OUR_GENERATOR, |items, tally| tally.take_all(sources::bare(items, Nothing))),
        Lane::solo(names::OURS_OWNED, |items, tally| tally.take_all(sources::shared(items, Nothing))),
        Lane::solo(names::GENAWAITER_RC, |items, tally| tally.take_all(sources::genawaiter_rc(items, Nothing))),
        Lane::solo(names::GENAWAITER_SYNC, |items, tally| tally.take_all(sources::genawaiter_sync(items, Nothing))),
        Lane::solo(names::FAUXGEN_ALONE, |items, tally| tally.take_all(sources::fauxgen(items, Nothing))),
        Lane::solo(names::ASYNC_STREAM_ALONE, |items, tally| tally.take_all(sources::async_stream(items, Nothing))),
        #[cfg(nightly)]
        Lane::solo(names::GEN_BLOCK_ALONE, |items, tally| tally.take_all(sources::gen_block(items, Nothing))),
        Lane::solo(names::PLAIN, |items, tally| tally.take_all(Count::new(items, Nothing))),
    ];
    vec![Answer {
        question: "owned",
        setting: "owned, no lock, cheap items".into(),
        threads: None,
        unit: "ns/item",
        rows: compare(plan, Items::Filling(plan.round, 1000), &lanes, bar, Run::ns_per_item),
    }]
}
