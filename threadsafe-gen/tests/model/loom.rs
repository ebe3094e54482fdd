//! loom: every interleaving, and every value that a load may return.

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

/// Made when it is first used, so that what holds it can be made by a `const fn`.
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

/// How many atomics of each kind one schedule may use.
const POOL: usize = 48;

/// Atomics that are made before there are threads.
///
/// loom takes it for a race if a thread touches an atomic that another made without telling it. Those in here are made when they are
/// first touched, see [`Lazy`], which any thread may be the first to do; so they are made beforehand.
struct Pool {
    bytes: RefCell<Vec<atomic::AtomicU8>>,
    words: RefCell<Vec<atomic::AtomicUsize>>,
}

thread_local! {
    // Of the thread of the system, on which all of loom's run.
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

/// A name for this thread that no other ever has.
pub(crate) fn thread_id() -> usize {
    static NAMES: StdAtomicUsize = StdAtomicUsize::new(1);
    loom::thread_local!(static NAME: usize = NAMES.fetch_add(1, Relaxed));
    NAME.with(|name| *name)
}

/// Whether a mutex that is let go goes to who waits first, with nobody in between. `parking_lot` does so now and then.
pub(crate) fn hands_over() -> bool {
    HANDS_OVER.get()
}

/// There is nothing to be made ready.
pub(super) fn prepare() {}

/// Runs `scenario` in all its interleavings, with as many preemptions as `quick` or `thorough` says; with `None`, with any.
///
/// Twice: with a mutex that is handed over, and with one that is not.
pub(crate) fn explore(
    name: &str,
    quick: Option<usize>,
    thorough: Option<usize>,
    scenario: impl Fn() + Send + Sync + 'static,
) {
    explore_each(name, quick, thorough, [scenario]);
}

/// Runs each of several scenarios as [`explore`] does, and reports them as one model.
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
