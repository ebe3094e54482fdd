//! Runs the contenders: starts threads together, reads clocks, checks the items, and alternates between contenders.

use std::fmt;
use std::hint::black_box;
use std::sync::Barrier;
use std::thread;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use rustix::time::{ClockId, clock_gettime};

use crate::answer::Row;
use crate::work::{Nothing, Work};

/// The number and length of the rounds.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// Whether this is the short plan, for trying things out.
    pub quick: bool,
    /// The number of rounds of each contender.
    pub rounds: usize,
    /// The intended duration of a round: long compared with starting the threads and with the clock's resolution.
    pub round: Duration,
}

impl Plan {
    /// The plan for published numbers.
    pub const FULL: Self = Self { quick: false, rounds: 15, round: Duration::from_millis(100) };
    /// The plan that runs every question in less than a minute.
    pub const QUICK: Self = Self { quick: true, rounds: 3, round: Duration::from_millis(20) };
}

/// The work of one round, the same for every contender.
#[derive(Clone, Copy, Debug)]
pub struct Job<S, C> {
    /// The number of consumers.
    pub threads: usize,
    /// The number of items: the source counts from 1 to this.
    pub items: u64,
    /// The source's work per item.
    pub source: S,
    /// The consumer's work per item.
    pub consumer: C,
}

/// The count and the sum of the items that one consumer took.
#[derive(Debug)]
pub struct Tally<C> {
    consumer: C,
    count: u64,
    sum: u64,
}

impl<C: Work> Tally<C> {
    /// Creates an empty tally.
    pub const fn new(consumer: C) -> Self {
        Self { consumer, count: 0, sum: 0 }
    }

    /// Consumes an item.
    #[inline]
    pub fn take(&mut self, item: u64) {
        self.consumer.run();
        self.count += 1;
        // `black_box` keeps the compiler from replacing a loop over a plain iterator with the formula for its sum.
        self.sum = self.sum.wrapping_add(black_box(item));
    }

    /// Counts all of `items` as taken, for comparisons that count something other than items.
    pub const fn assume(&mut self, items: u64) {
        self.count = items;
        self.sum = items * (items + 1) / 2;
    }

    /// Returns the number of items taken.
    pub const fn count(&self) -> u64 {
        self.count
    }

    /// Adds the count and the sum of `other`.
    #[must_use]
    pub fn merge(mut self, other: &Self) -> Self {
        self.count += other.count;
        self.sum = self.sum.wrapping_add(other.sum);
        self
    }

    /// Consumes all remaining items.
    #[inline]
    pub fn take_all(&mut self, items: impl Iterator<Item = u64>) {
        for item in items {
            self.take(item);
        }
    }
}

/// The result of one round.
#[derive(Debug)]
pub struct Run {
    /// The time from the first thread's start to the last thread's end.
    pub elapsed: Duration,
    /// The CPU time of the whole process during that time.
    pub cpu: Duration,
    /// The number of items that each thread took.
    pub counts: Vec<u64>,
    sum: u64,
}

impl Run {
    /// Combines the tallies of the threads.
    pub fn new<C>(span: Span, tallies: impl IntoIterator<Item = Tally<C>>) -> Self {
        let mut counts = Vec::new();
        let mut sum = 0_u64;
        for tally in tallies {
            counts.push(tally.count);
            sum = sum.wrapping_add(tally.sum);
        }
        Self { elapsed: span.end.wall - span.start.wall, cpu: span.end.cpu.saturating_sub(span.start.cpu), counts, sum }
    }

    /// Creates a run from the tally of all threads together and the number of items per thread.
    pub fn with_counts<C>(span: Span, total: Tally<C>, counts: Vec<u64>) -> Self {
        Self { counts, ..Self::new(span, [total]) }
    }

    /// Returns whether the count and the sum are those of every number from 1 to `items`, consumed once.
    fn is_right(&self, items: u64) -> bool {
        let sum = u128::from(items) * (u128::from(items) + 1) / 2;
        self.counts.iter().sum::<u64>() == items && u128::from(self.sum) == sum
    }

    /// Returns the nanoseconds per item.
    #[expect(clippy::cast_precision_loss, reason = "a count of items is far below 2^53")]
    pub fn ns_per_item(&self) -> f64 {
        self.elapsed.as_secs_f64() * 1e9 / self.counts.iter().sum::<u64>() as f64
    }
}

/// A moment on both clocks: wall time and CPU time.
#[derive(Clone, Copy, Debug)]
pub struct Now {
    wall: Instant,
    cpu: Duration,
}

impl Now {
    /// Reads both clocks, the CPU clock first, because reading it is a system call and takes longer.
    pub fn read() -> Self {
        let cpu = clock_gettime(ClockId::ProcessCPUTime);
        let cpu = Duration::try_from(cpu).expect("the CPU time of a process is not negative");
        Self { wall: Instant::now(), cpu }
    }
}

/// The time between two moments.
#[derive(Clone, Copy, Debug)]
pub struct Span {
    /// The start.
    pub start: Now,
    /// The end.
    pub end: Now,
}

impl Span {
    /// Runs `f` and measures it.
    pub fn of<R>(f: impl FnOnce() -> R) -> (Self, R) {
        let start = Now::read();
        let result = f();
        (Self { start, end: Now::read() }, result)
    }

    /// Returns the shortest span that covers all of `spans`.
    fn around(spans: impl Iterator<Item = Self>) -> Self {
        spans
            .reduce(|a, b| Self {
                start: if a.start.wall <= b.start.wall { a.start } else { b.start },
                end: if a.end.wall >= b.end.wall { a.end } else { b.end },
            })
            .expect("there is at least one thread")
    }
}

/// Runs `drain` on the job's threads, which start together, until each has returned.
pub fn in_threads<S: Work, C: Work>(job: &Job<S, C>, drain: impl Fn(&mut Tally<C>) + Sync) -> Run {
    with_producer(job, None::<fn()>, drain)
}

/// Like [`in_threads`], with one more thread that produces the items.
pub fn with_producer<S: Work, C: Work>(
    job: &Job<S, C>,
    producer: Option<impl FnOnce() + Send>,
    drain: impl Fn(&mut Tally<C>) + Sync,
) -> Run {
    let barrier = Barrier::new(job.threads + usize::from(producer.is_some()));
    thread::scope(|scope| {
        if let Some(produce) = producer {
            let barrier = &barrier;
            scope.spawn(move || {
                barrier.wait();
                produce();
            });
        }
        let consumers: Vec<_> = (0..job.threads)
            .map(|_| {
                scope.spawn(|| {
                    let mut tally = Tally::new(job.consumer);
                    barrier.wait();
                    let (span, ()) = Span::of(|| drain(&mut tally));
                    (span, tally)
                })
            })
            .collect();
        let done: Vec<_> =
            consumers.into_iter().map(|consumer| consumer.join().expect("no contender panics")).collect();
        Run::new(Span::around(done.iter().map(|(span, _)| *span)), done.into_iter().map(|(_, tally)| tally))
    })
}

/// One contender in a comparison. The box is called once per round; within a round, calls per item are static.
pub struct Lane<'a> {
    name: &'static str,
    run: Box<dyn Fn(u64) -> Run + 'a>,
}

impl fmt::Debug for Lane<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Lane").field(&self.name).finish()
    }
}

impl<'a> Lane<'a> {
    /// Creates a lane. `run` receives the number of items.
    pub fn new(name: &'static str, run: impl Fn(u64) -> Run + 'a) -> Self {
        Self { name, run: Box::new(run) }
    }

    /// Creates a lane that runs on the calling thread alone. `drain` receives the number of items.
    pub fn solo(name: &'static str, drain: impl Fn(u64, &mut Tally<Nothing>) + 'a) -> Self {
        Self::new(name, move |items| {
            let mut tally = Tally::new(Nothing);
            let (span, ()) = Span::of(|| drain(items, &mut tally));
            Run::new(span, [tally])
        })
    }

    fn run(&self, items: u64) -> Run {
        let run = (self.run)(items);
        assert!(run.is_right(items), "{} lost or invented items: {items} expected, {run:?}", self.name);
        run
    }
}

/// The number of items in a round.
#[derive(Clone, Copy, Debug)]
pub enum Items {
    /// For each contender the number that fills the duration, and at least the given number.
    Filling(Duration, u64),
    /// A fixed number.
    Exactly(u64),
}

impl Items {
    /// Finds the number of items for `lane`. The runs for that also warm the lane up.
    fn calibrate(self, lane: &Lane<'_>) -> u64 {
        let (time, min) = match self {
            Self::Filling(time, min) => (time, min),
            Self::Exactly(items) => {
                lane.run(items);
                return items;
            }
        };
        let mut items = min;
        loop {
            let elapsed = lane.run(items).elapsed;
            // A run of at least a quarter of the time is long enough to extrapolate from.
            if elapsed >= time / 4 {
                let nanos = elapsed.as_nanos().max(1);
                let scaled = u128::from(items) * time.as_nanos() / nanos;
                return u64::try_from(scaled).map_or(items, |scaled| scaled.max(min));
            }
            items *= 4;
        }
    }
}

/// Runs all lanes in turn, round after round, and computes one sample from each run with `sample`.
///
/// Because of the turns, a temporary slowdown of the machine affects all lanes.
pub fn compare(
    plan: &Plan,
    items: Items,
    lanes: &[Lane<'_>],
    bar: &ProgressBar,
    sample: impl Fn(&Run) -> f64,
) -> Vec<Row> {
    bar.set_position(0);
    bar.set_length((lanes.len() * (plan.rounds + 1)) as u64);
    let mut counts = Vec::new();
    for lane in lanes {
        bar.set_message(lane.name);
        counts.push(items.calibrate(lane));
        bar.inc(1);
    }
    let mut rows: Vec<_> = lanes.iter().map(|lane| Row::new(lane.name)).collect();
    for _ in 0..plan.rounds {
        for ((lane, &items), row) in lanes.iter().zip(&counts).zip(&mut rows) {
            bar.set_message(lane.name);
            row.samples.push(sample(&lane.run(items)));
            bar.inc(1);
        }
    }
    rows
}

/// Creates a progress bar on the standard error, hidden if that is not a terminal. It is not redrawn during a round.
pub fn progress_bar() -> ProgressBar {
    let style = ProgressStyle::with_template("{prefix} [{bar:30}] {pos}/{len} {msg}").expect("the template is valid");
    ProgressBar::new(0).with_style(style.progress_chars("=> "))
}
