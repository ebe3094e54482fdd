//! What it costs to make a generator and to drop it, in time and in allocations.

use std::env;
use std::hint::black_box;
use std::process::Command;

use indicatif::ProgressBar;

use crate::answer::{Answer, Row};
use crate::measure::{Items, Lane, Plan, Run, compare};
use crate::names;
use crate::sources;
use crate::work::Nothing;

/// One crate's way to make a generator.
#[derive(Clone, Copy, Debug)]
pub struct Maker {
    /// Its name in tables.
    pub name: &'static str,
    /// Makes and drops one.
    pub untouched: fn(),
    /// Makes one, takes its first item and drops it half-way.
    pub started: fn(),
    /// `untouched` so many times, in one loop that the compiler sees whole.
    untouched_times: fn(u64),
    started_times: fn(u64),
}

/// Writes the four functions of a maker around the expression that makes one: functions, and not a closure, so that a
/// `Maker` is plain data that two programs can share.
macro_rules! maker {
    ($name:expr, $make:expr) => {{
        fn untouched() {
            // By reference, so that the generator is not moved around for the sake of the measurement.
            black_box(&$make);
        }
        fn started() {
            let mut made = $make;
            assert_eq!(black_box(&mut made).next(), Some(1));
        }
        Maker {
            name: $name,
            untouched,
            started,
            untouched_times: |times| (0..times).for_each(|_| untouched()),
            started_times: |times| (0..times).for_each(|_| started()),
        }
    }};
}

/// Everybody, ours first.
pub fn makers() -> Vec<Maker> {
    // How far the source would count is not known to the compiler in any other question either.
    vec![
        maker!(names::OURS, sources::shared(black_box(9), Nothing)),
        maker!(names::OUR_GENERATOR, sources::bare(black_box(9), Nothing)),
        maker!(names::GENAWAITER_SYNC, sources::genawaiter_sync(black_box(9), Nothing)),
        maker!(names::GENAWAITER_RC, sources::genawaiter_rc(black_box(9), Nothing)),
        maker!(names::FAUXGEN_ALONE, sources::fauxgen(black_box(9), Nothing)),
        maker!(names::ASYNC_STREAM_ALONE, sources::async_stream(black_box(9), Nothing)),
    ]
}

/// Time on this process's own allocator; allocations in another program, whose allocator counts and is slower for it.
pub fn ask(plan: &Plan, bar: &ProgressBar) -> Vec<Answer> {
    let makers = makers();
    let time = |setting: &str, times: fn(&Maker) -> fn(u64)| {
        let lanes: Vec<_> = makers
            .iter()
            .map(|maker| {
                let times = times(maker);
                Lane::solo(maker.name, move |items, tally| {
                    times(items);
                    // What is counted are generators. The tally is for the check alone.
                    tally.assume(items);
                })
            })
            .collect();
        Answer {
            question: "making",
            setting: setting.into(),
            threads: None,
            unit: "ns",
            rows: compare(plan, Items::Filling(plan.round, 1000), &lanes, bar, Run::ns_per_item),
        }
    };
    let mut answers = vec![
        time(MADE_AND_DROPPED, |maker| maker.untouched_times),
        time("made, asked for one item, dropped", |maker| maker.started_times),
    ];
    bar.set_message("allocations");
    match allocations() {
        Ok(rows) => answers.push(Answer {
            question: "making",
            setting: "made, asked for one item, dropped".into(),
            threads: None,
            unit: "allocations",
            rows,
        }),
        Err(why) => bar.suspend(|| eprintln!("allocations were not counted: {why}")),
    }
    answers
}

/// The setting that the target is about.
pub const MADE_AND_DROPPED: &str = "made and dropped";

/// Has `src/bin/allocations.rs` count them.
fn allocations() -> Result<Vec<Row>, String> {
    let output = Command::new(env!("CARGO"))
        .args(["run", "--quiet", "--release", "--offline", "--package", "benches", "--bin", "allocations"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .map_err(|error| error.to_string())?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned());
    }
    let counts: Vec<f64> = serde_json::from_slice(&output.stdout).map_err(|error| error.to_string())?;
    Ok(makers().iter().zip(counts).map(|(maker, count)| Row { contender: maker.name, samples: vec![count] }).collect())
}
