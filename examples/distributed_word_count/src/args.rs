//! The command line.

use std::ffi::OsString;
use std::num::NonZero;
use std::path::PathBuf;
use std::thread;
use std::time::Duration;

use lexopt::{Arg, Parser, ValueExt};

use crate::connect::Cluster;

pub(crate) const HELP: &str = "\
Counts the words of files with several processes of several workers, by timely dataflow.

Usage: distributed_word_count [OPTIONS] FILE...

Each process prints the words that it counted. No two processes count the same word, so the outputs together are that
of one process. Start all processes with the same arguments, except for `--process`:

  --addresses HOST:PORT,...  the addresses of all processes; without it, there is one process
  --process INDEX            this process's place among the addresses, from 0 on [default: 0]
  --workers N                the number of workers of each process [default: the number of cores]
  --local                    the files are those of this host; without it, all processes see the same files and
                             share them among themselves
  --listen HOST:PORT         the address to listen on, if it is not the one that others connect to
  --timeout SECONDS          how long to wait for the other processes to start [default: 30]
  --repeat N                 counts the files N times

On this machine, instead:

  --compare                  starts two processes on 127.0.0.1, and compares their counts with those of one
  --measure                  prints the lines per second of 1 and 2 processes of 1 and 2 workers

  -h, --help                 prints this text

The exit code is 0, 1 after an error in any process, 2 if the arguments are wrong, and 130 after ctrl-c.
";

pub(crate) enum Command {
    Help,
    Count(Box<Options>),
    Compare(Input),
    Measure(Input),
}

pub(crate) struct Options {
    /// `None` if there is one process.
    pub(crate) cluster: Option<Cluster>,
    pub(crate) workers: usize,
    /// The files are those of this process, and not to be shared with the others.
    pub(crate) local: bool,
    pub(crate) input: Input,
}

pub(crate) struct Input {
    pub(crate) files: Vec<PathBuf>,
    pub(crate) repeat: usize,
    pub(crate) workers: NonZero<usize>,
}

/// Parses the command line. The error is one line.
pub(crate) fn parse(args: impl IntoIterator<Item = OsString>) -> Result<Command, lexopt::Error> {
    let mut parser = Parser::from_args(args);
    let mut workers = thread::available_parallelism().unwrap_or(NonZero::<usize>::MIN);
    let mut repeat = NonZero::<usize>::MIN;
    let mut timeout: u32 = 30;
    let (mut addresses, mut process, mut listen) = (None, None, None);
    let (mut local, mut compare, mut measure) = (false, false, false);
    let mut files = Vec::new();
    while let Some(arg) = parser.next()? {
        match arg {
            Arg::Short('h') | Arg::Long("help") => return Ok(Command::Help),
            Arg::Long("addresses") => addresses = Some(parser.value()?.parse_with(parse_addresses)?),
            Arg::Long("process") => process = Some(parser.value()?.parse::<usize>()?),
            Arg::Long("listen") => listen = Some(parser.value()?.string()?),
            Arg::Long("workers") => workers = parser.value()?.parse()?,
            Arg::Long("timeout") => timeout = parser.value()?.parse()?,
            Arg::Long("repeat") => repeat = parser.value()?.parse()?,
            Arg::Long("local") => local = true,
            Arg::Long("compare") => compare = true,
            Arg::Long("measure") => measure = true,
            Arg::Value(file) => files.push(PathBuf::from(file)),
            _ => return Err(arg.unexpected()),
        }
    }
    if files.is_empty() && !local {
        return Err("no files to count".into());
    }
    let input = Input { files, repeat: repeat.get(), workers };
    if compare || measure {
        return match (compare && measure, local || addresses.is_some() || process.is_some() || listen.is_some()) {
            (true, _) => Err("`--compare` and `--measure` exclude each other".into()),
            (_, true) => Err("`--compare` and `--measure` start the processes themselves".into()),
            _ if compare => Ok(Command::Compare(input)),
            _ => Ok(Command::Measure(input)),
        };
    }
    let cluster = match addresses {
        None if process.is_some() || listen.is_some() => {
            return Err("`--process` and `--listen` need `--addresses`".into());
        }
        None => None,
        Some(addresses) => {
            let process = process.unwrap_or(0);
            if process >= addresses.len() {
                return Err(format!("there is no process {process} among {} addresses", addresses.len()).into());
            }
            Some(Cluster { addresses, process, listen, limit: Duration::from_secs(timeout.into()) })
        }
    };
    Ok(Command::Count(Box::new(Options { cluster, workers: workers.get(), local, input })))
}

fn parse_addresses(text: &str) -> Result<Vec<String>, &'static str> {
    let addresses: Vec<_> = text.split(',').map(str::to_owned).collect();
    // The host may be an IPv6 address in brackets. Its name is looked up later.
    let has_port = |address: &String| {
        address.rsplit_once(':').is_some_and(|(host, port)| !host.is_empty() && port.parse::<u16>().is_ok())
    };
    if addresses.iter().all(has_port) { Ok(addresses) } else { Err("an address is `HOST:PORT`") }
}
