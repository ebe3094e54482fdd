//! The dataflow: every worker takes blocks from the generator of its process and sends the words to the workers that
//! count them.

use std::cell::RefCell;
use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::net::TcpStream;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::mpsc::{self, Sender};
use std::thread;
use std::time::Duration;

use indicatif::ProgressBar;
use threadsafe_gen::{Prefetch, ThreadsafeExt, ThreadsafeIter, TryNextError};
use timely::communication::Hooks;
use timely::communication::allocator::zero_copy::initialize::initialize_networking_from_sockets;
use timely::communication::allocator::{AllocatorBuilder, ProcessBuilder};
use timely::dataflow::channels::pact::Exchange as ExchangePact;
use timely::dataflow::operators::vec::Broadcast;
use timely::dataflow::operators::{Exchange, Inspect, Operator, Probe};
use timely::dataflow::{InputHandle, ProbeHandle};
use timely::worker::Worker;
use timely::{CommunicationConfig, WorkerConfig};

use crate::blocks::{BLOCK_SIZE, is_in_word};
use crate::peer::{Event, Peer, fail};

/// The number of blocks that the generator of a process may be ahead of the workers.
const BLOCKS_AHEAD: usize = 16;

/// The number of turns of each worker whose words may be on their way. A turn takes up to two blocks.
const IN_FLIGHT: u64 = 16;

/// The time that a worker waits for a block before it lets timely process what other workers have sent.
const BLOCK_TIMEOUT: Duration = Duration::from_millis(1);

/// The counts of one worker, or of one process. A word is counted by one worker of all processes.
pub(crate) type Counts = HashMap<String, u64>;

/// One process's part in the count.
pub(crate) struct Part {
    pub(crate) process: usize,
    pub(crate) workers: usize,
    /// The connections to all processes, with `None` for this one. Empty if there is only one process.
    pub(crate) sockets: Vec<Option<TcpStream>>,
    /// The names of the processes, for messages.
    pub(crate) names: Vec<String>,
    /// The size of this process's files.
    pub(crate) bytes: u64,
    /// On process 0, shows the progress of all processes.
    pub(crate) bar: ProgressBar,
}

/// An error that ended the count in all processes: the process in which it occurred, and its message.
type Failure = (usize, String);

/// The result of a worker.
struct Outcome {
    counts: Counts,
    failures: Vec<Failure>,
}

type Blocks = ThreadsafeIter<Prefetch<Result<String, String>>>;

impl Part {
    /// Counts the words in the blocks of all processes, and returns this process's counts.
    ///
    /// Returns at the first event that makes the counts incomplete, also if workers are blocked. **The caller ends the
    /// process then**, since these workers do not end.
    ///
    /// # Errors
    ///
    /// The messages of all processes whose blocks end with an error; or that of a connection that is lost, or of a
    /// worker that panicked.
    pub(crate) fn count<I>(self, blocks: I) -> Result<Counts, Vec<String>>
    where
        I: Iterator<Item = Result<String, String>> + Send + 'static,
    {
        // The generator runs on a thread of its own, so that no worker blocks in a read: all others would wait for it.
        let blocks = Arc::new(blocks.prefetch(BLOCKS_AHEAD));
        let (events, receiver) = mpsc::channel();
        let is_alone = self.sockets.is_empty();
        thread::spawn(move || {
            let event = self.run_workers(&blocks, &events).map_or_else(Event::Failed, Event::Finished);
            // The main thread may have ended its wait, for a failure.
            let _ = events.send(event);
        });
        match receiver.recv().expect("the thread that runs the workers sends an event") {
            Event::Finished(outcomes) => merge(outcomes, is_alone),
            Event::Failed(message) => Err(vec![message]),
        }
    }

    /// Runs the workers to their end. The error is the reason why they could not be started.
    fn run_workers(self, blocks: &Arc<Blocks>, events: &Sender<Event<Vec<Outcome>>>) -> Result<Vec<Outcome>, String> {
        let Self { process, workers, sockets, names, bytes, bar } = self;
        let (builders, connections) = if sockets.is_empty() {
            let (builders, _) = CommunicationConfig::Process(workers).try_build()?;
            (builders, None)
        } else {
            let peers = sockets
                .into_iter()
                .zip(names)
                .map(|(socket, name)| socket.map(|socket| Peer::new(socket, &name, events.clone())));
            let hooks = Hooks::default();
            let local = ProcessBuilder::new_typed_vector(workers, hooks.refill.clone(), hooks.spill.clone());
            let (builders, connections) =
                initialize_networking_from_sockets(local, peers.collect(), process, workers, hooks)
                    .map_err(|error| format!("cannot start the connections: {error}"))?;
            (builders.into_iter().map(AllocatorBuilder::Tcp).collect(), Some(connections))
        };

        let work = {
            let (blocks, events) = (Arc::clone(blocks), events.clone());
            move |worker: &mut Worker| {
                let work = || work(worker, process, workers, &blocks, bytes, &bar);
                // The panic has printed its message. It ends here: the other workers would wait for this one.
                catch_unwind(AssertUnwindSafe(work))
                    .unwrap_or_else(|_| fail(&events, "a worker has panicked".to_owned()))
            }
        };
        let guards = timely::execute::execute_from(builders, Box::new(()), WorkerConfig::default(), work)?;
        let outcomes = guards.join().into_iter().collect::<Result<_, _>>()?;
        // Waits until all is sent, and until the other processes have sent all.
        drop(connections);
        Ok(outcomes)
    }
}

fn merge(outcomes: Vec<Outcome>, is_alone: bool) -> Result<Counts, Vec<String>> {
    let mut counts = Counts::new();
    let mut failures = Vec::new();
    for outcome in outcomes {
        counts.extend(outcome.counts);
        failures.extend(outcome.failures);
    }
    if failures.is_empty() {
        return Ok(counts);
    }
    // Each worker of the process has received each failure.
    failures.sort_unstable();
    failures.dedup();
    let named = |(process, message)| if is_alone { message } else { format!("process {process}: {message}") };
    Err(failures.into_iter().map(named).collect())
}

/// Builds the dataflow and runs one worker.
fn work(
    worker: &mut Worker,
    process: usize,
    workers: usize,
    blocks: &Arc<Blocks>,
    bytes: u64,
    bar: &ProgressBar,
) -> Outcome {
    let counts = Rc::new(RefCell::new(Counts::new()));
    let failures = Rc::new(RefCell::new(Vec::new()));
    let probe = ProbeHandle::new();
    let mut words_input = InputHandle::new();
    let mut failures_input = InputHandle::new();
    let mut progress_input = InputHandle::new();

    worker.dataflow::<u64, _, _>(|scope| {
        let counts = Rc::clone(&counts);
        let by_hash = ExchangePact::new(|(word, _): &(String, u64)| hash(word));
        words_input
            .to_stream(scope)
            .unary(by_hash, "count", |_, _| {
                move |input, output| {
                    let mut counts = counts.borrow_mut();
                    input.for_each_stamp(|time, containers| {
                        for (word, n) in containers.flat_map(|words: &mut Vec<_>| words.drain(..)) {
                            *counts.entry(word).or_default() += n;
                        }
                        // Nothing is sent: only the progress of the words counts.
                        output.session(&time).give_iterator(std::iter::empty::<()>());
                    });
                }
            })
            .container::<Vec<()>>()
            .probe_with(&probe);

        let (failures, closed_blocks) = (Rc::clone(&failures), Arc::clone(blocks));
        failures_input.to_stream(scope).container::<Vec<Failure>>().broadcast().inspect(move |failure: &Failure| {
            failures.borrow_mut().push(failure.clone());
            // The workers of this process end as if the files had ended.
            closed_blocks.close();
        });

        let bar = bar.clone();
        progress_input.to_stream(scope).container::<Vec<(u64, u64)>>().exchange(|_| 0).inspect(
            move |&(total, counted)| {
                bar.inc_length(total);
                bar.inc(counted);
            },
        );
    });

    // Once for each process.
    if worker.index() % workers == 0 {
        progress_input.send((bytes, 0));
    }
    let mut turn_counts = Counts::new();
    loop {
        let (bytes, state) = count_turn(blocks, &mut turn_counts);
        for word_and_count in turn_counts.drain() {
            words_input.send(word_and_count);
        }
        if bytes > 0 {
            progress_input.send((0, bytes));
            progress_input.flush();
        }
        match state {
            SourceState::Open => {}
            SourceState::Exhausted => break,
            SourceState::Failed(message) => {
                failures_input.send((process, message));
                break;
            }
        }
        let turn = words_input.time() + 1;
        words_input.advance_to(turn);
        worker.step();
        // Back-pressure: timely's queues have no bound of their own.
        while probe.less_than(&turn.saturating_sub(IN_FLIGHT)) {
            worker.step_or_park(None);
        }
    }

    drop((words_input, failures_input, progress_input));
    while worker.has_dataflows() {
        worker.step_or_park(None);
    }
    Outcome { counts: counts.take(), failures: failures.take() }
}

/// The state of the source after a turn.
enum SourceState {
    Open,
    Exhausted,
    Failed(String),
}

/// Counts the words of the blocks that are ready, up to the size of a whole block, so that a word that is frequent
/// there is sent once. Returns the number of bytes.
///
/// A turn ends without a block too: workers that have blocks wait until the others have had as many turns.
fn count_turn(blocks: &Blocks, counts: &mut Counts) -> (u64, SourceState) {
    let mut bytes = 0;
    while bytes < BLOCK_SIZE {
        let next = if bytes == 0 { blocks.next_timeout(BLOCK_TIMEOUT) } else { blocks.try_next() };
        match next {
            Ok(Some(Ok(block))) => {
                count_block(&block, counts);
                bytes += block.len();
            }
            Ok(Some(Err(message))) => return (bytes as u64, SourceState::Failed(message)),
            Ok(None) => return (bytes as u64, SourceState::Exhausted),
            Err(TryNextError::TimedOut | TryNextError::WouldBlock) => break,
            Err(error) => panic!("{error}"),
        }
    }
    (bytes as u64, SourceState::Open)
}

fn count_block(block: &str, counts: &mut Counts) {
    for word in block.split(|c| !is_in_word(c)) {
        let word = word.trim_matches('\'').to_lowercase();
        if !word.is_empty() {
            *counts.entry(word).or_default() += 1;
        }
    }
}

/// Returns a hash that is the same in all processes, unlike that of a `HashMap`.
pub(crate) fn hash(value: impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count<I>(workers: usize, blocks: I) -> Result<Counts, Vec<String>>
    where
        I: Iterator<Item = Result<String, String>> + Send + 'static,
    {
        let bar = ProgressBar::hidden();
        Part { process: 0, workers, sockets: Vec::new(), names: Vec::new(), bytes: 0, bar }.count(blocks)
    }

    #[test]
    fn every_word_of_every_block_is_counted_once() {
        let blocks = (0..1000).map(|n| Ok(format!("The {n}\n it's 'the'")));
        let counts = count(3, blocks).unwrap();
        assert_eq!((counts["the"], counts["it's"], counts["999"], counts.len()), (2000, 1000, 1, 1002));
    }

    #[test]
    fn the_first_error_ends_an_endless_source() {
        let blocks = (0..).map(|n| if n == 100 { Err("no more".to_owned()) } else { Ok(format!("{n}")) });
        assert_eq!(count(3, blocks), Err(vec!["no more".to_owned()]));
    }

    #[test]
    fn a_panic_of_the_source_ends_the_count() {
        for workers in 1..=3 {
            let blocks = (0..).map(|n| if n == 100 { panic!("wanted by the test") } else { Ok("word".to_owned()) });
            assert_eq!(count(workers, blocks), Err(vec!["a worker has panicked".to_owned()]));
        }
    }
}
