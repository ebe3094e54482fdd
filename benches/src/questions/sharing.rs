//! How fast, and how evenly, threads get items.

use std::thread;
use std::time::Duration;

use indicatif::ProgressBar;

use crate::answer::Answer;
use crate::contenders;
use crate::measure::{Items, Plan, Run, compare};
use crate::work::{Nothing, Spin, Work};

/// Cheap items, one thread.
pub fn one_thread(plan: &Plan, bar: &ProgressBar) -> Vec<Answer> {
    vec![ns_per_item(plan, bar, "one-thread", "cheap items", 1, Nothing, Nothing)]
}

/// Cheap items, several threads: more than there are cores, too, as in a server.
pub fn threads(plan: &Plan, bar: &ProgressBar) -> Vec<Answer> {
    [2, 4, 16, 64].map(|threads| ns_per_item(plan, bar, "threads", "cheap items", threads, Nothing, Nothing)).into()
}

/// Where the consumers have something to do, the lock is left alone for most of the time.
pub fn dear_items(plan: &Plan, bar: &ProgressBar) -> Vec<Answer> {
    let mut answers = Vec::new();
    for (time, setting) in [(1, "1 µs an item"), (100, "100 µs an item")] {
        let spin = Spin::lasting(Duration::from_micros(time));
        for threads in [cores(), 4 * cores()] {
            answers.push(ns_per_item(plan, bar, "dear-items", setting, threads, Nothing, spin));
        }
    }
    answers
}

/// Where the source is as slow as the consumer, one core goes to the source at all times.
pub fn dear_source(plan: &Plan, bar: &ProgressBar) -> Vec<Answer> {
    let spin = Spin::lasting(Duration::from_micros(1));
    [cores(), 4 * cores()]
        .map(|threads| {
            ns_per_item(plan, bar, "dear-source", "1 µs an item, and 1 µs in the source", threads, spin, spin)
        })
        .into()
}

/// Who gets the items, in rounds long enough for each thread to have had its turns on the cores.
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
        setting: "the busiest thread's share, cheap items".into(),
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
