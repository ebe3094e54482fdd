//! A source that runs ahead, results in the order of the items, and both in a chain: shared, closed, dropped half-way,
//! with panics of the source and of the function, and with time limits.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread;
use std::time::Duration;

use fastrand::Rng;
use threadsafe_gen::{ParallelMap, ThreadsafeExt, ThreadsafeIter, TryNextError};

use crate::items::{Count, Item, check_panic, planned_panic};
use crate::iterators::{adapted, generated, share};

pub(crate) fn round(rng: &mut Rng) -> u64 {
    let count = Count::default();
    let length = rng.usize(0..600);
    let panics = if rng.u8(..4) == 0 { rng.usize(..=length) } else { usize::MAX };
    let ahead = rng.usize(1..40);
    let operations = match rng.u8(..4) {
        0 => share(adapted(count.clone(), length, panics).prefetch(ahead), length, panics, rng),
        1 => share(generated(count.clone(), length, panics).prefetch(ahead).boxed(), length, panics, rng),
        2 => in_order(generated(count.clone(), length, panics).prefetch(ahead), length, panics, rng),
        _ => in_order(adapted(count.clone(), length, panics), length, panics, rng),
    };
    // Nothing joins the threads that run ahead or process items.
    count.wait_until_none_left();
    operations
}

/// Maps the items in parallel, consumes some or all results, and checks their order.
fn in_order<I>(source: I, length: usize, source_panics: usize, rng: &mut Rng) -> u64
where
    I: Iterator<Item = Item> + Send + 'static,
{
    let f_panics = if rng.u8(..4) == 0 { rng.usize(..=length) } else { usize::MAX };
    // Most items are cheap, some are slow, and some let the other threads run.
    let slow = rng.usize(1..200);
    let f = move |item: Item| {
        let number = item.number();
        if number == f_panics {
            planned_panic();
        }
        match number % slow {
            0 => thread::sleep(Duration::from_micros(100)),
            1 => thread::yield_now(),
            _ => {}
        }
        item
    };
    let mut results = source.parallel_map(rng.usize(1..=8), f);
    // The results before the first panic come out, and then the panic.
    let complete = length.min(source_panics).min(f_panics);
    let wanted = if rng.bool() { usize::MAX } else { rng.usize(..=length) };
    if rng.u8(..4) == 0 {
        return ahead(results, complete, length, rng);
    }
    for number in 0..complete.min(wanted) {
        assert_eq!(results.next().map(|item| item.number()), Some(number));
    }
    if wanted > complete {
        match catch_unwind(AssertUnwindSafe(|| results.next())) {
            Ok(end) => assert!(end.is_none() && complete == length, "an end before the end"),
            Err(payload) => {
                check_panic(payload);
                assert!(complete < length, "a panic without a reason");
            }
        }
    }
    complete.min(wanted) as u64 + 1
}

/// Lets the results run ahead once more, with one consumer that waits with time limits, until the end or a close.
fn ahead(results: ParallelMap<Item>, complete: usize, length: usize, rng: &mut Rng) -> u64 {
    let results = results.prefetch(rng.usize(1..20));
    let closes_at = if rng.bool() { rng.usize(..=length) } else { usize::MAX };
    let mut operations = 0;
    let all = || {
        let mut number = 0;
        loop {
            operations += 1;
            if number == closes_at {
                results.close();
                assert!(results.next().is_none());
                break;
            }
            match next(&results, rng) {
                Ok(Some(item)) => assert_eq!(item.number(), number),
                Ok(None) => {
                    assert_eq!((number, complete), (length, length));
                    break;
                }
                Err(TryNextError::WouldBlock | TryNextError::TimedOut) => continue,
                Err(error) => {
                    assert_eq!(error, TryNextError::Poisoned);
                    // Reports the panic by a panic.
                    results.next();
                }
            }
            number += 1;
        }
    };
    if let Err(payload) = catch_unwind(AssertUnwindSafe(all)) {
        check_panic(payload);
        assert!(results.is_poisoned());
    }
    operations
}

/// Takes the next item in one of several ways.
fn next<I: Iterator<Item = Item>>(results: &ThreadsafeIter<I>, rng: &mut Rng) -> Result<Option<Item>, TryNextError> {
    match rng.u8(..3) {
        0 => Ok(results.next()),
        1 => results.next_timeout(Duration::from_micros(rng.u64(..50))),
        _ => results.try_next(),
    }
}
