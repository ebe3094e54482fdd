//! shuttle: many interleavings, drawn at random. Every access is sequentially consistent.

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

/// A name for this thread that no other ever has.
pub(crate) fn thread_id() -> usize {
    static NAMES: StdAtomicUsize = StdAtomicUsize::new(1);
    shuttle::thread_local!(static NAME: usize = NAMES.fetch_add(1, Relaxed));
    NAME.with(|name| *name)
}

/// Whether a mutex that is let go goes to who waits first, with nobody in between. `parking_lot` does so now and then.
pub(crate) fn hands_over() -> bool {
    thread_rng().gen_bool(0.5)
}

/// Puts up the hook for panics that shuttle has, for another to be put before it.
pub(super) fn prepare() {
    Runner::new(RandomScheduler::new(1), config()).run(|| {});
}

fn config() -> Config {
    let mut config = Config::new();
    config.stack_size = 0x4_0000;
    // `trace.rs` says it better.
    config.failure_persistence = FailurePersistence::None;
    config
}

/// Runs `scenario` in many interleavings: half of them by chance, half with a few preemptions at places that are drawn.
///
/// The bounds are those of loom.
pub(crate) fn explore(
    name: &str,
    quick: Option<usize>,
    thorough: Option<usize>,
    scenario: impl Fn() + Send + Sync + 'static,
) {
    explore_each(name, quick, thorough, [scenario]);
}

/// Runs each of several scenarios as [`explore`] does, and reports them as one model, for which as many schedules are
/// drawn as for three.
pub(crate) fn explore_each<S: Fn() + Send + Sync + 'static>(
    name: &str,
    _quick: Option<usize>,
    _thorough: Option<usize>,
    scenarios: impl IntoIterator<Item = S>,
) {
    expect_panics();
    let began = Instant::now();
    let scenarios: Vec<_> = scenarios.into_iter().map(Arc::new).collect();
    let asked = std::env::var("MODEL_SCHEDULES").ok().map(|n| n.parse().expect("`MODEL_SCHEDULES` is a number"));
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
    report(name, drawn, " by chance", began);
}
