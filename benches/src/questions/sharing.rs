//! The speed and the fairness of sharing items between threads.

use std::thread;
use std::time::Duration;

use indicatif::ProgressBar;

use crate::answer::Answer;
use crate::contenders;
use crate::measure::{Items, Plan, Run, compare};
use crate::work::{Nothing, Spin, Work};

/// Measures cheap items on one thread.
pub fn one_thread(plan: &Plan, bar: &ProgressBar) -> Vec<Answer> {
    vec![ns_per_item(plan, bar, "one-thread", "cheap items", 1, Nothing, Nothing)]
}

/// Measures cheap items on several threads, also on more threads than cores, as in a server.
pub fn threads(plan: &Plan, bar: &ProgressBar) -> Vec<Answer> {
    [2, 4, 16, 64].map(|threads| ns_per_item(plan, bar, "threads", "cheap items", threads, Nothing, Nothing)).into()
}

/// Measures items that are expensive to consume: there is little contention for the lock.
pub fn expensive_items(plan: &Plan, bar: &ProgressBar) -> Vec<Answer> {
    let mut answers = Vec::new();
    for (time, setting) in [(1, "1 µs per item"), (100, "100 µs per item")] {
        let spin = Spin::lasting(Duration::from_micros(time));
        for threads in [cores(), 4 * cores()] {
            answers.push(ns_per_item(plan, bar, "expensive-items", setting, threads, Nothing, spin));
        }
    }
    answers
}

/// Measures a source that is as expensive as the consumer: the source keeps one core busy at all times.
pub fn expensive_source(plan: &Plan, bar: &ProgressBar) -> Vec<Answer> {
    let spin = Spin::lasting(Duration::from_micros(1));
    [cores(), 4 * cores()]
        .map(|threads| {
            ns_per_item(plan, bar, "expensive-source", "1 µs per item, and 1 µs in the source", threads, spin, spin)
        })
        .into()
}

/// Measures the distribution of items over threads, in rounds that are long enough for each thread to be scheduled.
#[expect(clippy::cast_precision_loss, reason = "counts of items are far below 2^53")]
pub fn fairness(plan: &Plan, bar: &ProgressBar) -> Vec<Answer> {
    let share = |run: &Run| {
        let busiest = *run.counts.iter().max().expect("there are threads") as f64;
        busiest * run.counts.len() as f64 / run.counts.iter().sum::<u64>() as f64
    };
    let (threads, items) = (4, Items::Filling(5 * plan.round, 1000));
    let lanes: Vec<_> =
        contenders::all().into_iter().map(|contender| contender.lane(threads, Nothing, Nothing)).collect();
    vec![Answer {
        question: "fairness",
        setting: "the busiest thread's items relative to the mean, cheap items".into(),
        threads: Some(threads),
        unit: "x mean",
        rows: compare(plan, items, &lanes, bar, share),
    }]
}

fn ns_per_item<S: Work, C: Work>(
    plan: &Plan,
    bar: &ProgressBar,
    question: &'static str,
    setting: &str,
    threads: usize,
    source: S,
    consumer: C,
) -> Answer {
    let lanes: Vec<_> =
        contenders::all().into_iter().map(|contender| contender.lane(threads, source, consumer)).collect();
    let items = Items::Filling(plan.round, 16 * threads as u64);
    Answer {
        question,
        setting: setting.into(),
        threads: Some(threads),
        unit: "ns/item",
        rows: compare(plan, items, &lanes, bar, Run::ns_per_item),
    }
}

fn cores() -> usize {
    thread::available_parallelism().map_or(2, usize::from)
}
