//! The questions, one module each.

pub mod ahead;
pub mod compiling;
pub mod making;
pub mod memory;
pub mod owned;
pub mod parallel;
pub mod sharing;
pub mod waiting;

use indicatif::ProgressBar;

use crate::answer::Answer;
use crate::measure::Plan;

/// A measurement of all contenders.
#[derive(Clone, Copy, Debug)]
pub struct Question {
    /// The name on the command line.
    pub name: &'static str,
    /// The description in the help text.
    pub about: &'static str,
    /// Runs the measurement.
    pub ask: fn(&Plan, &ProgressBar) -> Vec<Answer>,
}

/// All questions, in the order in which they run.
pub const ALL: &[Question] = &[
    Question { name: "one-thread", about: "cheap items, one thread", ask: sharing::one_thread },
    Question { name: "threads", about: "cheap items, 2, 4, 16 and 64 threads", ask: sharing::threads },
    Question {
        name: "expensive-items",
        about: "items that take 1 µs and 100 µs to consume",
        ask: sharing::expensive_items,
    },
    Question {
        name: "expensive-source",
        about: "items that take 1 µs in the source and 1 µs to consume",
        ask: sharing::expensive_source,
    },
    Question { name: "waiting", about: "CPU time of threads that wait for a sleeping source", ask: waiting::ask },
    Question { name: "fairness", about: "the busiest thread's items relative to the mean", ask: sharing::fairness },
    Question { name: "making", about: "creating and dropping a generator: time and allocations", ask: making::ask },
    Question { name: "owned", about: "cheap items, one owner, no lock", ask: owned::ask },
    Question { name: "prefetch", about: "items through a thread that runs ahead", ask: ahead::prefetch },
    Question { name: "parallel-map", about: "results in order, 100 ns to 1 ms an item", ask: ahead::parallel_map },
    Question { name: "memory", about: "growth of resident memory over an endless run", ask: memory::ask },
    Question { name: "rayon-cheap", about: "rayon over cheap items, by one and by chunks", ask: parallel::cheap },
    Question { name: "rayon-live", about: "rayon over a channel: latency of a message", ask: parallel::live },
    Question { name: "rayon-uneven", about: "rayon over cheap and then expensive items", ask: parallel::uneven },
    Question { name: "rayon-fold", about: "rayon with a state for each worker", ask: parallel::fold },
    Question { name: "compiling", about: "compile time of 200 annotated functions", ask: compiling::ask },
];
