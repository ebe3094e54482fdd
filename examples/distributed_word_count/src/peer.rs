//! The connections between the processes, and the events that end a process.
//!
//! timely reports a lost connection by panics: first of its thread that reads or writes there, then of every worker.
//! These panics name no process, a worker that is blocked does not see them, and if a worker has something to send
//! while it unwinds, it panics again, which aborts the process. A [`Peer`] is the stream that timely's threads use. If
//! a call fails, it tells the main thread which connection is lost, and does not return to timely. The main thread ends
//! the process without waiting for any other thread.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;
use std::sync::mpsc::Sender;
use std::thread;

use timely::communication::allocator::zero_copy::stream::Stream;

/// An event that ends the process.
pub(crate) enum Event<R> {
    /// All workers have ended, and the connections are closed.
    Finished(R),
    /// The counts cannot become complete, for this reason.
    Failed(String),
}

/// Ends the process with an error, by the main thread.
pub(crate) fn fail<R>(events: &Sender<Event<R>>, message: String) -> ! {
    // The main thread may have ended its wait, for another failure.
    let _ = events.send(Event::Failed(message));
    loop {
        thread::park();
    }
}

/// The length of timely's last message on a connection, which consists of zeros.
const LAST_MESSAGE: usize = 48;

/// A connection to another process.
pub(crate) struct Peer<R> {
    stream: TcpStream,
    /// The process and its address, for messages.
    name: Arc<str>,
    events: Sender<Event<R>>,
    /// The number of zeros that were read last. If the stream ends after fewer than the last message has, the process
    /// has ended too early. If it ends early after as many, which is improbable, timely panics.
    zeros: usize,
}

impl<R> Peer<R> {
    pub(crate) fn new(stream: TcpStream, name: &str, events: Sender<Event<R>>) -> Self {
        Self { stream, name: name.into(), events, zeros: 0 }
    }

    /// Calls the stream until a signal does not interrupt it. Does not return errors.
    fn call<T>(&self, mut call: impl FnMut(&TcpStream) -> io::Result<T>) -> T {
        loop {
            match call(&self.stream) {
                Ok(value) => return value,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => fail(&self.events, format!("the connection to {} is lost: {error}", self.name)),
            }
        }
    }
}

impl<R> Read for Peer<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.call(|mut stream| stream.read(buffer));
        let zeros = buffer[..n].iter().rev().take_while(|&&byte| byte == 0).count();
        self.zeros = if zeros == n { self.zeros.saturating_add(n) } else { zeros };
        if n == 0 && self.zeros < LAST_MESSAGE {
            fail(&self.events, format!("{} has ended before the count was complete", self.name));
        }
        Ok(n)
    }
}

impl<R> Write for Peer<R> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Ok(self.call(|mut stream| stream.write(bytes)))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.call(|mut stream| stream.flush());
        Ok(())
    }
}

impl<R: Send> Stream for Peer<R> {
    fn try_clone(&self) -> io::Result<Self> {
        let Self { stream, name, events, zeros } = self;
        Ok(Self { stream: stream.try_clone()?, name: Arc::clone(name), events: events.clone(), zeros: *zeros })
    }

    fn set_nonblocking(&self, nonblocking: bool) -> io::Result<()> {
        self.stream.set_nonblocking(nonblocking)
    }

    fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        self.stream.shutdown(how)
    }
}
