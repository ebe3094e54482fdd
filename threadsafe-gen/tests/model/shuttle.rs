//! shuttle: explores many random interleavings. Every access is sequentially consistent.

use std::sync::Arc;
use std::sync::atomic::AtomicUsize as StdAtomicUsize;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Instant;

use shuttle::rand::{Rng, thread_rng};
use shuttle::scheduler::{PctScheduler, RandomScheduler, Scheduler};
use shuttle::{Config, FailurePersistence, Runner};

pub(crate) use shuttle::future::block_on;
pub(crate) use shuttle::sync::atomic::{AtomicU8, AtomicUsize, fence};
pub(crate) use shuttle::thread::{Thread, current, park, spawn};

use super::{expect_panics, long, report, trace};

/// Returns an id of this thread that no other thread ever has.
pub(crate) fn thread_id() -> usize {
    static IDS: StdAtomicUsize = StdAtomicUsize::new(1);
    shuttle::thread_local!(static ID: usize = IDS.fetch_add(1, Relaxed));
    ID.with(|id| *id)
}

/// Returns whether an unlock hands the mutex directly to the first waiting thread. `parking_lot` does so now and then.
pub(crate) fn hands_over() -> bool {
    thread_rng().gen_bool(0.5)
}

/// Installs shuttle's panic hook, so that `expect_panics` can wrap it.
pub(super) fn prepare() {
    Runner::new(RandomScheduler::new(1), config()).run(|| {});
}

fn config() -> Config {
    let mut config = Config::new();
    config.stack_size = 0x4_0000;
    // `trace.rs` prints the schedule in a form that is easier to read.
    config.failure_persistence = FailurePersistence::None;
    config
}

/// Runs `scenario` in many random interleavings: one half uniform, the other half with few preemptions at random
/// places.
///
/// The two limits are for loom and are ignored.
pub(crate) fn explore(
    name: &str,
    quick: Option<usize>,
    thorough: Option<usize>,
    scenario: impl Fn() + Send + Sync + 'static,
) {
    explore_each(name, quick, thorough, [scenario]);
}

/// Runs each scenario as [`explore`] does, and reports all of them as one model. Together they get at most as many
/// schedules as three single scenarios.
pub(crate) fn explore_each<S: Fn() + Send + Sync + 'static>(
    name: &str,
    _quick: Option<usize>,
    _thorough: Option<usize>,
    scenarios: impl IntoIterator<Item = S>,
) {
    expect_panics();
    let began = Instant::now();
    let scenarios: Vec<_> = scenarios.into_iter().map(Arc::new).collect();
    let asked = std::env::var("MODEL_SCHEDULES").ok().map(|n| n.parse().expect("`MODEL_SCHEDULES` must be a number"));
    let all = asked.unwrap_or(if long() { 100_000 } else { 2_000 });
    let half = (all * scenarios.len().min(3) / scenarios.len() / 2).max(1);
    let mut drawn = 0;
    for scenario in scenarios {
        let schedulers: [Box<dyn Scheduler + Send>; 2] =
            [Box::new(RandomScheduler::new(half)), Box::new(PctScheduler::new(3, half))];
        for scheduler in schedulers {
            let scenario = Arc::clone(&scenario);
            drawn += Runner::new(scheduler, config()).run(move || {
                trace::begin();
                scenario();
            });
        }
    }
    report(name, drawn, ", at random", began);
}
