//! Results in the order of the items: no end, panic or drop goes unnoticed by the workers or the consumer.

use std::panic::resume_unwind;
use std::sync::Arc;

use super::{End, Log, Source};
use crate::model::backend::{explore, spawn};
use crate::model::outcome;
use crate::ordered;

/// Runs `threads` workers over a source, and `consume` on this thread.
fn map<R>(
    threads: usize,
    (source, log): (Source, Arc<Log>),
    function: impl Fn(usize) -> usize + Clone + Send + 'static,
    consume: impl FnOnce(ordered::ParallelMap<usize>) -> R,
) -> R {
    let (workers, results) = ordered::workers(source, threads, move |item: super::Item| function(item.index));
    let workers: Vec<_> = workers.into_iter().map(|worker| spawn(move || worker.run())).collect();
    let result = consume(results);
    // A worker that does not see the end is a deadlock.
    workers.into_iter().for_each(|worker| worker.join().unwrap());
    log.settle();
    result
}

#[test]
fn one_worker_delivers_all_results_and_the_end() {
    explore("ordered: one worker", Some(1), Some(2), || {
        let results = map(1, Source::new(3, End::None), |n| n, Iterator::collect::<Vec<_>>);
        assert_eq!(results, [0, 1, 2]);
    });
}

#[test]
fn two_workers_deliver_in_order_and_the_end() {
    explore("ordered: two workers", Some(1), Some(2), || {
        // The workers end although the results are not dropped.
        let collect = |mut results: ordered::ParallelMap<usize>| (results.by_ref().collect::<Vec<_>>(), results);
        let (results, _end) = map(2, Source::new(2, End::None), |n| n, collect);
        assert_eq!(results, [0, 1]);
    });
}

#[test]
fn two_workers_with_more_items_than_slots_deliver_all() {
    explore("ordered: more items than slots", Some(0), Some(1), || {
        let results = map(2, Source::new(6, End::None), |n| n, Iterator::collect::<Vec<_>>);
        assert_eq!(results, [0, 1, 2, 3, 4, 5]);
    });
}

#[test]
fn a_panic_of_the_source_comes_after_the_results_before_it() {
    explore("ordered: the source panics", Some(1), Some(2), || {
        let (first, second) =
            map(2, Source::new(1, End::Panic), |n| n, |mut results| (results.next(), outcome(|| results.next())));
        assert_eq!((first, second), (Some(0), Err("the source panicked".to_owned())));
    });
}

#[test]
fn a_panic_of_the_function_comes_in_its_place_and_stops_the_workers() {
    explore("ordered: the function panics", Some(1), Some(2), || {
        let function = |n| if n == 1 { resume_unwind(Box::new("the function panicked")) } else { n };
        let (first, second) =
            map(2, Source::new(3, End::None), function, |mut results| (results.next(), outcome(|| results.next())));
        assert_eq!((first, second), (Some(0), Err("the function panicked".to_owned())));
    });
}

#[test]
fn a_drop_stops_a_worker_that_waits_for_room() {
    explore("ordered: drop, one worker", Some(1), Some(2), || {
        let first = map(1, Source::new(9, End::None), |n| n, |mut results| results.next());
        assert_eq!(first, Some(0));
    });
}

#[test]
fn a_drop_stops_two_workers() {
    explore("ordered: drop, two workers", Some(1), Some(1), || {
        map(2, Source::new(9, End::None), |n| n, drop);
    });
}
