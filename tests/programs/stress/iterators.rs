//! `ThreadsafeIter`, with all of its methods.

use std::hint::black_box;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use fastrand::Rng;
use threadsafe_gen::{ThreadsafeIter, TryNextError, threadsafe_generator};

use crate::items::{Count, Item, check_panic, planned_panic};
use crate::on_threads;

/// A generator of the items below `length`, which panics at the item `panics`.
#[threadsafe_generator]
pub(crate) fn generated(count: Count, length: usize, panics: usize) -> impl Iterator<Item = Item> {
    let held_across_yields = count.item(usize::MAX);
    for number in 0..length {
        if number == panics {
            planned_panic();
        }
        yield_!(count.item(number));
    }
    black_box(&held_across_yields);
}

/// A plain iterator of the same items.
pub(crate) fn adapted(count: Count, length: usize, panics: usize) -> impl Iterator<Item = Item> + Send {
    (0..length).map(move |number| if number == panics { planned_panic() } else { count.item(number) })
}

pub(crate) fn round(rng: &mut Rng) -> u64 {
    let count = Count::default();
    let length = rng.usize(0..600);
    let panics = if rng.u8(..4) == 0 { rng.usize(..=length) } else { usize::MAX };
    let operations = if rng.bool() {
        share(generated(count.clone(), length, panics), length, panics, rng)
    } else {
        share(ThreadsafeIter::new(adapted(count.clone(), length, panics)), length, panics, rng)
    };
    count.assert_none_left();
    operations
}

/// Takes the items on several threads by all methods, and checks that each arrives once. Returns the number of
/// operations.
pub(crate) fn share<I>(source: ThreadsafeIter<I>, length: usize, panics: usize, rng: &mut Rng) -> u64
where
    I: Iterator<Item = Item> + Send + 'static,
{
    let source = Arc::new(source);
    let closes = rng.u8(..4) == 0;
    let results = on_threads(rng.usize(2..=16), rng, {
        let source = Arc::clone(&source);
        move |mut rng| {
            let mut taken = Vec::new();
            let mut operations = 0;
            loop {
                operations += 1;
                let before = taken.len();
                let outcome = catch_unwind(AssertUnwindSafe(|| take_some(&source, &mut rng, &mut taken)));
                match outcome {
                    Ok(false) => (),
                    // No items are left for this thread. Other threads may still put items back.
                    Ok(true) => break,
                    Err(payload) => {
                        check_panic(payload);
                        // If `close` was called before the panic, the iterator is closed and not poisoned.
                        assert!(source.is_poisoned() || closes);
                        break;
                    }
                }
                if closes && taken.len() > before && rng.u8(..32) == 0 {
                    source.close();
                }
            }
            (taken, operations)
        }
    });
    let source = Arc::into_inner(source).expect("all threads have ended");
    let closed_early = closes && length > 0;
    let panicked = panics < length;
    let mut taken = Vec::new();
    let mut operations = 0;
    for (of_one, by_one) in results {
        taken.extend(of_one.iter().map(Item::number));
        operations += by_one;
    }
    // Consumers may have put items back after all other threads had ended.
    if source.is_poisoned() {
        drop(source);
    } else {
        taken.extend(source.map(|item| item.number()));
    }
    taken.sort_unstable();
    if closed_early || panicked {
        taken.dedup_by(|next, one| {
            assert_ne!(next, one, "an item was delivered twice");
            false
        });
        assert!(taken.last().is_none_or(|&last| last < length.min(panics)));
    } else {
        assert!(taken.iter().copied().eq(0..length), "an item was lost or delivered twice");
    }
    operations
}

/// Takes some items by a randomly chosen method. Returns `true` if there were none left.
fn take_some<I: Iterator<Item = Item>>(source: &ThreadsafeIter<I>, rng: &mut Rng, taken: &mut Vec<Item>) -> bool {
    let wanted = rng.usize(1..8);
    let before = taken.len();
    let some_of = |items: &mut dyn Iterator<Item = Item>, taken: &mut Vec<Item>| taken.extend(items.take(wanted));
    match rng.u8(..14) {
        0 => match source.try_next() {
            Ok(item) => taken.extend(item),
            Err(TryNextError::WouldBlock) => return false,
            Err(error) => {
                assert_eq!(error, TryNextError::Poisoned);
                // All other methods report the panic by a panic.
                source.next();
            }
        },
        1 => match source.next_timeout(Duration::from_micros(rng.u64(..50))) {
            Ok(item) => taken.extend(item),
            Err(TryNextError::TimedOut) => return false,
            Err(error) => {
                assert_eq!(error, TryNextError::Poisoned);
                source.next();
            }
        },
        2 | 3 => {
            let Some((index, item)) = source.next_indexed() else { return true };
            assert_eq!(index, item.number());
            taken.push(item);
        }
        4 => some_of(&mut source.lock(), taken),
        5 | 6 => some_of(&mut source.buffered(rng.usize(1..20)), taken),
        7 => {
            for (index, item) in source.buffered(rng.usize(1..5)).indexed().take(wanted) {
                assert_eq!(index, item.number());
                taken.push(item);
            }
        }
        8 => taken.extend(source.chunks(rng.usize(1..9)).take(2).flatten()),
        9 => {
            for (index, items) in source.chunks(rng.usize(1..9)).indexed().take(1) {
                assert!(items.iter().map(Item::number).eq(index..index + items.len()));
                taken.extend(items);
            }
        }
        10 => some_of(&mut source.iter(), taken),
        11 => {
            black_box((source.size_hint(), format!("{source:?}"), source.is_finished(), source.is_poisoned()));
            return false;
        }
        _ => taken.extend(source.next()),
    }
    taken.len() == before
}
