//! What the design allows the library to cost, and what it does. A target is judged if the questions it needs were asked.

use std::fmt::Write as _;

use serde::Serialize;

use crate::answer::Answer;
use crate::names;
use crate::questions::making::MADE_AND_DROPPED;

/// A target, and how far it was met.
#[derive(Debug, Serialize)]
pub struct Verdict {
    /// What was to be cheap, and against whom.
    pub target: String,
    /// What the target says it may be.
    pub allowed: f64,
    /// What it is.
    pub measured: f64,
    /// Both are in this.
    pub unit: &'static str,
    /// Whether it is cheap enough.
    pub met: bool,
}

/// Looks up the answers for every target of a feature that there is.
///
/// Memory behind the slowest branch of a tee is not asked here but tested, by what is dropped when.
pub fn judge(answers: &[Answer]) -> Vec<Verdict> {
    let mut judge = Judge { answers, verdicts: Vec::new() };

    let one_thread = Asked { question: "one-thread", setting: None, threads: Some(1), unit: "ns/item" };
    judge.ratio("next(), one thread", one_thread, names::OURS, names::HAND, 1.2);
    judge.ratio("next(), one thread", one_thread, names::OURS, names::GENAWAITER, 0.2);

    for threads in [2, 4, 16, 64] {
        let asked = Asked { question: "threads", threads: Some(threads), ..one_thread };
        let what = format!("next(), {threads} threads");
        judge.ratio(&what, asked, names::OURS, names::HAND, 1.15);
        for peer in [names::STD, names::ORX, names::PAR_BRIDGE, names::CROSSBEAM, names::FLUME] {
            judge.ratio(&what, asked, names::OURS, peer, 1.0);
        }
    }

    for (threads, share) in [(1, 0.5), (2, 0.5), (4, 1.0 / 3.0), (16, 1.0 / 3.0), (64, 1.0 / 3.0)] {
        let question = if threads == 1 { "one-thread" } else { "threads" };
        let asked = Asked { question, threads: Some(threads), ..one_thread };
        let what = format!("buffered(64), {threads} threads");
        judge.ratio(&what, asked, names::OUR_BUFFERED, names::ORX_CHUNKS, share);
        judge.ratio(&what, asked, names::OUR_BUFFERED, names::OURS, 1.0 / 6.0);
        judge.ratio(&format!("rayon, {threads} threads"), asked, names::OUR_RAYON, names::PAR_BRIDGE, 1.0 / 3.0);
    }

    // "None", as far as a clock can tell: to be woken fifty times a second takes about half of this, whoever waits.
    let waiting = Asked { question: "waiting", setting: None, threads: Some(4), unit: "% of a core" };
    judge.figure("CPU time while the source sleeps", waiting, names::OURS, 1.0);

    let owned = Asked { question: "owned", setting: None, threads: None, unit: "ns/item" };
    judge.ratio("a generator by itself", owned, names::OUR_GENERATOR, names::GENAWAITER_RC, 1.5);
    judge.ratio("an owned ThreadsafeIter", owned, names::OURS_OWNED, names::GENAWAITER_RC, 2.0);

    let making = Asked { question: "making", setting: Some(MADE_AND_DROPPED), threads: None, unit: "ns" };
    let allocations = Asked { unit: "allocations", setting: None, ..making };
    for ours in [names::OURS, names::OUR_GENERATOR] {
        judge.ratio(&format!("making and dropping {ours}"), making, ours, names::GENAWAITER_SYNC, 1.0);
        judge.ratio(&format!("allocations of {ours}"), allocations, ours, names::GENAWAITER_SYNC, 1.0);
    }

    // Flat, but for a page here and there: a byte lost in every hundred items would be a hundred times as much.
    let memory = Asked { question: "memory", setting: None, threads: Some(2), unit: "KiB" };
    judge.figure("memory gained by an endless run", memory, names::OURS, 64.0);

    for setting in ["cargo check", "cargo build"] {
        let compiling = Asked { question: "compiling", setting: Some(setting), threads: None, unit: "ms/function" };
        let what = format!("compile time of a function, {setting}");
        judge.ratio(&what, compiling, names::ANNOTATED, names::ASYNC_TRAIT, 1.0);
    }
    judge.verdicts
}

/// Which answer a target is about.
#[derive(Clone, Copy)]
struct Asked {
    question: &'static str,
    /// How its setting starts, where there is a choice.
    setting: Option<&'static str>,
    threads: Option<usize>,
    unit: &'static str,
}

struct Judge<'a> {
    answers: &'a [Answer],
    verdicts: Vec<Verdict>,
}

impl Judge<'_> {
    fn answer(&self, asked: Asked) -> Option<&Answer> {
        self.answers.iter().find(|answer| {
            answer.question == asked.question
                && answer.threads == asked.threads
                && answer.unit == asked.unit
                && asked.setting.is_none_or(|setting| answer.setting.starts_with(setting))
        })
    }

    /// `ours` costs at most `allowed` times what `other` does.
    fn ratio(&mut self, what: &str, asked: Asked, ours: &str, other: &str, allowed: f64) {
        let measured = self.answer(asked).and_then(|answer| answer.ratio(ours, other));
        self.verdict(format!("{what}, against {other}"), measured, allowed, "x");
    }

    /// `ours` costs at most `allowed`.
    fn figure(&mut self, what: &str, asked: Asked, ours: &str, allowed: f64) {
        let measured = self.answer(asked).and_then(|answer| answer.row(ours)).map(|row| row.spread().median);
        self.verdict(what.into(), measured, allowed, asked.unit);
    }

    fn verdict(&mut self, target: String, measured: Option<f64>, allowed: f64, unit: &'static str) {
        if let Some(measured) = measured {
            self.verdicts.push(Verdict { target, allowed, measured, unit, met: measured <= allowed });
        }
    }
}

/// The verdicts, a line each; by how much, as a share of what is allowed.
pub fn table(verdicts: &[Verdict]) -> String {
    let width = verdicts.iter().map(|verdict| verdict.target.chars().count()).max().unwrap_or(0);
    let met = verdicts.iter().filter(|verdict| verdict.met).count();
    let mut table = format!("targets: {met} of {} met\n", verdicts.len());
    let _ = writeln!(table, "{:width$} {:>9} {:>9}", "", "measured", "allowed");
    for Verdict { target, allowed, measured, unit, met } in verdicts {
        let over = (measured / allowed - 1.0) * 100.0;
        let verdict = if *met { "met" } else { "MISSED" };
        let _ = writeln!(table, "{target:width$} {measured:>9.2} {allowed:>9.2} {unit:11} {verdict:6} {over:+.0} %");
    }
    table.truncate(table.trim_end().len());
    table
}
