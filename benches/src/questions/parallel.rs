//! rayon: `into_par_iter` and `par_chunks` beside `par_bridge`, on cheap, live and uneven items, and with a state for
//! each worker.

use std::collections::HashMap;
use std::fmt;
use std::hint::black_box;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Mutex, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use indicatif::ProgressBar;
use rayon::iter::{IntoParallelIterator, ParallelBridge, ParallelIterator};
use rayon::{ThreadPool, ThreadPoolBuilder};
use threadsafe_gen::ThreadsafeExt;

use crate::answer::{Answer, Row};
use crate::measure::Plan;
use crate::names;
use crate::sources;
use crate::work::Nothing;

/// The number of items in a chunk.
const CHUNK: usize = 256;

/// Cheap items, always ready, on 1, 2, 4 and 16 threads.
///
/// # Panics
///
/// If a contender loses an item.
pub fn cheap(plan: &Plan, bar: &ProgressBar) -> Vec<Answer> {
    let items: u64 = if plan.quick { 200_000 } else { 2_000_000 };
    let sum = |items: u64| items * (items + 1) / 2;
    [1, 2, 4, 16]
        .map(|threads| {
            let pool = pool(threads);
            let time = |drive: fn(u64) -> u64| {
                move |pool: &ThreadPool| {
                    let start = Instant::now();
                    let taken = pool.install(|| drive(items));
                    let elapsed = start.elapsed();
                    assert_eq!(taken, sum(items), "an item was lost, or came twice");
                    per(elapsed, items)
                }
            };
            let contenders = [
                Contender::new(names::OUR_RAYON, time(|n| total(sources::shared(n, Nothing).into_par_iter()))),
                Contender::new(names::PAR_BRIDGE, time(|n| total(sources::bare(n, Nothing).fuse().par_bridge()))),
                Contender::new(
                    names::OUR_PAR_CHUNKS,
                    time(|n| total_of_chunks(sources::shared(n, Nothing).par_chunks(CHUNK))),
                ),
                Contender::new(
                    names::CHUNKS_BRIDGED,
                    time(|n| total_of_chunks(sources::shared(n, Nothing).chunks(CHUNK).par_bridge())),
                ),
            ];
            let rows = rounds(plan, bar, &pool, &contenders);
            answer("rayon-cheap", "cheap items, always ready", threads, "ns/item", rows)
        })
        .into()
}

/// A channel that has a message every millisecond: how long each takes from its sender to its consumer.
pub fn live(plan: &Plan, bar: &ProgressBar) -> Vec<Answer> {
    let messages = if plan.quick { 50 } else { 500 };
    let threads = 4;
    let pool = pool(threads);
    // A round takes half a second.
    let plan = &Plan { rounds: plan.rounds.min(5), ..*plan };
    let mut answers = Vec::new();
    for (place, setting) in [(0.5, "median latency, a message each millisecond"), (1.0, "worst latency of the same")] {
        let latency = |drive: fn(mpsc::Receiver<Instant>, &(dyn Fn(Instant) + Sync))| {
            move |pool: &ThreadPool| {
                let (sender, receiver) = mpsc::channel();
                let latencies = Mutex::new(Vec::new());
                let consume = |sent: Instant| latencies.lock().expect("no panics").push(sent.elapsed());
                thread::scope(|scope| {
                    scope.spawn(|| {
                        for _ in 0..messages {
                            thread::sleep(Duration::from_millis(1));
                            sender.send(Instant::now()).expect("there is a consumer");
                        }
                        drop(sender);
                    });
                    pool.install(|| drive(receiver, &consume));
                });
                let mut latencies = latencies.into_inner().expect("no panics");
                latencies.sort_unstable();
                assert_eq!(latencies.len(), messages);
                let index = if place < 1.0 { messages / 2 } else { messages - 1 };
                latencies[index].as_secs_f64() * 1e6
            }
        };
        let contenders = [
            Contender::new(
                names::OUR_RAYON,
                latency(|receiver, consume| receiver.into_iter().threadsafe().into_par_iter().for_each(consume)),
            ),
            Contender::new(
                names::PAR_BRIDGE,
                latency(|receiver, consume| receiver.into_iter().par_bridge().for_each(consume)),
            ),
        ];
        let rows = rounds(plan, bar, &pool, &contenders);
        answers.push(answer("rayon-live", setting, threads, "µs", rows));
    }
    answers
}

/// Many cheap items, and then some that take a thread two milliseconds, during which it sleeps.
pub fn uneven(plan: &Plan, bar: &ProgressBar) -> Vec<Answer> {
    const CHEAP: u64 = 5000;
    const ALL: u64 = CHEAP + 200;
    let threads = 8;
    let pool = pool(threads);
    let plan = &Plan { rounds: plan.rounds.min(5), ..*plan };
    let consume = |n: u64| {
        if n > CHEAP {
            thread::sleep(Duration::from_millis(2));
        }
    };
    let time = |drive: fn(&(dyn Fn(u64) + Sync))| {
        move |pool: &ThreadPool| {
            let start = Instant::now();
            pool.install(|| drive(&consume));
            start.elapsed().as_secs_f64() * 1e3
        }
    };
    let contenders = [
        Contender::new(
            names::OUR_RAYON,
            time(|consume| sources::shared(ALL, Nothing).into_par_iter().for_each(consume)),
        ),
        Contender::new(
            names::PAR_BRIDGE,
            time(|consume| sources::bare(ALL, Nothing).fuse().par_bridge().for_each(consume)),
        ),
    ];
    let rows = rounds(plan, bar, &pool, &contenders);
    vec![answer("rayon-uneven", "5,000 cheap items, then 200 of 2 ms: 50 ms at best", threads, "ms", rows)]
}

/// A count of words by `fold` and `reduce`: time, and how many maps are made.
pub fn fold(plan: &Plan, bar: &ProgressBar) -> Vec<Answer> {
    let lines: u64 = if plan.quick { 10_000 } else { 100_000 };
    let threads = 4;
    let pool = pool(threads);
    let maps = &AtomicUsize::new(0);
    let line = |n: u64| format!("{} {} {}", n % 7, n % 11, n % 13);
    let ours = move || count_words(sources::bare(lines, Nothing).map(line).threadsafe().into_par_iter(), maps);
    let theirs = move || count_words(sources::bare(lines, Nothing).fuse().map(line).par_bridge(), maps);
    let time = |count: &(dyn Fn() -> usize + Sync), pool: &ThreadPool| {
        let start = Instant::now();
        assert_eq!(pool.install(count) as u64, 3 * lines);
        per(start.elapsed(), lines)
    };
    let states = |count: &(dyn Fn() -> usize + Sync), pool: &ThreadPool| {
        maps.store(0, Relaxed);
        pool.install(count);
        per(Duration::from_nanos(maps.load(Relaxed) as u64), 1)
    };
    let contenders = [
        Contender::new(names::OUR_RAYON, move |pool: &ThreadPool| time(&ours, pool)),
        Contender::new(names::PAR_BRIDGE, move |pool: &ThreadPool| time(&theirs, pool)),
    ];
    let times = rounds(plan, bar, &pool, &contenders);
    let contenders = [
        Contender::new(names::OUR_RAYON, move |pool: &ThreadPool| states(&ours, pool)),
        Contender::new(names::PAR_BRIDGE, move |pool: &ThreadPool| states(&theirs, pool)),
    ];
    let states = rounds(plan, bar, &pool, &contenders);
    vec![
        answer("rayon-fold", "words counted by `fold` and `reduce`", threads, "ns/line", times),
        answer("rayon-fold", "maps made for that", threads, "maps", states),
    ]
}

/// Returns how many words there are, by maps of which each counts the words of many lines.
fn count_words(lines: impl ParallelIterator<Item = String>, maps: &AtomicUsize) -> usize {
    let counts = lines.fold(
        || {
            maps.fetch_add(1, Relaxed);
            HashMap::<String, usize>::new()
        },
        |mut counts, line| {
            for word in line.split(' ') {
                *counts.entry(word.to_owned()).or_default() += 1;
            }
            counts
        },
    );
    let all = counts.reduce(HashMap::new, |mut all, counts| {
        for (word, count) in counts {
            *all.entry(word).or_default() += count;
        }
        all
    });
    all.into_values().sum()
}

fn total(items: impl ParallelIterator<Item = u64>) -> u64 {
    items.map(black_box).sum()
}

fn total_of_chunks(chunks: impl ParallelIterator<Item = Vec<u64>>) -> u64 {
    chunks.map(|chunk| chunk.into_iter().map(black_box).sum::<u64>()).sum()
}

/// A pool whose threads have started.
fn pool(threads: usize) -> ThreadPool {
    let pool = ThreadPoolBuilder::new().num_threads(threads).build().expect("threads can be started");
    pool.broadcast(|_| ());
    pool
}

#[expect(clippy::cast_precision_loss, reason = "a count of items is far below 2^53")]
fn per(time: Duration, items: u64) -> f64 {
    time.as_secs_f64() * 1e9 / items as f64
}

/// One way to drive items by a pool. `run` returns a figure.
struct Contender<'a> {
    name: &'static str,
    run: Box<dyn Fn(&ThreadPool) -> f64 + 'a>,
}

impl fmt::Debug for Contender<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Contender").field(&self.name).finish()
    }
}

impl<'a> Contender<'a> {
    fn new(name: &'static str, run: impl Fn(&ThreadPool) -> f64 + 'a) -> Self {
        Self { name, run: Box::new(run) }
    }
}

/// Runs all contenders in turn, round after round, once unmeasured.
fn rounds(plan: &Plan, bar: &ProgressBar, pool: &ThreadPool, contenders: &[Contender<'_>]) -> Vec<Row> {
    bar.set_position(0);
    bar.set_length((contenders.len() * (plan.rounds + 1)) as u64);
    let mut rows: Vec<_> = contenders.iter().map(|contender| Row::new(contender.name)).collect();
    for round in 0..=plan.rounds {
        for (contender, row) in contenders.iter().zip(&mut rows) {
            bar.set_message(contender.name);
            let figure = (contender.run)(pool);
            if round > 0 {
                row.samples.push(figure);
            }
            bar.inc(1);
        }
    }
    rows
}

fn answer(question: &'static str, setting: &str, threads: usize, unit: &'static str, rows: Vec<Row>) -> Answer {
    Answer { question, setting: setting.into(), threads: Some(threads), unit, rows }
}
