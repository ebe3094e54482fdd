//! loom: explores every interleaving, and every value that a load may return.

use std::cell::{Cell, RefCell};
use std::ops::Deref;
use std::sync::atomic::AtomicUsize as StdAtomicUsize;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use loom::sync::atomic;

pub(crate) use loom::future::block_on;
pub(crate) use loom::sync::atomic::fence;
pub(crate) use loom::thread::{Thread, current, park, spawn};

use super::{expect_panics, long, report, trace};

/// A value that is created at its first use, so that a `const fn` can create its owner.
struct Lazy<T> {
    value: OnceLock<T>,
    make: fn() -> T,
}

impl<T> Lazy<T> {
    const fn new(make: fn() -> T) -> Self {
        Self { value: OnceLock::new(), make }
    }
}

impl<T> Deref for Lazy<T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.value.get_or_init(self.make)
    }
}

/// The number of atomics of each width that one schedule may use.
const POOL: usize = 48;

/// Atomics that are created before the first thread starts.
///
/// loom reports a race if a thread uses an atomic that another thread created without synchronization. The atomics of
/// the models are created at their first use, see [`Lazy`], which can be on any thread. Therefore they come from this
/// pool.
struct Pool {
    bytes: RefCell<Vec<atomic::AtomicU8>>,
    words: RefCell<Vec<atomic::AtomicUsize>>,
}

thread_local! {
    // One per system thread: all threads of a model run on the same system thread.
    static POOL_OF_SCHEDULE: Pool = const { Pool { bytes: RefCell::new(Vec::new()), words: RefCell::new(Vec::new()) } };
    static HANDS_OVER: Cell<bool> = const { Cell::new(false) };
}

macro_rules! pooled {
    ($name:ident, $integer:ty, $pool:ident) => {
        pub(crate) struct $name(Lazy<atomic::$name>);

        impl $name {
            pub(crate) const fn new(value: $integer) -> Self {
                assert!(value == 0);
                Self(Lazy::new(|| {
                    POOL_OF_SCHEDULE.with(|pool| pool.$pool.borrow_mut().pop()).expect("`POOL` should be larger")
                }))
            }
        }

        impl Deref for $name {
            type Target = atomic::$name;

            fn deref(&self) -> &atomic::$name {
                &self.0
            }
        }
    };
}

pooled!(AtomicU8, u8, bytes);
pooled!(AtomicUsize, usize, words);

/// Returns an id of this thread that no other thread ever has.
pub(crate) fn thread_id() -> usize {
    static IDS: StdAtomicUsize = StdAtomicUsize::new(1);
    loom::thread_local!(static ID: usize = IDS.fetch_add(1, Relaxed));
    ID.with(|id| *id)
}

/// Returns whether an unlock hands the mutex directly to the first waiting thread. `parking_lot` does so now and then.
pub(crate) fn hands_over() -> bool {
    HANDS_OVER.get()
}

/// Does nothing: loom needs no preparation.
pub(super) fn prepare() {}

/// Runs `scenario` in all interleavings with up to `quick` preemptions, or `thorough` in the long run. `None` is no
/// limit.
///
/// Runs it twice: with mutexes that are handed over at an unlock, and with mutexes that are not.
pub(crate) fn explore(
    name: &str,
    quick: Option<usize>,
    thorough: Option<usize>,
    scenario: impl Fn() + Send + Sync + 'static,
) {
    explore_each(name, quick, thorough, [scenario]);
}

/// Runs each scenario as [`explore`] does, and reports all of them as one model.
pub(crate) fn explore_each<S: Fn() + Send + Sync + 'static>(
    name: &str,
    quick: Option<usize>,
    thorough: Option<usize>,
    scenarios: impl IntoIterator<Item = S>,
) {
    expect_panics();
    let began = Instant::now();
    let schedules = Arc::new(StdAtomicUsize::new(0));
    let mut builder = loom::model::Builder::new();
    builder.max_branches = 10_000;
    if builder.preemption_bound.is_none() {
        builder.preemption_bound = if long() { thorough } else { quick };
    }
    for scenario in scenarios {
        let scenario = Arc::new(scenario);
        for hands_over in [false, true] {
            let (scenario, schedules) = (Arc::clone(&scenario), Arc::clone(&schedules));
            builder.check(move || {
                schedules.fetch_add(1, Relaxed);
                trace::begin();
                HANDS_OVER.set(hands_over);
                POOL_OF_SCHEDULE.with(|pool| {
                    pool.bytes.replace((0..POOL).map(|_| atomic::AtomicU8::new(0)).collect());
                    pool.words.replace((0..POOL).map(|_| atomic::AtomicUsize::new(0)).collect());
                });
                scenario();
                POOL_OF_SCHEDULE.with(|pool| {
                    pool.bytes.take();
                    pool.words.take();
                });
            });
        }
    }
    let bound = builder.preemption_bound.map_or("all".to_owned(), |n| format!("up to {n} preemptions"));
    report(name, schedules.load(Relaxed), &format!(", {bound}"), began);
}
