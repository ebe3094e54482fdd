//! Connects the processes, within a limit of time.
//!
//! timely's own set-up retries for ever. This one gives the same sockets to `initialize_networking_from_sockets`. The
//! process with the higher index connects to the one with the lower. Both send a [`Hello`], by which a process that was
//! started with other arguments, or that is not this program, is detected.

use std::fmt;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream, ToSocketAddrs};
use std::thread;
use std::time::{Duration, Instant};

use socket2::{SockRef, TcpKeepalive};

/// The time after which a connection whose other host does not answer is lost: that of the first probe, and that of the
/// three after it.
const KEEPALIVE: (Duration, Duration, u32) = (Duration::from_secs(15), Duration::from_secs(5), 3);

/// The first pause between two attempts to connect, which doubles up to the last.
const PAUSES: (Duration, Duration) = (Duration::from_millis(5), Duration::from_millis(320));

/// The time that a connection has to send its [`Hello`].
const HELLO_LIMIT: Duration = Duration::from_secs(5);

/// The processes, and the limit of time for their start.
pub(crate) struct Cluster {
    /// The addresses of all processes, in the order of their indexes.
    pub(crate) addresses: Vec<String>,
    /// The index of this process.
    pub(crate) process: usize,
    /// The address to listen on, if it is not the one in `addresses`.
    pub(crate) listen: Option<String>,
    pub(crate) limit: Duration,
}

impl Cluster {
    /// Returns the name of a process in messages.
    pub(crate) fn name(&self, process: usize) -> String {
        format!("process {process} ({})", self.addresses[process])
    }

    /// Connects this process with all others. Returns their sockets by index, with `None` for this process.
    ///
    /// # Errors
    ///
    /// If a process has not answered in time, or was started with other arguments.
    pub(crate) fn connect(&self, workers: usize, fingerprint: u64) -> Result<Vec<Option<TcpStream>>, ConnectError> {
        let deadline = Instant::now() + self.limit;
        let hello = Hello { process: self.process, processes: self.addresses.len(), workers, fingerprint };
        // The others can connect from now on. They wait for the answer until the lower processes have answered here.
        let listener = self.listen().map_err(|(address, error)| ConnectError::Listen { address, error })?;

        let mut sockets: Vec<Option<TcpStream>> = self.addresses.iter().map(|_| None).collect();
        for (process, socket) in sockets.iter_mut().enumerate().take(self.process) {
            *socket = Some(self.connect_to(process, &hello, deadline)?);
        }
        self.accept(&listener, &hello, &mut sockets, deadline)?;
        for socket in sockets.iter().flatten() {
            prepare(socket).map_err(ConnectError::Socket)?;
        }
        Ok(sockets)
    }

    fn listen(&self) -> Result<TcpListener, (String, io::Error)> {
        let address = self.listen.as_ref().unwrap_or(&self.addresses[self.process]);
        let listener = TcpListener::bind(address).and_then(|listener| {
            listener.set_nonblocking(true)?;
            Ok(listener)
        });
        listener.map_err(|error| (address.clone(), error))
    }

    fn connect_to(&self, process: usize, hello: &Hello, deadline: Instant) -> Result<TcpStream, ConnectError> {
        let address = &self.addresses[process];
        let mut pause = PAUSES.0;
        loop {
            let greeted = open(address, deadline).and_then(|mut stream| {
                // The answer comes when the other process has connected to those before it.
                let theirs = hello.exchange(&mut stream, deadline)?;
                Ok((stream, theirs))
            });
            let error = match greeted {
                Ok((stream, theirs)) => {
                    let theirs = theirs.filter(|theirs| theirs.process == process);
                    return match hello.compare(theirs.as_ref()) {
                        None => Ok(stream),
                        Some(difference) => Err(ConnectError::Different { name: self.name(process), difference }),
                    };
                }
                Err(error) => error,
            };
            if deadline.saturating_duration_since(Instant::now()) <= pause {
                // The error of a read that took too long says no more than that.
                let error = Some(error).filter(|e| !matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut));
                return Err(ConnectError::Missing { name: self.name(process), limit: self.limit, error });
            }
            thread::sleep(pause);
            pause = PAUSES.1.min(2 * pause);
        }
    }

    /// Accepts the connections of the processes after this one.
    fn accept(
        &self,
        listener: &TcpListener,
        hello: &Hello,
        sockets: &mut [Option<TcpStream>],
        deadline: Instant,
    ) -> Result<(), ConnectError> {
        let first = self.process + 1;
        while let Some(missing) = (first..sockets.len()).find(|&process| sockets[process].is_none()) {
            if Instant::now() >= deadline {
                return Err(ConnectError::Missing { name: self.name(missing), limit: self.limit, error: None });
            }
            let mut stream = match listener.accept() {
                Ok((stream, _)) => stream,
                // The connection was given up before it was accepted.
                Err(error) if matches!(error.kind(), ErrorKind::ConnectionAborted | ErrorKind::Interrupted) => continue,
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    thread::sleep(PAUSES.0);
                    continue;
                }
                Err(error) => return Err(ConnectError::Socket(error)),
            };
            let limit = deadline.min(Instant::now() + HELLO_LIMIT);
            // Connections of other programs, and those that say nothing, are dropped.
            let Ok(Some(theirs)) = stream.set_nonblocking(false).and_then(|()| hello.exchange(&mut stream, limit))
            else {
                continue;
            };
            let name = || format!("process {}", theirs.process);
            if let Some(difference) = hello.compare(Some(&theirs)) {
                return Err(ConnectError::Different { name: name(), difference });
            }
            match sockets.get_mut(theirs.process) {
                Some(socket @ None) if theirs.process > self.process => *socket = Some(stream),
                _ => return Err(ConnectError::Different { name: name(), difference: "was started twice" }),
            }
        }
        Ok(())
    }
}

/// Connects to one of the addresses that the name stands for.
fn open(address: &str, deadline: Instant) -> io::Result<TcpStream> {
    let mut last_error = io::Error::new(ErrorKind::NotFound, "the name has no address");
    for address in address.to_socket_addrs()? {
        // One second at least: a limit of zero is an error.
        let rest = deadline.saturating_duration_since(Instant::now()).max(Duration::from_secs(1));
        match TcpStream::connect_timeout(&address, rest.min(HELLO_LIMIT)) {
            // A connection from a free port of this host can meet itself, if nothing listens there.
            Ok(stream) if stream.local_addr()? == stream.peer_addr()? => {
                last_error = ErrorKind::ConnectionRefused.into();
            }
            Ok(stream) => return Ok(stream),
            Err(error) => last_error = error,
        }
    }
    Err(last_error)
}

/// Removes the limits of the set-up, and sets those that end a connection to a host that is gone.
fn prepare(socket: &TcpStream) -> io::Result<()> {
    let (time, interval, retries) = KEEPALIVE;
    socket.set_read_timeout(None)?;
    socket.set_write_timeout(None)?;
    socket.set_nodelay(true)?;
    let keepalive = TcpKeepalive::new().with_time(time).with_interval(interval).with_retries(retries);
    SockRef::from(socket).set_tcp_keepalive(&keepalive)?;
    // No probes are sent while data waits for an answer.
    #[cfg(target_os = "linux")]
    SockRef::from(socket).set_tcp_user_timeout(Some(time + retries * interval))?;
    Ok(())
}

/// The first bytes on a connection, in both directions.
struct Hello {
    process: usize,
    processes: usize,
    workers: usize,
    /// Equal if the processes are to count the same files.
    fingerprint: u64,
}

impl Hello {
    const MAGIC: [u8; 8] = *b"words 01";

    /// Sends this one, and returns the other's, or `None` if it is not one of this program.
    fn exchange(&self, stream: &mut TcpStream, deadline: Instant) -> io::Result<Option<Self>> {
        let rest = deadline.saturating_duration_since(Instant::now()).max(Duration::from_millis(1));
        stream.set_read_timeout(Some(rest))?;
        stream.set_write_timeout(Some(rest))?;
        let words = [self.process as u64, self.processes as u64, self.workers as u64, self.fingerprint];
        let message = [
            Self::MAGIC,
            words[0].to_be_bytes(),
            words[1].to_be_bytes(),
            words[2].to_be_bytes(),
            words[3].to_be_bytes(),
        ];
        stream.write_all(message.as_flattened())?;

        let mut answer = [[0; 8]; 5];
        stream.read_exact(answer.as_flattened_mut())?;
        let [magic, words @ ..] = answer;
        let [process, processes, workers, fingerprint] = words.map(u64::from_be_bytes);
        let number = |n| usize::try_from(n).unwrap_or(usize::MAX);
        let hello =
            Self { process: number(process), processes: number(processes), workers: number(workers), fingerprint };
        Ok((magic == Self::MAGIC).then_some(hello))
    }

    /// Returns the difference to the other's, or `None` if both fit.
    fn compare(&self, theirs: Option<&Self>) -> Option<&'static str> {
        let Some(theirs) = theirs else { return Some("is another process or another program") };
        if theirs.processes != self.processes {
            Some("has another number of addresses")
        } else if theirs.workers != self.workers {
            Some("has another number of workers")
        } else if theirs.fingerprint != self.fingerprint {
            Some("counts other files, or is of another version")
        } else {
            None
        }
    }
}

/// The processes cannot be connected.
#[derive(Debug)]
pub(crate) enum ConnectError {
    Listen { address: String, error: io::Error },
    Missing { name: String, limit: Duration, error: Option<io::Error> },
    Different { name: String, difference: &'static str },
    Socket(io::Error),
}

impl fmt::Display for ConnectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Listen { address, error } => write!(f, "cannot listen on {address}: {error}"),
            Self::Missing { name, limit, error } => {
                write!(f, "{name} has not answered within {} s", limit.as_secs())?;
                error.as_ref().map_or(Ok(()), |error| write!(f, ": {error}"))
            }
            Self::Different { name, difference } => write!(f, "{name} {difference}"),
            Self::Socket(error) => write!(f, "cannot connect the processes: {error}"),
        }
    }
}
