//! The cost of creating and dropping a generator, in time and in allocations.

use std::env;
use std::hint::black_box;
use std::process::Command;

use indicatif::ProgressBar;

use crate::answer::{Answer, Row};
use crate::measure::{Items, Lane, Plan, Run, compare};
use crate::names;
use crate::sources;
use crate::work::Nothing;

/// One crate's way to create a generator.
#[derive(Clone, Copy, Debug)]
pub struct Maker {
    /// The maker's name in tables.
    pub name: &'static str,
    /// Creates a generator and drops it.
    pub untouched: fn(),
    /// Creates a generator, takes its first item and drops it before its end.
    pub started: fn(),
    /// Calls `untouched` the given number of times, in one loop, so that the compiler can inline it.
    untouched_times: fn(u64),
    /// Calls `started` the given number of times, likewise.
    started_times: fn(u64),
}

/// Writes the four functions of a maker around the expression that creates a generator. They are functions, not
/// closures, so that a `Maker` is plain data that two programs can share.
macro_rules! maker {
    ($name:expr, $make:expr) => {{
        fn untouched() {
            // Passed by reference, because a move of the generator would be measured too.
            black_box(&$make);
        }
        fn started() {
            let mut generator = $make;
            assert_eq!(black_box(&mut generator).next(), Some(1));
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

/// Returns all makers, ours first.
pub fn makers() -> Vec<Maker> {
    // `black_box` hides the number of items from the compiler, which does not know it in the other questions either.
    vec![
        maker!(names::OURS, sources::shared(black_box(9), Nothing)),
        maker!(names::OUR_GENERATOR, sources::bare(black_box(9), Nothing)),
        maker!(names::GENAWAITER_SYNC, sources::genawaiter_sync(black_box(9), Nothing)),
        maker!(names::GENAWAITER_RC, sources::genawaiter_rc(black_box(9), Nothing)),
        maker!(names::FAUXGEN_ALONE, sources::fauxgen(black_box(9), Nothing)),
        maker!(names::ASYNC_STREAM_ALONE, sources::async_stream(black_box(9), Nothing)),
    ]
}

/// Measures time in this process, and allocations in another program, because its counting allocator is slower.
pub fn ask(plan: &Plan, bar: &ProgressBar) -> Vec<Answer> {
    let makers = makers();
    let time = |setting: &str, times: fn(&Maker) -> fn(u64)| {
        let lanes: Vec<_> = makers
            .iter()
            .map(|maker| {
                let times = times(maker);
                Lane::solo(maker.name, move |items, tally| {
                    times(items);
                    // The lane counts generators, not items. The tally only has to pass the check.
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
        time(CREATED_AND_DROPPED, |maker| maker.untouched_times),
        time("created, asked for one item, dropped", |maker| maker.started_times),
    ];
    bar.set_message("allocations");
    match allocations() {
        Ok(rows) => answers.push(Answer {
            question: "making",
            setting: "created, asked for one item, dropped".into(),
            threads: None,
            unit: "allocations",
            rows,
        }),
        Err(error) => bar.suspend(|| eprintln!("allocations were not counted: {error}")),
    }
    answers
}

/// The setting of the target for creating a generator.
pub const CREATED_AND_DROPPED: &str = "created and dropped";

/// Counts the allocations of the started generators, with the program `src/bin/allocations.rs`.
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
