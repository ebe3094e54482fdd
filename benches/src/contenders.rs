//! The contenders that share items between threads. To add one, write a function below and name it in [`all`].

use std::iter::Fuse;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use orx_concurrent_iter::{ChunkPuller, ConcurrentIter, IterIntoConcurrentIter};
use rayon::ThreadPoolBuilder;
use rayon::iter::{IntoParallelIterator, ParallelBridge, ParallelIterator};
use threadsafe_gen::ThreadsafeIter;

use crate::measure::{Job, Lane, Run, Span, Tally, in_threads, with_producer};
use crate::names;
use crate::sources::{self, Count};
use crate::work::Work;

/// One way to share the items of a source.
#[derive(Debug)]
pub struct Contender<S, C> {
    /// The contender's name in tables and pictures.
    pub name: &'static str,
    run: fn(&Job<S, C>) -> Run,
}

impl<S: Work, C: Work> Contender<S, C> {
    /// Creates the contender's lane in a comparison with `threads` threads.
    pub fn lane<'a>(&self, threads: usize, source: S, consumer: C) -> Lane<'a> {
        let run = self.run;
        Lane::new(self.name, move |items| run(&Job { threads, items, source, consumer }))
    }
}

/// Returns all contenders, ours first.
///
/// Each is a function pointer, monomorphized for the types of the comparison: a round makes no dynamic call per item.
pub fn all<S: Work, C: Work>() -> Vec<Contender<S, C>> {
    let contender = |name, run| Contender { name, run };
    vec![
        contender(names::OURS, ours),
        contender(names::OUR_LOCK, our_lock),
        contender(names::HAND, hand),
        contender(names::HAND_0_13, hand_0_13),
        contender(names::STD, std),
        contender(names::GENAWAITER, genawaiter),
        contender(names::FAUXGEN, fauxgen),
        contender(names::ASYNC_STREAM, async_stream),
        #[cfg(nightly)]
        contender(names::GEN_BLOCK, gen_block),
        contender(names::ORX, orx),
        contender(names::ORX_CHUNKS, orx_chunks),
        contender(names::PAR_BRIDGE, par_bridge),
        contender(names::CROSSBEAM, crossbeam),
        contender(names::FLUME, flume),
        contender(names::OUR_BUFFERED, our_buffered),
        contender(names::OUR_RAYON, our_rayon),
    ]
}

fn ours<S: Work, C: Work>(job: &Job<S, C>) -> Run {
    let items = sources::shared(job.items, job.source);
    in_threads(job, |tally| {
        while let Some(item) = items.next() {
            tally.take(item);
        }
    })
}

fn our_buffered<S: Work, C: Work>(job: &Job<S, C>) -> Run {
    let items = sources::shared(job.items, job.source);
    in_threads(job, |tally| tally.take_all(items.buffered(64)))
}

fn our_lock<S: Work, C: Work>(job: &Job<S, C>) -> Run {
    let items = ThreadsafeIter::new(Count::new(job.items, job.source));
    in_threads(job, |tally| {
        while let Some(item) = items.next() {
            tally.take(item);
        }
    })
}

/// An iterator in a mutex that is released before the item is consumed. `next` is a closure for that reason: the guard
/// in `while let Some(item) = mutex.lock().next()` would live until the end of the loop's body.
fn hand<S: Work, C: Work>(job: &Job<S, C>) -> Run {
    let items = parking_lot::Mutex::new(Count::new(job.items, job.source));
    let next = || items.lock().next();
    in_threads(job, |tally| {
        while let Some(item) = next() {
            tally.take(item);
        }
    })
}

fn hand_0_13<S: Work, C: Work>(job: &Job<S, C>) -> Run {
    let items = parking_lot_0_13::Mutex::new(Count::new(job.items, job.source));
    let next = || items.lock().next();
    in_threads(job, |tally| {
        while let Some(item) = next() {
            tally.take(item);
        }
    })
}

fn in_std_mutex<S: Work, C: Work>(job: &Job<S, C>, items: impl Iterator<Item = u64> + Send) -> Run {
    let items = Mutex::new(items);
    let next = || items.lock().unwrap().next();
    in_threads(job, |tally| {
        while let Some(item) = next() {
            tally.take(item);
        }
    })
}

fn std<S: Work, C: Work>(job: &Job<S, C>) -> Run {
    in_std_mutex(job, Count::new(job.items, job.source))
}

/// Fused, like the next two: without `fuse`, a call of `next` after the end panics.
fn genawaiter<S: Work, C: Work>(job: &Job<S, C>) -> Run {
    in_std_mutex(job, sources::genawaiter_sync(job.items, job.source).fuse())
}

fn fauxgen<S: Work, C: Work>(job: &Job<S, C>) -> Run {
    in_std_mutex(job, sources::fauxgen(job.items, job.source).fuse())
}

fn async_stream<S: Work, C: Work>(job: &Job<S, C>) -> Run {
    in_std_mutex(job, sources::async_stream(job.items, job.source).fuse())
}

#[cfg(nightly)]
fn gen_block<S: Work, C: Work>(job: &Job<S, C>) -> Run {
    in_std_mutex(job, sources::gen_block(job.items, job.source))
}

fn orx<S: Work, C: Work>(job: &Job<S, C>) -> Run {
    let items = sources::bare(job.items, job.source).iter_into_con_iter();
    in_threads(job, |tally| {
        while let Some(item) = items.next() {
            tally.take(item);
        }
    })
}

fn orx_chunks<S: Work, C: Work>(job: &Job<S, C>) -> Run {
    let items = sources::bare(job.items, job.source).iter_into_con_iter();
    in_threads(job, |tally| {
        let mut puller = items.chunk_puller(64);
        while let Some(chunk) = puller.pull() {
            tally.take_all(chunk);
        }
    })
}

fn par_bridge<S: Work, C: Work>(job: &Job<S, C>) -> Run {
    let items: Fuse<_> = sources::bare(job.items, job.source).fuse();
    in_pool(job, items.par_bridge())
}

fn our_rayon<S: Work, C: Work>(job: &Job<S, C>) -> Run {
    in_pool(job, sources::shared(job.items, job.source).into_par_iter())
}

/// Runs in a pool of `job.threads` threads, all started before the clock is.
fn in_pool<S: Work, C: Work>(job: &Job<S, C>, items: impl ParallelIterator<Item = u64>) -> Run {
    let pool = ThreadPoolBuilder::new().num_threads(job.threads).build().expect("threads can be started");
    // Returns once every thread of the pool has started.
    pool.broadcast(|_| ());
    // rayon tallies items per task. To count items per thread, each task adds its count to that of its thread at its
    // end.
    let counts: Vec<_> = (0..job.threads).map(|_| AtomicU64::new(0)).collect();
    let (span, tally) = Span::of(|| {
        pool.install(|| {
            items
                .fold(
                    || Tally::new(job.consumer),
                    |mut tally, item| {
                        tally.take(item);
                        tally
                    },
                )
                .inspect(|tally| {
                    let thread = rayon::current_thread_index().expect("the pool runs its own tasks");
                    counts[thread].fetch_add(tally.count(), Relaxed);
                })
                .reduce(|| Tally::new(job.consumer), |a, b| a.merge(&b))
        })
    });
    Run::with_counts(span, tally, counts.into_iter().map(AtomicU64::into_inner).collect())
}

/// The capacity of a channel: large enough that neither side waits for the other at every item.
const BOUND: usize = 1024;

/// The producer runs the hand-written loop, the fastest source for a channel.
fn crossbeam<S: Work, C: Work>(job: &Job<S, C>) -> Run {
    let (sender, receiver) = crossbeam_channel::bounded(BOUND);
    let items = Count::new(job.items, job.source);
    let produce = move || items.for_each(|item| sender.send(item).expect("the consumers take every item"));
    with_producer(job, Some(produce), |tally| tally.take_all(receiver.iter()))
}

fn flume<S: Work, C: Work>(job: &Job<S, C>) -> Run {
    let (sender, receiver) = flume::bounded(BOUND);
    let items = Count::new(job.items, job.source);
    let produce = move || items.for_each(|item| sender.send(item).expect("the consumers take every item"));
    with_producer(job, Some(produce), |tally| tally.take_all(receiver.iter()))
}
