//! What it costs to wait for a source that sleeps.

use std::time::Duration;

use indicatif::ProgressBar;

use crate::answer::Answer;
use crate::contenders;
use crate::measure::{Items, Plan, Run, compare};
use crate::work::{Nothing, Sleep};

/// Four threads and a source that does nothing for twenty milliseconds an item: whatever CPU time there is, waiting costs it.
pub fn ask(plan: &Plan, bar: &ProgressBar) -> Vec<Answer> {
    let share = |run: &Run| 100.0 * run.cpu.as_secs_f64() / run.elapsed.as_secs_f64();
    // The time is the source's and the same for all, so a few rounds do.
    let plan = &Plan { rounds: plan.rounds.min(5), ..*plan };
    let items = Items::Exactly(if plan.quick { 2 } else { 10 });
    let source = Sleep(Duration::from_millis(20));
    let lanes: Vec<_> = contenders::all().into_iter().map(|contender| contender.lane(4, source, Nothing)).collect();
    vec![Answer {
        question: "waiting",
        setting: "CPU time while the source sleeps 20 ms an item".into(),
        threads: Some(4),
        unit: "% of a core",
        rows: compare(plan, items, &lanes, bar, share),
    }]
}
