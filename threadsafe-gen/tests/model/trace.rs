//! Atomics that record their operations, so that a failing schedule can be printed.

use std::cell::RefCell;
use std::fmt::{Debug, Write};
use std::panic::Location;
use std::sync::atomic::Ordering;

use super::backend::{self, thread_id};

thread_local! {
    // One per system thread: all threads of a model run on the same system thread.
    static STEPS: RefCell<Vec<(usize, &'static Location<'static>, &'static str, String)>> = const { RefCell::new(Vec::new()) };
}

/// Records a step of this thread, with the caller's location.
#[track_caller]
pub(super) fn step(what: &'static str, value: impl Debug) {
    let (thread, place) = (thread_id(), Location::caller());
    STEPS.with_borrow_mut(|steps| steps.push((thread, place, what, format!("{value:?}"))));
}

/// Clears the steps of the previous schedule.
pub(super) fn begin() {
    STEPS.with_borrow_mut(Vec::clear);
}

/// Returns the steps of this schedule, one per line. Threads are numbered in the order of their first steps.
pub(super) fn steps() -> String {
    let (mut text, mut threads) = (String::new(), Vec::new());
    STEPS.with_borrow(|steps| {
        for (thread, place, what, value) in steps {
            let known = threads.iter().position(|known| known == thread);
            let number = known.unwrap_or_else(|| {
                threads.push(*thread);
                threads.len() - 1
            });
            let file = place.file().rsplit('/').next().unwrap_or_default();
            let _ =
                writeln!(text, "{:indent$}{number}: {file}:{} {what} {value}", "", place.line(), indent = number * 8);
        }
    });
    text
}

macro_rules! traced {
    ($name:ident, $integer:ty) => {
        #[allow(dead_code, reason = "not every width is used in every way")]
        pub(crate) struct $name(backend::$name);

        #[allow(dead_code, reason = "not every width is used in every way")]
        impl $name {
            pub(crate) const fn new(value: $integer) -> Self {
                Self(backend::$name::new(value))
            }

            #[track_caller]
            pub(crate) fn load(&self, order: Ordering) -> $integer {
                let value = self.0.load(order);
                step("load", value);
                value
            }

            #[track_caller]
            pub(crate) fn store(&self, value: $integer, order: Ordering) {
                self.0.store(value, order);
                step("store", value);
            }

            #[track_caller]
            pub(crate) fn swap(&self, value: $integer, order: Ordering) -> $integer {
                let old = self.0.swap(value, order);
                step("swap", old);
                old
            }

            #[track_caller]
            pub(crate) fn fetch_add(&self, value: $integer, order: Ordering) -> $integer {
                let old = self.0.fetch_add(value, order);
                step("fetch_add", old);
                old
            }

            #[track_caller]
            pub(crate) fn fetch_sub(&self, value: $integer, order: Ordering) -> $integer {
                let old = self.0.fetch_sub(value, order);
                step("fetch_sub", old);
                old
            }

            #[track_caller]
            pub(crate) fn fetch_or(&self, value: $integer, order: Ordering) -> $integer {
                let old = self.0.fetch_or(value, order);
                step("fetch_or", old);
                old
            }

            #[track_caller]
            pub(crate) fn fetch_and(&self, value: $integer, order: Ordering) -> $integer {
                let old = self.0.fetch_and(value, order);
                step("fetch_and", old);
                old
            }

            #[track_caller]
            pub(crate) fn compare_exchange(
                &self,
                old: $integer,
                new: $integer,
                success: Ordering,
                failure: Ordering,
            ) -> Result<$integer, $integer> {
                let result = self.0.compare_exchange(old, new, success, failure);
                step("compare_exchange", (old, new, result));
                result
            }

            #[track_caller]
            pub(crate) fn fetch_update(
                &self,
                success: Ordering,
                failure: Ordering,
                update: impl FnMut($integer) -> Option<$integer>,
            ) -> Result<$integer, $integer> {
                let result = self.0.fetch_update(success, failure, update);
                step("fetch_update", result);
                result
            }
        }
    };
}

traced!(AtomicU8, u8);
traced!(AtomicUsize, usize);
