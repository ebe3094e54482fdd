//! The connections between the processes, and the events that end a process.
//!
//! timely reports a broken connection by panics: of its thread that reads or writes there, and then of every worker, since
//! the queues to the workers are poisoned. Such a panic names no peer, and a worker that is blocked does not see it. A
//! [`Peer`] is the stream that timely's threads use. It tells the main thread which connection broke, and the main
//! thread ends the process without waiting for any other.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::panic;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::mpsc::Sender;
use std::thread;

use timely::communication::allocator::zero_copy::stream::Stream;

/// An event that ends the process.
pub(crate) enum Event<R> {
    /// All workers have ended, and the connections are closed.
    Finished(R),
    /// A worker has panicked, by its index in this process. It has printed its message, unless it panicked because a
    /// connection is lost.
    WorkerPanicked,
    /// The connection to a process is lost, or timely could not be started.
    Failed(String),
}

/// The number of broken connections and panicked workers: if it is not 0, further panics of timely's threads are
/// consequences.
#[derive(Clone, Default)]
pub(crate) struct Broken(Arc<AtomicUsize>);

impl Broken {
    pub(crate) fn add(&self) {
        self.0.fetch_add(1, Relaxed);
    }

    fn remove(&self) {
        self.0.fetch_sub(1, Relaxed);
    }

    /// Silences the panics of timely's threads that are consequences. The main thread reports the cause.
    pub(crate) fn silence_consequences(&self) {
        let broken = self.clone();
        let print = panic::take_hook();
        panic::set_hook(Box::new(move |panic| {
            let is_timely = thread::current().name().is_some_and(|name| name.starts_with("timely:"));
            if !is_timely || broken.0.load(Relaxed) == 0 {
                print(panic);
            }
        }));
    }
}

/// A connection to another process.
pub(crate) struct Peer<R> {
    stream: TcpStream,
    /// The process and its address, for messages.
    name: Arc<str>,
    events: Sender<Event<R>>,
    broken: Broken,
    /// Set by the first read or write after which timely cannot continue, or by the end of the stream. Whether the end is
    /// the regular one is known when timely drops the `Peer`: it panics otherwise.
    failure: Option<String>,
}

impl<R> Peer<R> {
    pub(crate) fn new(stream: TcpStream, name: &str, events: Sender<Event<R>>, broken: Broken) -> Self {
        Self { stream, name: name.into(), events, broken, failure: None }
    }

    fn fail(&mut self, failure: impl FnOnce(&str) -> String) {
        if self.failure.is_none() {
            self.broken.add();
            self.failure = Some(failure(&self.name));
        }
    }

    fn check<T>(&mut self, result: io::Result<T>) -> io::Result<T> {
        if let Err(error) = &result {
            self.fail(|name| format!("the connection to {name} is lost: {error}"));
        }
        result
    }
}

/// Repeats a call that a signal has interrupted, which timely takes for an error.
fn uninterrupted<T>(mut call: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    loop {
        match call() {
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}

impl<R> Read for Peer<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let result = uninterrupted(|| self.stream.read(buffer));
        if matches!(result, Ok(0)) && !buffer.is_empty() {
            self.fail(|name| format!("{name} has ended before the count was complete"));
        }
        self.check(result)
    }
}

impl<R> Write for Peer<R> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let result = uninterrupted(|| self.stream.write(bytes));
        self.check(result)
    }

    fn flush(&mut self) -> io::Result<()> {
        let result = self.stream.flush();
        self.check(result)
    }
}

impl<R: Send> Stream for Peer<R> {
    fn try_clone(&self) -> io::Result<Self> {
        Ok(Self {
            stream: self.stream.try_clone()?,
            name: Arc::clone(&self.name),
            events: self.events.clone(),
            broken: self.broken.clone(),
            failure: None,
        })
    }

    fn set_nonblocking(&self, nonblocking: bool) -> io::Result<()> {
        self.stream.set_nonblocking(nonblocking)
    }

    fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        self.stream.shutdown(how)
    }
}

impl<R> Drop for Peer<R> {
    fn drop(&mut self) {
        let Some(failure) = self.failure.take() else { return };
        if thread::panicking() {
            // The main thread may have ended its wait, for another failure.
            let _ = self.events.send(Event::Failed(failure));
        } else {
            self.broken.remove();
        }
    }
}
