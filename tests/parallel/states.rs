//! The number of states (`map_init`, `fold`) of a drive: a few for each thread, not for each item.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::thread;
use std::time::Duration;

use rayon::prelude::*;
use support::limited;
use threadsafe_gen::ThreadsafeExt;

use crate::{annotated, in_one_of_several_tries, pool, sleep};

/// Returns how many states `map_init` and `fold` have made of a source of `items`, each of which takes so long to pull
/// and to process.
fn states(threads: usize, items: usize, making: Duration, using: Duration) -> (usize, usize) {
    let pool = pool(threads);
    let (inits, folds) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let source = || (0..items).inspect(move |_| sleep(making)).threadsafe();
    let by_init = source().into_par_iter().map_init(|| inits.fetch_add(1, SeqCst), |_, _| sleep(using));
    assert_eq!(pool.install(|| by_init.count()), items);
    let by_fold = source().into_par_iter().fold(
        || {
            folds.fetch_add(1, SeqCst);
            0
        },
        |count, _| {
            sleep(using);
            count + 1
        },
    );
    assert_eq!(pool.install(|| by_fold.sum::<usize>()), items);
    (inits.into_inner(), folds.into_inner())
}

#[test]
fn states_are_a_small_multiple_of_the_threads() {
    limited(|| {
        for threads in [1, 2, 4, 8] {
            for (items, making, using) in [(400, 0, 500), (200, 1000, 0), (150, 1000, 4000), (100_000, 0, 0)] {
                let [making, using] = [making, using].map(Duration::from_micros);
                in_one_of_several_tries(|| {
                    let (inits, folds) = states(threads, items, making, using);
                    let message = || format!("{inits}, {folds}: {threads} threads, {making:?}, {using:?}");
                    if inits.max(folds) <= 8 * threads { Ok(()) } else { Err(message()) }
                });
            }
        }
    });
}

/// Of a source that takes longer for an item than an idle task waits.
#[test]
fn a_slow_source_costs_few_states_too() {
    limited(|| {
        for (making, using) in [(25, 0), (25, 4), (30, 20)] {
            let [making, using] = [making, using].map(Duration::from_millis);
            in_one_of_several_tries(|| {
                let (inits, folds) = states(4, 30, making, using);
                let message = || format!("{inits}, {folds}: {making:?}, {using:?}");
                if inits.max(folds) <= 16 { Ok(()) } else { Err(message()) }
            });
        }
    });
}

#[test]
fn words_are_counted_by_a_few_maps() {
    limited(|| {
        let pool = pool(4);
        let lines = annotated(20_000).map(|n| format!("{} {} {}", n % 7, n % 11, n % 13)).threadsafe();
        let maps = AtomicUsize::new(0);
        let counts = pool.install(|| {
            lines
                .into_par_iter()
                .fold(
                    || {
                        maps.fetch_add(1, SeqCst);
                        BTreeMap::<String, usize>::new()
                    },
                    |mut counts, line| {
                        for word in line.split(' ') {
                            *counts.entry(word.to_owned()).or_default() += 1;
                        }
                        counts
                    },
                )
                .reduce(BTreeMap::new, |mut all, counts| {
                    for (word, count) in counts {
                        *all.entry(word).or_default() += count;
                    }
                    all
                })
        });
        assert_eq!(counts.values().sum::<usize>(), 60_000);
        assert_eq!(counts.len(), 13);
        assert!(maps.into_inner() <= 16);
    });
}

/// A folder that wants no more is not the last one.
#[test]
fn a_fold_that_breaks_off_is_followed_by_another() {
    limited(|| {
        for threads in [1, 2, 4] {
            let shared = annotated(5000);
            let results: Vec<Result<usize, usize>> = pool(threads).install(|| {
                let parts =
                    shared.par_iter().try_fold(|| 0, |count, n| if n % 100 == 99 { Err(n) } else { Ok(count + 1) });
                parts.collect()
            });
            if threads == 1 {
                // One folder is all that a pool of one has.
                assert_eq!(results, [Err(99)]);
                assert_eq!(shared.next(), Some(100));
            } else {
                assert_eq!(results.iter().filter(|result| result.is_err()).count(), 50);
                assert_eq!(shared.next(), None);
            }
        }
    });
}

/// A task that sleeps for a while keeps its state.
#[test]
fn pauses_of_a_few_milliseconds_cost_no_states() {
    limited(|| {
        let states = AtomicUsize::new(0);
        let source = (0..200_usize).inspect(|n| {
            if n % 10 == 0 {
                thread::sleep(Duration::from_millis(4));
            }
        });
        let count = source.threadsafe().into_par_iter().map_init(|| states.fetch_add(1, SeqCst), |_, _| ()).count();
        assert_eq!(count, 200);
        assert!(states.into_inner() <= 4 * rayon::current_num_threads());
    });
}
