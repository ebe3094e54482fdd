//! The library against models of it: the same random calls on both, which have to answer alike.
//!
//! A model is written from the documentation. It knows neither threads nor locks, so there is little in it to go wrong; what
//! only threads can do wrong is not for these tests. A sequence of calls that fails is shrunk before it is shown.
//! With `PROPTEST_CASES=100000` they look longer.

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

/// Runs `test` on random inputs, each with a limit on its time.
///
/// # Panics
///
/// If `test` panics, with the smallest input that could be found for which it does.
fn check<S>(inputs: &S, test: fn(S::Value))
where
    S: Strategy<Value: Send + Clone + 'static>,
{
    // What was found once is to become a test of its own.
    let mut config = Config { failure_persistence: None, ..Config::default() };
    if env::var_os("PROPTEST_CASES").is_none() {
        config.cases = 1000;
    }
    let run = |input: S::Value| {
        limited(move || quietly(|| test(input)));
        Ok(())
    };
    if let Err(failure) = TestRunner::new(config).run(inputs, run) {
        panic!("{failure}");
    }
}

/// Prints no panic of this thread: most of them are asked for, and the others reach [`check`].
fn quietly<R>(action: impl FnOnce() -> R) -> R {
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
