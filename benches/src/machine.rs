//! Where and with what it was measured, to be written beside every number.

use std::fmt;
use std::fs;
use std::thread;

use serde::Serialize;

/// What a reader has to know to make anything of the numbers.
#[derive(Debug, Serialize)]
pub struct Machine {
    /// The processor, in its maker's words.
    pub cpu: String,
    /// How many cores of it.
    pub cores: usize,
    /// The compiler.
    pub rustc: &'static str,
    /// The day, UTC.
    pub date: String,
    /// The contenders' versions.
    pub crates: Vec<String>,
}

impl Machine {
    /// This one, now.
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

    /// The line about the hardware and the compiler.
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

/// The versions that the lock file has of the crates that are compared. Of two versions of a crate, both.
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
    // As it is when the program is compiled, which is what the program is made of.
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
