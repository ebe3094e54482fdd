//! Several processes on this machine: `--compare` and `--measure`.

use std::env;
use std::ffi::OsStr;
use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, Read};
use std::net::TcpListener;
use std::process::{self, Child, Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use crate::args::Input;

/// The processes that this one has started and that have not been waited for.
static PROCESSES: Mutex<Vec<Child>> = Mutex::new(Vec::new());

fn processes() -> MutexGuard<'static, Vec<Child>> {
    PROCESSES.lock().unwrap_or_else(PoisonError::into_inner)
}

fn kill(processes: &mut [Child]) {
    for child in processes {
        // It may have ended by itself.
        let _ = child.kill();
    }
}

/// Ends this process after ctrl-c, with those that it has started.
pub(crate) fn exit_interrupted() -> ! {
    // Held to the end, so that no other is started.
    let mut processes = processes();
    kill(&mut processes);
    process::exit(130);
}

/// The rounds of `--measure`, in each of which each shape runs once.
const ROUNDS: u32 = 5;

/// Processes and workers.
const SHAPES: [(usize, usize); 3] = [(1, 1), (1, 2), (2, 1)];

/// Compares the counts of two processes with those of one process of one worker. Returns a summary.
pub(crate) fn compare(input: &Input) -> Result<String, Vec<String>> {
    let workers = input.workers.get();
    let (of_one, of_two) = (run_processes(1, 1, input)?, run_processes(2, workers, input)?);
    let (one, two) = (sorted_lines(&of_one), sorted_lines(&of_two));
    let difference = one.iter().find(|line| two.binary_search(line).is_err());
    let difference = difference.or_else(|| two.iter().find(|line| one.binary_search(line).is_err()));
    match difference {
        Some(line) => Err(vec![format!("the counts differ: {}", line.trim_start())]),
        None if one != two => Err(vec!["the counts differ: two processes have counted the same word".to_owned()]),
        None => Ok(format!(
            "equal: {} different words, counted by two processes of {workers} workers ({} and {}), and by one\n",
            one.len(),
            of_two[0].lines().count(),
            of_two[1].lines().count(),
        )),
    }
}

fn sorted_lines(outputs: &[String]) -> Vec<&str> {
    let mut lines: Vec<_> = outputs.iter().flat_map(|output| output.lines()).collect();
    lines.sort_unstable();
    lines
}

/// Measures the shapes in turns, and returns a table with the best of each.
pub(crate) fn measure(input: &Input) -> Result<String, Vec<String>> {
    let lines = count_lines(input).map_err(|error| vec![error])? * input.repeat as u64;
    let mut best = [Duration::MAX; SHAPES.len()];
    for _ in 0..ROUNDS {
        for (best, (processes, workers)) in best.iter_mut().zip(SHAPES) {
            let start = Instant::now();
            run_processes(processes, workers, input)?;
            *best = start.elapsed().min(*best);
        }
    }
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let mut table = format!("{lines} lines, the best of {ROUNDS} rounds on {cores} cores\n\n");
    table += "| processes x workers | seconds | lines a second |\n| --- | --- | --- |\n";
    for ((processes, workers), best) in SHAPES.into_iter().zip(best) {
        let seconds = best.as_secs_f64();
        // Exact below 2^52 lines.
        #[expect(clippy::cast_precision_loss)]
        let millions = lines as f64 / seconds / 1e6;
        let row = writeln!(table, "| {processes} x {workers} | {seconds:.2} | {millions:.2} million |");
        row.expect("writing to a string does not fail");
    }
    Ok(table)
}

fn count_lines(input: &Input) -> Result<u64, String> {
    let mut lines = 0;
    let mut buffer = vec![0; 1 << 16];
    for path in &input.files {
        let mut count = || -> io::Result<()> {
            let mut file = File::open(path)?;
            loop {
                match file.read(&mut buffer)? {
                    0 => return Ok(()),
                    n => lines += buffer[..n].iter().map(|&byte| u64::from(byte == b'\n')).sum::<u64>(),
                }
            }
        };
        count().map_err(|error| format!("{}: {error}", path.display()))?;
    }
    Ok(lines)
}

/// Runs a count by several processes of this program. Returns their outputs in the order of the processes.
fn run_processes(processes: usize, workers: usize, input: &Input) -> Result<Vec<String>, Vec<String>> {
    let failed = |error: io::Error| vec![format!("cannot run this program: {error}")];
    let program = env::current_exe().map_err(failed)?;
    let addresses = free_addresses(processes).map_err(failed)?.join(",");

    let mut outputs = Vec::new();
    for index in 0..processes {
        let mut command = Command::new(&program);
        command.args(["--workers", &workers.to_string(), "--repeat", &input.repeat.to_string()]);
        if processes > 1 {
            command.args(["--addresses", &addresses, "--process", &index.to_string()]);
        }
        command.arg("--").args(input.files.iter().map(|file| -> &OsStr { file.as_ref() }));
        command.stdin(Stdio::null()).stdout(Stdio::piped());
        let mut started = self::processes();
        match command.spawn() {
            Ok(mut child) => {
                outputs.push(child.stdout.take().expect("the output is a pipe"));
                started.push(child);
            }
            Err(error) => {
                kill(&mut started);
                return Err(failed(error));
            }
        }
    }
    let readers = outputs.into_iter().map(|mut output| {
        thread::spawn(move || {
            let mut text = String::new();
            output.read_to_string(&mut text).map(|_| text)
        })
    });
    let readers: Vec<_> = readers.collect();
    let texts = readers.into_iter().map(|reader| reader.join().expect("reading does not panic")).collect();
    let texts: io::Result<Vec<_>> = texts;

    // All have closed their outputs, and so are about to end.
    let mut errors = Vec::new();
    for (index, mut child) in self::processes().drain(..).enumerate() {
        let status = child.wait().map_err(failed)?;
        if status.code() == Some(130) {
            // A terminal sends ctrl-c to all processes.
            process::exit(130);
        }
        if !status.success() {
            errors.push(format!("process {index} has ended with {status}"));
        }
    }
    if errors.is_empty() { texts.map_err(failed) } else { Err(errors) }
}

/// Returns addresses with ports that were free a moment ago.
fn free_addresses(n: usize) -> io::Result<Vec<String>> {
    // All are held at the same time, so that they differ.
    let listeners = (0..n).map(|_| TcpListener::bind("127.0.0.1:0")).collect::<io::Result<Vec<_>>>()?;
    listeners.iter().map(|listener| Ok(listener.local_addr()?.to_string())).collect()
}
