//! The work of the source or the consumer per item.

use std::hint::black_box;
use std::thread;
use std::time::{Duration, Instant};

/// Work that the source or the consumer does once per item.
///
/// It is a type parameter everywhere, so that no work costs nothing and no item goes through a function pointer.
pub trait Work: Copy + Send + Sync + 'static {
    /// Does the work once.
    fn run(self);
}

/// No work: the item is cheap, and only the cost of handing it over is measured.
#[derive(Clone, Copy, Debug)]
pub struct Nothing;

impl Work for Nothing {
    #[inline]
    fn run(self) {}
}

/// Keeps a core busy.
///
/// The work is a number of arithmetic steps, not a duration: with a duration, a thread that is suspended meanwhile
/// would do less work than the others.
#[derive(Clone, Copy, Debug)]
pub struct Spin {
    steps: u64,
}

impl Spin {
    /// Creates work that takes `time` on this machine.
    pub fn lasting(time: Duration) -> Self {
        const STEPS: u64 = 1_000_000;
        // The fastest of several runs is the one that other processes disturbed least.
        let best = (0..10)
            .map(|_| {
                let start = Instant::now();
                Self { steps: STEPS }.run();
                start.elapsed()
            })
            .min()
            .expect("there are ten runs");
        let steps = u128::from(STEPS) * time.as_nanos() / best.as_nanos();
        Self { steps: u64::try_from(steps).expect("the time is some microseconds") }
    }
}

impl Work for Spin {
    #[inline]
    fn run(self) {
        // A linear congruential generator: each step depends on the one before, and `black_box` hides the seed, so that
        // the compiler cannot compute the result.
        let mut x = black_box(1_u64);
        for _ in 0..self.steps {
            x = x.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        }
        black_box(x);
    }
}

/// Sleeps, like a source that reads from a disk or a network.
#[derive(Clone, Copy, Debug)]
pub struct Sleep(pub Duration);

impl Work for Sleep {
    fn run(self) {
        thread::sleep(self.0);
    }
}
