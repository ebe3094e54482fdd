//! A source that runs ahead on a thread of its own, and results in the order of the items.

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use indicatif::ProgressBar;
use rayon::ThreadPoolBuilder;
use rayon::iter::{ParallelBridge, ParallelIterator};
use readahead_iterator::IntoReadahead;
use threadsafe_gen::ThreadsafeExt;

use crate::answer::{Answer, Row};
use crate::measure::{Items, Lane, Plan, Run, Span, Tally, compare};
use crate::names;
use crate::sources::Count;
use crate::work::{Nothing, Spin, Work};

/// Measures an item through a thread that runs ahead: cheap items, and a source and a consumer of equal cost.
pub fn prefetch(plan: &Plan, bar: &ProgressBar) -> Vec<Answer> {
    let mut answers = Vec::new();
    for ahead in [8, 64, 1024] {
        answers.push(Answer {
            question: "prefetch",
            setting: format!("cheap items, up to {ahead} ahead"),
            threads: None,
            unit: "ns/item",
            rows: compare(
                plan,
                Items::Filling(plan.round, 1000),
                &run_ahead(ahead, Nothing, Nothing),
                bar,
                Run::ns_per_item,
            ),
        });
    }
    for micros in [1, 20] {
        let work = Spin::lasting(Duration::from_micros(micros));
        let mut lanes = run_ahead(64, work, work);
        lanes.push(Lane::new(names::PLAIN, move |items| consume(work, || Count::new(items, work))));
        answers.push(Answer {
            question: "prefetch",
            setting: format!("{micros} µs in the source and {micros} µs to consume, up to 64 ahead"),
            threads: None,
            unit: "ns/item",
            rows: compare(plan, Items::Filling(plan.round, 1000), &lanes, bar, Run::ns_per_item),
        });
    }
    answers
}

/// Consumes the items of an iterator on this thread.
fn consume<I: Iterator<Item = u64>>(consumer: impl Work, items: impl FnOnce() -> I) -> Run {
    let mut tally = Tally::new(consumer);
    let (span, ()) = Span::of(|| tally.take_all(items()));
    Run::new(span, [tally])
}

fn run_ahead<'a>(ahead: usize, source: impl Work, consumer: impl Work) -> Vec<Lane<'a>> {
    vec![
        Lane::new(names::OUR_PREFETCH, move |items| consume(consumer, || Count::new(items, source).prefetch(ahead))),
        Lane::new(names::OUR_PREFETCH_SHARED, move |items| {
            let shared = Count::new(items, source).prefetch(ahead);
            consume(consumer, || &shared)
        }),
        Lane::new(names::CROSSBEAM, move |items| {
            consume(consumer, || {
                let (sender, receiver) = crossbeam_channel::bounded(ahead);
                thread::spawn(move || Count::new(items, source).try_for_each(|item| sender.send(item)));
                receiver.into_iter()
            })
        }),
        Lane::new(names::STD_CHANNEL, move |items| {
            consume(consumer, || {
                let (sender, receiver) = mpsc::sync_channel(ahead);
                thread::spawn(move || Count::new(items, source).try_for_each(|item| sender.send(item)));
                receiver.into_iter()
            })
        }),
        Lane::new(names::READAHEAD, move |items| consume(consumer, || Count::new(items, source).readahead(ahead))),
    ]
}

/// Measures results in the order of the items: 100 ns, 10 µs and 1 ms an item, and the memory behind a slow item.
pub fn parallel_map(plan: &Plan, bar: &ProgressBar) -> Vec<Answer> {
    let mut answers = Vec::new();
    for nanos in [100, 10_000, 1_000_000] {
        let work = Spin::lasting(Duration::from_nanos(nanos));
        for threads in [1, 2, 4, 16] {
            answers.push(Answer {
                question: "parallel-map",
                setting: format!("{:?} an item", Duration::from_nanos(nanos)),
                threads: Some(threads),
                unit: "ns/item",
                rows: compare(plan, Items::Filling(plan.round, 32), &in_order(threads, work), bar, Run::ns_per_item),
            });
        }
    }
    answers.push(behind_a_slow_item());
    answers
}

fn in_order<'a>(threads: usize, work: impl Work) -> Vec<Lane<'a>> {
    let process = move |item| {
        work.run();
        item
    };
    let pool = ThreadPoolBuilder::new().num_threads(threads).build().expect("the pool's threads start");
    vec![
        Lane::new(names::OUR_PARALLEL_MAP, move |items| {
            consume(Nothing, || Count::new(items, Nothing).parallel_map(threads, process))
        }),
        Lane::new(names::PARITER, move |items| {
            consume(Nothing, || {
                pariter::IteratorExt::parallel_map_custom(Count::new(items, Nothing), |o| o.threads(threads), process)
            })
        }),
        Lane::new(names::PAR_BRIDGE_SORTED, move |items| {
            consume(Nothing, || {
                let indexed = Count::new(items, Nothing).enumerate().par_bridge();
                let mut results: Vec<_> =
                    pool.install(|| indexed.map(|(index, item)| (index, process(item))).collect());
                results.sort_unstable_by_key(|(index, _)| *index);
                results.into_iter().map(|(_, item)| item)
            })
        }),
    ]
}

/// Counts the items that are taken and not returned while the first of them takes long.
fn behind_a_slow_item() -> Answer {
    const ITEMS: usize = 10_000;
    const THREADS: usize = 4;

    fn most<I: Iterator<Item = usize>>(map: impl FnOnce(Box<dyn Iterator<Item = usize> + Send>) -> I) -> f64 {
        let taken = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&taken);
        let mut results = map(Box::new((0..ITEMS).inspect(move |_| _ = count.fetch_add(1, Relaxed))));
        // The first item takes the longest, so that most items are taken when it is there.
        results.next();
        let most = taken.load(Relaxed);
        results.for_each(drop);
        f64::from(u32::try_from(most).expect("there are few items"))
    }

    let slow_first = |item| {
        if item == 0 {
            thread::sleep(Duration::from_millis(50));
        }
        item
    };
    let row = |contender, most| Row { contender, samples: vec![most] };
    Answer {
        question: "parallel-map",
        setting: format!("taken and not returned behind an item that takes 50 ms, of {ITEMS}"),
        threads: Some(THREADS),
        unit: "items",
        rows: vec![
            row(names::OUR_PARALLEL_MAP, most(|items| items.parallel_map(THREADS, slow_first))),
            row(
                names::PARITER,
                most(|items| pariter::IteratorExt::parallel_map_custom(items, |o| o.threads(THREADS), slow_first)),
            ),
        ],
    }
}
