//! Compares the library with models: the same random calls are made on both, and the answers must be equal.
//!
//! The models are written from the documentation. They use neither threads nor locks, which keeps them simple; faults
//! that need several threads are not the subject of these tests. A failing sequence of calls is shrunk before it is
//! printed. `PROPTEST_CASES=100000` runs more cases.

mod coroutine;
mod iter;
mod iter_model;
mod script;
mod stream;
mod tee;

use std::cell::Cell;
use std::env;
use std::panic::{self, AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Once;

use proptest::strategy::Strategy;
use proptest::test_runner::{Config, TestRunner};
use support::limited;

/// Runs `test` on random inputs, each with a time limit.
///
/// # Panics
///
/// If `test` panics, with the smallest failing input that was found.
fn check<S>(inputs: &S, test: fn(S::Value))
where
    S: Strategy<Value: Send + Clone + 'static>,
{
    // Failures are not saved to a file: a failure that was found becomes a separate test.
    let mut config = Config { failure_persistence: None, ..Config::default() };
    if env::var_os("PROPTEST_CASES").is_none() {
        config.cases = 1000;
    }
    let run = |input: S::Value| {
        limited(move || without_panic_messages(|| test(input)));
        Ok(())
    };
    if let Err(failure) = TestRunner::new(config).run(inputs, run) {
        panic!("{failure}");
    }
}

/// Runs `action` without printing panics of this thread: most of them are intended, and [`check`] reports the others.
fn without_panic_messages<R>(action: impl FnOnce() -> R) -> R {
    thread_local!(static QUIET: Cell<bool> = const { Cell::new(false) });
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let print = panic::take_hook();
        panic::set_hook(Box::new(move |panic| {
            if !QUIET.get() {
                print(panic);
            }
        }));
    });
    QUIET.set(true);
    let result = catch_unwind(AssertUnwindSafe(action));
    QUIET.set(false);
    result.unwrap_or_else(|payload| resume_unwind(payload))
}
