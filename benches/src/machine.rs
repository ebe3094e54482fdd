//! The machine, the compiler and the versions of a measurement, to be stated beside every number.

use std::fmt;
use std::fs;
use std::thread;

use serde::Serialize;

/// The circumstances that a reader needs to interpret the numbers.
#[derive(Debug, Serialize)]
pub struct Machine {
    /// The processor's model name.
    pub cpu: String,
    /// The number of cores.
    pub cores: usize,
    /// The version of the compiler.
    pub rustc: &'static str,
    /// The date, in UTC.
    pub date: String,
    /// The contenders and their versions.
    pub crates: Vec<String>,
}

impl Machine {
    /// Describes this machine, now.
    pub fn this() -> Self {
        let cpuinfo = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let model = cpuinfo.lines().find_map(|line| line.strip_prefix("model name")?.split_once(':'));
        Self {
            cpu: model.map_or("unknown processor", |(_, model)| model.trim()).into(),
            cores: thread::available_parallelism().map_or(1, usize::from),
            rustc: env!("RUSTC_VERSION"),
            date: jiff::Timestamp::now().strftime("%Y-%m-%d").to_string(),
            crates: versions(),
        }
    }

    /// Formats the hardware, the compiler and the date in one line.
    pub fn hardware(&self) -> String {
        let rustc = self.rustc.split(" (").next().unwrap_or(self.rustc);
        format!("{}, {} cores · {rustc} · {}", self.cpu, self.cores, self.date)
    }
}

impl fmt::Display for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}\n{}", self.hardware(), self.crates.join(", "))
    }
}

/// Returns the compared crates with their versions from the lock file. A crate in two versions is listed twice.
fn versions() -> Vec<String> {
    const CRATES: &[&str] = &[
        "threadsafe-gen",
        "parking_lot",
        "genawaiter",
        "fauxgen",
        "async-stream",
        "orx-concurrent-iter",
        "rayon",
        "crossbeam-channel",
        "flume",
        "async-trait",
    ];
    // The lock file at compile time, so that the versions are those in the program.
    let lock = include_str!("../../Cargo.lock");
    let quoted = |line: &'static str, key| line.strip_prefix(key)?.strip_prefix(" = \"")?.strip_suffix('"');
    let mut versions = Vec::new();
    for wanted in CRATES {
        let mut lines = lock.lines();
        while let Some(line) = lines.next() {
            if quoted(line, "name") == Some(wanted)
                && let Some(version) = lines.next().and_then(|line| quoted(line, "version"))
            {
                versions.push(format!("{wanted} {version}"));
            }
        }
    }
    versions
}
