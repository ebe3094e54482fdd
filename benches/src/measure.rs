//! Running contenders: threads that start together, clocks, the check of what came out, and rounds in turn.

use std::fmt;
use std::hint::black_box;
use std::sync::Barrier;
use std::thread;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use rustix::time::{ClockId, clock_gettime};

use crate::answer::Row;
use crate::work::{Nothing, Work};

/// How much is done.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// Whether it is the short one, for trying things out.
    pub quick: bool,
    /// The rounds that each contender runs.
    pub rounds: usize,
    /// How long one round shall take: long against the start of the threads and the clock's grain.
    pub round: Duration,
}

impl Plan {
    /// The numbers to be published.
    pub const FULL: Self = Self { quick: false, rounds: 15, round: Duration::from_millis(100) };
    /// Everything once over in less than a minute.
    pub const QUICK: Self = Self { quick: true, rounds: 3, round: Duration::from_millis(20) };
}

/// The work of one round, the same for every contender.
#[derive(Clone, Copy, Debug)]
pub struct Job<S, C> {
    /// The consumers.
    pub threads: usize,
    /// The source counts to this.
    pub items: u64,
    /// What an item costs the source.
    pub source: S,
    /// What an item costs the consumer.
    pub consumer: C,
}

/// What one consumer has been given.
#[derive(Debug)]
pub struct Tally<C> {
    consumer: C,
    count: u64,
    sum: u64,
}

impl<C: Work> Tally<C> {
    /// Nothing yet.
    pub const fn new(consumer: C) -> Self {
        Self { consumer, count: 0, sum: 0 }
    }

    /// Consumes an item.
    #[inline]
    pub fn take(&mut self, item: u64) {
        self.consumer.run();
        self.count += 1;
        // Opaque, or the compiler would reduce a loop over a plain iterator to the formula for its sum.
        self.sum = self.sum.wrapping_add(black_box(item));
    }

    /// As if it had taken all of `items`: for comparisons that count something other than items.
    pub const fn assume(&mut self, items: u64) {
        self.count = items;
        self.sum = items * (items + 1) / 2;
    }

    /// How many items it got.
    pub const fn count(&self) -> u64 {
        self.count
    }

    /// One tally of two.
    #[must_use]
    pub fn merge(mut self, other: &Self) -> Self {
        self.count += other.count;
        self.sum = self.sum.wrapping_add(other.sum);
        self
    }

    /// Consumes all that is left.
    #[inline]
    pub fn take_all(&mut self, items: impl Iterator<Item = u64>) {
        for item in items {
            self.take(item);
        }
    }
}

/// What came out of one round.
#[derive(Debug)]
pub struct Run {
    /// From the first thread's start to the last one's end.
    pub elapsed: Duration,
    /// The CPU time of the whole process meanwhile.
    pub cpu: Duration,
    /// How many items each thread got.
    pub counts: Vec<u64>,
    sum: u64,
}

impl Run {
    /// Brings the threads' tallies together.
    pub fn new<C>(span: Span, tallies: impl IntoIterator<Item = Tally<C>>) -> Self {
        let mut counts = Vec::new();
        let mut sum = 0_u64;
        for tally in tallies {
            counts.push(tally.count);
            sum = sum.wrapping_add(tally.sum);
        }
        Self { elapsed: span.end.wall - span.start.wall, cpu: span.end.cpu.saturating_sub(span.start.cpu), counts, sum }
    }

    /// For whoever knows only the sum of all threads, and which thread got how many.
    pub fn with_counts<C>(span: Span, total: Tally<C>, counts: Vec<u64>) -> Self {
        Self { counts, ..Self::new(span, [total]) }
    }

    /// Whether every number from 1 to `items` was consumed once, as far as a count and a sum can tell.
    fn is_right(&self, items: u64) -> bool {
        let sum = u128::from(items) * (u128::from(items) + 1) / 2;
        self.counts.iter().sum::<u64>() == items && u128::from(self.sum) == sum
    }

    /// Nanoseconds an item.
    #[expect(clippy::cast_precision_loss, reason = "a count of items is far below 2^53")]
    pub fn ns_per_item(&self) -> f64 {
        self.elapsed.as_secs_f64() * 1e9 / self.counts.iter().sum::<u64>() as f64
    }
}

/// Both clocks.
#[derive(Clone, Copy, Debug)]
pub struct Now {
    wall: Instant,
    cpu: Duration,
}

impl Now {
    /// Reads them, the one that is a system call first.
    pub fn read() -> Self {
        let cpu = clock_gettime(ClockId::ProcessCPUTime);
        let cpu = Duration::try_from(cpu).expect("the CPU time of a process is not negative");
        Self { wall: Instant::now(), cpu }
    }
}

/// From one moment to another.
#[derive(Clone, Copy, Debug)]
pub struct Span {
    /// When it began.
    pub start: Now,
    /// When it ended.
    pub end: Now,
}

impl Span {
    /// How long `f` takes.
    pub fn of<R>(f: impl FnOnce() -> R) -> (Self, R) {
        let start = Now::read();
        let result = f();
        (Self { start, end: Now::read() }, result)
    }

    /// The shortest span that covers all of `spans`.
    fn around(spans: impl Iterator<Item = Self>) -> Self {
        spans
            .reduce(|a, b| Self {
                start: if a.start.wall <= b.start.wall { a.start } else { b.start },
                end: if a.end.wall >= b.end.wall { a.end } else { b.end },
            })
            .expect("there is at least one thread")
    }
}

/// Lets the job's threads take items by `drain` until there are none, all starting at a time.
pub fn in_threads<S: Work, C: Work>(job: &Job<S, C>, drain: impl Fn(&mut Tally<C>) + Sync) -> Run {
    with_producer(job, None::<fn()>, drain)
}

/// The same beside a thread that produces the items.
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

/// One contender's part in a comparison. What it calls a round is made for it; nothing is called through the box an item.
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
    /// `run` is told the number of items.
    pub fn new(name: &'static str, run: impl Fn(u64) -> Run + 'a) -> Self {
        Self { name, run: Box::new(run) }
    }

    /// On the calling thread alone: `drain` is told the number of items.
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

/// How many items a round has.
#[derive(Clone, Copy, Debug)]
pub enum Items {
    /// For each contender as many as it takes to fill the time; not fewer than this.
    Filling(Duration, u64),
    /// So many.
    Exactly(u64),
}

impl Items {
    /// Finds the number for `lane`, which warms it up as well.
    fn settle(self, lane: &Lane<'_>) -> u64 {
        let (time, least) = match self {
            Self::Filling(time, least) => (time, least),
            Self::Exactly(items) => {
                lane.run(items);
                return items;
            }
        };
        let mut items = least;
        loop {
            let elapsed = lane.run(items).elapsed;
            // From a quarter of the time on, the rest may be extrapolated.
            if elapsed >= time / 4 {
                let nanos = elapsed.as_nanos().max(1);
                let scaled = u128::from(items) * time.as_nanos() / nanos;
                return u64::try_from(scaled).map_or(items, |scaled| scaled.max(least));
            }
            items *= 4;
        }
    }
}

/// Runs all lanes in turn, round after round, so that whatever slows the machine down for a while slows all of them, and
/// makes a figure of each run.
pub fn compare(
    plan: &Plan,
    items: Items,
    lanes: &[Lane<'_>],
    bar: &ProgressBar,
    figure: impl Fn(&Run) -> f64,
) -> Vec<Row> {
    bar.set_position(0);
    bar.set_length((lanes.len() * (plan.rounds + 1)) as u64);
    let mut counts = Vec::new();
    for lane in lanes {
        bar.set_message(lane.name);
        counts.push(items.settle(lane));
        bar.inc(1);
    }
    let mut rows: Vec<_> = lanes.iter().map(|lane| Row::new(lane.name)).collect();
    for _ in 0..plan.rounds {
        for ((lane, &items), row) in lanes.iter().zip(&counts).zip(&mut rows) {
            bar.set_message(lane.name);
            row.samples.push(figure(&lane.run(items)));
            bar.inc(1);
        }
    }
    rows
}

/// A bar on the standard error, which hides where that is no terminal. Nothing redraws it while a round runs.
pub fn progress_bar() -> ProgressBar {
    let style = ProgressStyle::with_template("{prefix} [{bar:30}] {pos}/{len} {msg}").expect("the template is right");
    ProgressBar::new(0).with_style(style.progress_chars("=> "))
}
