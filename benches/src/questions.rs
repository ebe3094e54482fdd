//! The questions, one module each.

pub mod compiling;
pub mod making;
pub mod memory;
pub mod owned;
pub mod sharing;
pub mod waiting;

use indicatif::ProgressBar;

use crate::answer::Answer;
use crate::measure::Plan;

/// Something that one can ask of all contenders.
#[derive(Clone, Copy, Debug)]
pub struct Question {
    /// What it is called on the command line.
    pub name: &'static str,
    /// What it is, in a line of help.
    pub about: &'static str,
    /// Measures.
    pub ask: fn(&Plan, &ProgressBar) -> Vec<Answer>,
}

/// All of them, in the order in which they are asked.
pub const ALL: &[Question] = &[
    Question { name: "one-thread", about: "cheap items, one thread", ask: sharing::one_thread },
    Question { name: "threads", about: "cheap items, 2, 4, 16 and 64 threads", ask: sharing::threads },
    Question { name: "dear-items", about: "items that cost 1 µs and 100 µs to consume", ask: sharing::dear_items },
    Question { name: "dear-source", about: "a source that costs as much as the consumer", ask: sharing::dear_source },
    Question { name: "waiting", about: "CPU time of those who wait for a sleeping source", ask: waiting::ask },
    Question { name: "fairness", about: "the busiest thread's share against the mean", ask: sharing::fairness },
    Question { name: "making", about: "making and dropping a generator: time and allocations", ask: making::ask },
    Question { name: "owned", about: "one owner, no lock", ask: owned::ask },
    Question { name: "memory", about: "resident memory over an endless run", ask: memory::ask },
    Question { name: "compiling", about: "compile time of 200 annotated functions", ask: compiling::ask },
];
