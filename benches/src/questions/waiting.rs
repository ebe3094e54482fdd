//! The CPU time of waiting for a source that sleeps.

use std::time::Duration;

use indicatif::ProgressBar;

use crate::answer::Answer;
use crate::contenders;
use crate::measure::{Items, Plan, Run, compare};
use crate::work::{Nothing, Sleep};

/// Measures the CPU time of four threads and a source that sleeps 20 ms per item: nearly all of it is spent on waiting.
pub fn ask(plan: &Plan, bar: &ProgressBar) -> Vec<Answer> {
    let share = |run: &Run| 100.0 * run.cpu.as_secs_f64() / run.elapsed.as_secs_f64();
    // A round takes as long as the source sleeps, whichever contender runs, so a few rounds suffice.
    let plan = &Plan { rounds: plan.rounds.min(5), ..*plan };
    let items = Items::Exactly(if plan.quick { 2 } else { 10 });
    let source = Sleep(Duration::from_millis(20));
    let lanes: Vec<_> = contenders::all().into_iter().map(|contender| contender.lane(4, source, Nothing)).collect();
    vec![Answer {
        question: "waiting",
        setting: "CPU time while the source sleeps 20 ms per item".into(),
        threads: Some(4),
        unit: "% of a core",
        rows: compare(plan, items, &lanes, bar, share),
    }]
}
