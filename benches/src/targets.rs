//! The targets of the design, and whether they are met. A target is judged if the questions that it needs were run.

use std::fmt::Write as _;

use serde::Serialize;

use crate::answer::Answer;
use crate::names;
use crate::questions::making::CREATED_AND_DROPPED;

/// A target, and whether it is met.
#[derive(Debug, Serialize)]
pub struct Verdict {
    /// The measured operation and its baseline.
    pub target: String,
    /// The greatest value that meets the target.
    pub allowed: f64,
    /// The measured value.
    pub measured: f64,
    /// The unit of both values.
    pub unit: &'static str,
    /// Whether the target is met.
    pub met: bool,
}

/// Judges every target for which the answers are there.
///
/// The memory of a tee behind its slowest branch is not measured here: a test checks when its items are dropped.
pub fn judge(answers: &[Answer]) -> Vec<Verdict> {
    let mut judge = Judge { answers, verdicts: Vec::new() };

    let one_thread = Selection { question: "one-thread", setting: None, threads: Some(1), unit: "ns/item" };
    judge.ratio("next(), one thread", one_thread, names::OURS, names::HAND, 1.2);
    judge.ratio("next(), one thread", one_thread, names::OURS, names::GENAWAITER, 0.2);

    for threads in [2, 4, 16, 64] {
        let selection = Selection { question: "threads", threads: Some(threads), ..one_thread };
        let what = format!("next(), {threads} threads");
        judge.ratio(&what, selection, names::OURS, names::HAND, 1.15);
        for peer in [names::STD, names::ORX, names::PAR_BRIDGE, names::CROSSBEAM, names::FLUME] {
            judge.ratio(&what, selection, names::OURS, peer, 1.0);
        }
    }

    for (threads, share) in [(1, 0.5), (2, 0.5), (4, 1.0 / 3.0), (16, 1.0 / 3.0), (64, 1.0 / 3.0)] {
        let question = if threads == 1 { "one-thread" } else { "threads" };
        let selection = Selection { question, threads: Some(threads), ..one_thread };
        let what = format!("buffered(64), {threads} threads");
        judge.ratio(&what, selection, names::OUR_BUFFERED, names::ORX_CHUNKS, share);
        judge.ratio(&what, selection, names::OUR_BUFFERED, names::OURS, 1.0 / 6.0);
    }

    for threads in [2, 4, 16] {
        let selection = Selection { question: "rayon-cheap", threads: Some(threads), ..one_thread };
        let what = format!("rayon, {threads} threads");
        judge.ratio(&what, selection, names::OUR_RAYON, names::PAR_BRIDGE, 1.0);
        judge.ratio(&format!("{what}, par_chunks"), selection, names::OUR_PAR_CHUNKS, names::PAR_BRIDGE, 1.0 / 3.0);
    }
    let uneven = Selection { question: "rayon-uneven", setting: None, threads: Some(8), unit: "ms" };
    judge.ratio("rayon, uneven items", uneven, names::OUR_RAYON, names::PAR_BRIDGE, 1.1);
    let fold = Selection { question: "rayon-fold", setting: None, threads: Some(4), unit: "ns/line" };
    judge.ratio("rayon, a state for each worker", fold, names::OUR_RAYON, names::PAR_BRIDGE, 1.0);

    for ahead in [8, 64, 1024] {
        let setting = format!("cheap items, up to {ahead} ahead");
        let selection = Selection { question: "prefetch", setting: Some(&setting), threads: None, unit: "ns/item" };
        judge.ratio(&format!("prefetch({ahead})"), selection, names::OUR_PREFETCH, names::CROSSBEAM, 0.5);
    }
    // With a complete overlap the ratio is 0.5. The target allows two microseconds of overhead at each end.
    let overlap = Selection { question: "prefetch", setting: Some("20 µs"), threads: None, unit: "ns/item" };
    judge.ratio("prefetch, a source and a consumer of 20 µs", overlap, names::OUR_PREFETCH, names::PLAIN, 0.6);
    for time in ["100ns", "10µs", "1ms"] {
        for threads in [1, 2, 4, 16] {
            let selection =
                Selection { question: "parallel-map", setting: Some(time), threads: Some(threads), unit: "ns/item" };
            let what = format!("parallel_map, {time} an item, {threads} threads");
            judge.ratio(&what, selection, names::OUR_PARALLEL_MAP, names::PARITER, 1.0);
        }
    }

    let behind = Selection { question: "parallel-map", setting: Some("taken"), threads: Some(4), unit: "items" };
    judge.value("items taken and not returned behind a slow one", behind, names::OUR_PARALLEL_MAP, 8.0);

    // The target is "none". The wake-ups alone, fifty per second, take about half of this with every contender.
    let waiting = Selection { question: "waiting", setting: None, threads: Some(4), unit: "% of a core" };
    judge.value("CPU time while the source sleeps", waiting, names::OURS, 1.0);

    let owned = Selection { question: "owned", setting: None, threads: None, unit: "ns/item" };
    judge.ratio("a generator without a lock", owned, names::OUR_GENERATOR, names::GENAWAITER_RC, 1.5);
    judge.ratio("an owned ThreadsafeIter", owned, names::OURS_OWNED, names::GENAWAITER_RC, 2.0);

    let making = Selection { question: "making", setting: Some(CREATED_AND_DROPPED), threads: None, unit: "ns" };
    let allocations = Selection { unit: "allocations", setting: None, ..making };
    for ours in [names::OURS, names::OUR_GENERATOR] {
        judge.ratio(&format!("creating and dropping {ours}"), making, ours, names::GENAWAITER_SYNC, 1.0);
        judge.ratio(&format!("allocations of {ours}"), allocations, ours, names::GENAWAITER_SYNC, 1.0);
    }

    // The target is "flat", with room for some pages. A leak of one byte per hundred items would exceed it many times
    // over.
    let memory = Selection { question: "memory", setting: None, threads: Some(2), unit: "KiB" };
    judge.value("growth of memory in an endless run", memory, names::OURS, 64.0);

    for setting in ["cargo check", "cargo build"] {
        let compiling = Selection { question: "compiling", setting: Some(setting), threads: None, unit: "ms/function" };
        let what = format!("compile time of a function, {setting}");
        judge.ratio(&what, compiling, names::ANNOTATED, names::ASYNC_TRAIT, 1.0);
    }
    judge.verdicts
}

/// Selects the answer that a target is judged by.
#[derive(Clone, Copy)]
struct Selection<'a> {
    question: &'static str,
    /// The beginning of the setting, if the question has several.
    setting: Option<&'a str>,
    threads: Option<usize>,
    unit: &'static str,
}

struct Judge<'a> {
    answers: &'a [Answer],
    verdicts: Vec<Verdict>,
}

impl Judge<'_> {
    fn answer(&self, selection: Selection<'_>) -> Option<&Answer> {
        self.answers.iter().find(|answer| {
            answer.question == selection.question
                && answer.threads == selection.threads
                && answer.unit == selection.unit
                && selection.setting.is_none_or(|setting| answer.setting.starts_with(setting))
        })
    }

    /// Adds the target that `ours` costs at most `allowed` times as much as `other`.
    fn ratio(&mut self, what: &str, selection: Selection<'_>, ours: &str, other: &str, allowed: f64) {
        let measured = self.answer(selection).and_then(|answer| answer.ratio(ours, other));
        self.verdict(format!("{what}, relative to {other}"), measured, allowed, "x");
    }

    /// Adds the target that `ours` costs at most `allowed`.
    fn value(&mut self, what: &str, selection: Selection<'_>, ours: &str, allowed: f64) {
        let measured = self.answer(selection).and_then(|answer| answer.row(ours)).map(|row| row.spread().median);
        self.verdict(what.into(), measured, allowed, selection.unit);
    }

    fn verdict(&mut self, target: String, measured: Option<f64>, allowed: f64, unit: &'static str) {
        if let Some(measured) = measured {
            self.verdicts.push(Verdict { target, allowed, measured, unit, met: measured <= allowed });
        }
    }
}

/// Formats the verdicts, one per line, with the deviation from the allowed value in percent.
pub fn table(verdicts: &[Verdict]) -> String {
    let width = verdicts.iter().map(|verdict| verdict.target.chars().count()).max().unwrap_or(0);
    let met = verdicts.iter().filter(|verdict| verdict.met).count();
    let mut table = format!("targets: {met} of {} met\n", verdicts.len());
    let _ = writeln!(table, "{:width$} {:>9} {:>9}", "", "measured", "allowed");
    for Verdict { target, allowed, measured, unit, met } in verdicts {
        let deviation = (measured / allowed - 1.0) * 100.0;
        let verdict = if *met { "met" } else { "MISSED" };
        let _ =
            writeln!(table, "{target:width$} {measured:>9.2} {allowed:>9.2} {unit:11} {verdict:6} {deviation:+.0} %");
    }
    table.truncate(table.trim_end().len());
    table
}
