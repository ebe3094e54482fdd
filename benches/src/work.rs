//! What it costs to make an item, or to consume one.

use std::hint::black_box;
use std::thread;
use std::time::{Duration, Instant};

/// Something done once an item, by the source or by the consumer.
///
/// A type parameter everywhere, so that doing nothing costs nothing and no item goes through a function pointer.
pub trait Work: Copy + Send + Sync + 'static {
    /// Does it once.
    fn run(self);
}

/// Cheap items: all that remains is the cost of handing them over.
#[derive(Clone, Copy, Debug)]
pub struct Nothing;

impl Work for Nothing {
    #[inline]
    fn run(self) {}
}

/// Keeps a core busy.
///
/// It counts steps of arithmetic and does not look at a clock: a thread that has been suspended would find its time gone by,
/// and have done less than the others.
#[derive(Clone, Copy, Debug)]
pub struct Spin {
    steps: u64,
}

impl Spin {
    /// As many steps as take `time` on this machine.
    pub fn lasting(time: Duration) -> Self {
        const STEPS: u64 = 1_000_000;
        // The fastest of several, which is the one that nothing else on the machine slowed down.
        let best = (0..10)
            .map(|_| {
                let start = Instant::now();
                Self { steps: STEPS }.run();
                start.elapsed()
            })
            .min()
            .expect("there are ten");
        let steps = u128::from(STEPS) * time.as_nanos() / best.as_nanos();
        Self { steps: u64::try_from(steps).expect("a time of some microseconds") }
    }
}

impl Work for Spin {
    #[inline]
    fn run(self) {
        // A linear congruential generator: each step waits for the one before, and there is no formula for the last.
        let mut x = black_box(1_u64);
        for _ in 0..self.steps {
            x = x.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        }
        black_box(x);
    }
}

/// Waits, as a source does that reads from a disk or a network.
#[derive(Clone, Copy, Debug)]
pub struct Sleep(pub Duration);

impl Work for Sleep {
    fn run(self) {
        thread::sleep(self.0);
    }
}
