//! Several processes on this machine: they count what one counts, and none of them hangs, however another one ends.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, mpsc};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// The time after which a process is considered to hang.
const LIMIT: Duration = Duration::from_secs(60);

/// A process of the program, which is killed if the test fails.
struct Process {
    child: Child,
    /// Those of the standard output and the standard error.
    readers: Vec<JoinHandle<String>>,
}

#[derive(Debug)]
struct Ended {
    code: Option<i32>,
    stdout: String,
    stderr: String,
}

impl Process {
    fn start(args: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_distributed_word_count"));
        command.args(args).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the program starts");
        let readers = vec![read(child.stdout.take().unwrap()), read(child.stderr.take().unwrap())];
        Self { child, readers }
    }

    fn wait(mut self) -> Ended {
        let start = Instant::now();
        let status = loop {
            if let Some(status) = self.child.try_wait().expect("the process can be waited for") {
                break status;
            }
            assert!(start.elapsed() < LIMIT, "the process has not ended");
            thread::sleep(Duration::from_millis(5));
        };
        let mut texts = self.readers.drain(..).map(|reader| reader.join().expect("the output is UTF-8"));
        let (stdout, stderr) = (texts.next().unwrap(), texts.next().unwrap());
        drop(texts);
        Ended { code: status.code(), stdout, stderr }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It has ended already unless the test fails.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn read(mut output: impl Read + Send + 'static) -> JoinHandle<String> {
    thread::spawn(move || {
        let mut text = String::new();
        output.read_to_string(&mut text).unwrap();
        text
    })
}

/// A new folder for the files of a test.
fn folder(test: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(test);
    match fs::remove_dir_all(&folder) {
        Err(error) if error.kind() != ErrorKind::NotFound => panic!("{}: {error}", folder.display()),
        _ => {}
    }
    fs::create_dir(&folder).unwrap();
    folder
}

fn write(folder: &Path, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
    let path = folder.join(name);
    fs::write(&path, content).unwrap();
    path
}

/// Files in which words occur in several files and lines.
fn texts(folder: &Path, n: usize) -> Vec<PathBuf> {
    let text = |file: usize| -> String {
        (0..2000).fold(String::new(), |text, line| {
            text + &format!("File {file}, line {line}: it's the {}th\n", line * line % 97 + file)
        })
    };
    (0..n).map(|file| write(folder, &format!("{file}.txt"), text(file))).collect()
}

/// Addresses of ports that were free a moment ago.
fn addresses(n: usize) -> String {
    let listeners: Vec<_> = (0..n).map(|_| TcpListener::bind("127.0.0.1:0").unwrap()).collect();
    let addresses: Vec<_> = listeners.iter().map(|listener| listener.local_addr().unwrap().to_string()).collect();
    addresses.join(",")
}

/// Starts one process of several.
fn member(addresses: &str, process: usize, args: &[&str], files: &[PathBuf]) -> Process {
    let process = process.to_string();
    let options = ["--addresses", addresses, "--process", &process].into_iter().chain(args.iter().copied());
    Process::start(options.map(OsStr::new).chain(files.iter().map(|file| file.as_os_str())))
}

fn run_members(processes: usize, args: &[&str], files: &[PathBuf]) -> Vec<Ended> {
    let addresses = addresses(processes);
    let started: Vec<_> = (0..processes).map(|process| member(&addresses, process, args, files)).collect();
    started.into_iter().map(Process::wait).collect()
}

type Counts = BTreeMap<String, u64>;

/// The counts that the outputs have, each word in one of them.
fn counts(outputs: &[Ended]) -> Counts {
    let mut counts = Counts::new();
    for output in outputs {
        assert_eq!((output.code, output.stderr.as_str()), (Some(0), ""));
        for line in output.stdout.lines() {
            let (n, word) = line.trim_start().split_once(' ').expect("a line is a number and a word");
            let other = counts.insert(word.to_owned(), n.parse().expect("a number"));
            assert_eq!(other, None, "`{word}` was counted by two processes");
        }
    }
    counts
}

/// The counts of the files, found without the program.
fn expected(files: &[PathBuf]) -> Counts {
    let mut counts = Counts::new();
    for file in files {
        for word in fs::read_to_string(file).unwrap().split(|c: char| !c.is_alphanumeric() && c != '\'') {
            if !word.is_empty() {
                *counts.entry(word.to_lowercase()).or_default() += 1;
            }
        }
    }
    counts
}

#[test]
fn all_processes_together_count_what_one_counts() {
    let folder = folder("together");
    let files = texts(&folder, 5);
    let expected = expected(&files);
    for workers in ["1", "2", "4"] {
        let one = Process::start(
            ["--workers", workers].iter().map(OsStr::new).chain(files.iter().map(|file| file.as_os_str())),
        );
        assert_eq!(counts(&[one.wait()]), expected, "1 x {workers}");
    }
    for (processes, workers) in [(2, "1"), (2, "2"), (3, "1"), (3, "2")] {
        let outputs = run_members(processes, &["--workers", workers], &files);
        assert_eq!(counts(&outputs), expected, "{processes} x {workers}");
        // By hash, no process counts all of 2,000 words, nor none.
        assert!(outputs.iter().all(|output| !output.stdout.is_empty()), "{processes} x {workers}");
    }
}

#[test]
fn processes_and_workers_without_files_count_too() {
    let folder = folder("without_files");
    let mut files = vec![write(&folder, "empty", ""), write(&folder, "blank", " \n\n")];
    assert_eq!(counts(&run_members(2, &["--workers", "3"], &files)), Counts::new());
    files.extend(texts(&folder, 1));
    for processes in [2, 4] {
        assert_eq!(counts(&run_members(processes, &["--workers", "3"], &files)), expected(&files));
    }
}

#[test]
fn a_line_of_many_blocks_is_counted_as_any_other() {
    let folder = folder("long_line");
    let line = (0..100_000).fold(String::new(), |line, n| line + &format!("word {} ", n % 1000));
    let files = [write(&folder, "line", line)];
    assert_eq!(counts(&run_members(2, &["--workers", "2"], &files)), expected(&files));
}

#[test]
fn local_files_are_counted_by_their_process() {
    let folder = folder("local");
    let files = texts(&folder, 3);
    let addresses = addresses(2);
    let args = ["--local", "--workers", "2"];
    let started = [member(&addresses, 0, &args, &files[..2]), member(&addresses, 1, &args, &files[2..])];
    assert_eq!(counts(&started.map(Process::wait)), expected(&files));
    // A process may have none.
    let started = [member(&addresses, 0, &args, &[]), member(&addresses, 1, &args, &files)];
    assert_eq!(counts(&started.map(Process::wait)), expected(&files));
}

#[test]
fn every_process_reports_the_error_in_a_file_of_one() {
    let folder = folder("error");
    let missing = folder.join("missing");
    let not_utf8 = write(&folder, "not_utf8", b"one\ntwo \xff\n");
    let long_word = write(&folder, "long_word", format!("one\n\n{} two", "x".repeat(100_000)));
    let texts = texts(&folder, 2);
    for (file, problem) in
        [(missing, "No such file"), (not_utf8, "line 2 is not UTF-8"), (long_word, "line 3 has a word of 65536 bytes")]
    {
        let message = format!("distributed_word_count: process 1: {}: {problem}", file.display());
        let files = [texts[0].clone(), file, texts[1].clone()];
        for output in run_members(2, &["--workers", "2"], &files) {
            assert_eq!(
                (output.code, output.stdout.as_str(), output.stderr.lines().count()),
                (Some(1), "", 1),
                "{output:?}"
            );
            assert!(output.stderr.starts_with(&message), "{output:?}");
        }
    }
}

#[test]
fn errors_in_several_processes_are_all_reported_by_all() {
    let folder = folder("errors");
    let files = ["a", "b"].map(|name| folder.join(name));
    // The first process to fail may stop the other one before that one fails too.
    let outputs = run_members(2, &["--workers", "1"], &files);
    assert_eq!(outputs[0].stderr, outputs[1].stderr);
    for output in outputs {
        assert_eq!(output.code, Some(1));
        assert!(output.stderr.contains("No such file"), "{output:?}");
    }
}

#[test]
fn a_process_that_does_not_start_is_reported_by_the_others() {
    let folder = folder("missing_process");
    let files = texts(&folder, 1);
    let report = |process: Process, missing: usize| {
        let output = process.wait();
        assert_eq!(
            (output.code, output.stdout.as_str(), output.stderr.lines().count()),
            (Some(1), "", 1),
            "{output:?}"
        );
        let name = format!("distributed_word_count: process {missing} (127.0.0.1:");
        assert!(output.stderr.starts_with(&name), "{output:?}");
        assert!(output.stderr.contains(") has not answered within 1 s"), "{output:?}");
    };
    let options = ["--timeout", "1", "--workers", "1"];
    report(member(&addresses(2), 0, &options, &files), 1);
    report(member(&addresses(2), 1, &options, &files), 0);
    // Process 0 connects to process 2, and not to process 1.
    let three = addresses(3);
    let started = [0, 2].map(|process| member(&three, process, &options, &files));
    for process in started {
        report(process, 1);
    }
    // A process that is there and says nothing.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let two = format!("{},{}", silent.local_addr().unwrap(), addresses(1));
    report(member(&two, 1, &options, &files), 0);
}

#[test]
fn processes_that_were_started_differently_do_not_count() {
    let folder = folder("different");
    let files = texts(&folder, 2);
    let differences: [(&[&str], &[PathBuf], &str); 3] = [
        (&["--workers", "3"], &files, "has another number of workers"),
        (&["--workers", "2"], &files[..1], "counts other files, or is of another version"),
        (&["--workers", "2", "--local"], &files, "counts other files, or is of another version"),
    ];
    for (args, others, problem) in differences {
        let addresses = addresses(2);
        let started = [member(&addresses, 0, &["--workers", "2"], &files), member(&addresses, 1, args, others)];
        for output in started.map(Process::wait) {
            assert_eq!(output.code, Some(1));
            assert!(output.stderr.contains(problem), "{output:?}");
        }
    }
}

#[test]
fn a_connection_of_another_program_is_ignored() {
    let folder = folder("stranger");
    let files = texts(&folder, 2);
    let addresses = addresses(2);
    let first = member(&addresses, 0, &["--workers", "1"], &files);
    let address = addresses.split(',').next().unwrap();
    let start = Instant::now();
    let mut stranger = loop {
        match TcpStream::connect(address) {
            Ok(stream) => break stream,
            Err(error) => assert!(start.elapsed() < LIMIT, "{error}"),
        }
        thread::sleep(Duration::from_millis(5));
    };
    stranger.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n0123456789").unwrap();
    let silent = TcpStream::connect(address).unwrap();
    drop(silent);
    let second = member(&addresses, 1, &["--workers", "1"], &files);
    assert_eq!(counts(&[first, second].map(Process::wait)), expected(&files));
}

#[test]
fn a_process_that_was_started_twice_is_detected() {
    let folder = folder("twice");
    let files = texts(&folder, 1);
    let addresses = addresses(3);
    let options = ["--workers", "1", "--timeout", "30"];
    let first = member(&addresses, 0, &options, &files);
    let second = member(&addresses, 1, &options, &files);
    let twin = member(&addresses, 1, &[&options[..], &["--listen", "127.0.0.1:0"]].concat(), &files);
    let output = first.wait();
    assert_eq!(output.code, Some(1));
    assert!(output.stderr.ends_with("process 1 was started twice\n"), "{output:?}");
    // These wait for process 2, up to their limit.
    drop((second, twin));
}

#[test]
fn another_program_at_an_address_is_reported() {
    let folder = folder("other_program");
    let files = texts(&folder, 1);
    let other = TcpListener::bind("127.0.0.1:0").unwrap();
    let addresses = format!("{},{}", other.local_addr().unwrap(), addresses(1));
    let process = member(&addresses, 1, &["--workers", "1"], &files);
    let (mut connection, _) = other.accept().unwrap();
    connection.write_all(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n").unwrap();
    let output = process.wait();
    assert_eq!(output.code, Some(1));
    assert!(output.stderr.ends_with(" is another process or another program\n"), "{output:?}");
}

#[test]
fn the_command_line_is_checked() {
    for help in ["--help", "-h"] {
        let output = Process::start([help]).wait();
        assert_eq!((output.code, output.stderr.as_str()), (Some(0), ""));
        assert!(output.stdout.contains("Usage: "));
    }
    let wrong: [&[&str]; 12] = [
        &[],
        &["--wrong", "file"],
        &["--workers", "0", "file"],
        &["--workers", "many", "file"],
        &["--repeat", "0", "file"],
        &["--process", "1", "file"],
        &["--listen", "0.0.0.0:1", "file"],
        &["--addresses", "a:1,b:2", "--process", "2", "file"],
        &["--addresses", "a,b", "file"],
        &["--addresses", ":1", "file"],
        &["--compare", "--measure", "file"],
        &["--compare", "--process", "0", "file"],
    ];
    for args in wrong {
        let output = Process::start(args).wait();
        assert_eq!((output.code, output.stdout.as_str(), output.stderr.lines().count()), (Some(2), "", 1), "{args:?}");
    }
}

#[test]
fn two_processes_are_compared_with_one() {
    let folder = folder("compare");
    let mut files = texts(&folder, 3);
    let compare = |files: &[PathBuf]| {
        let args = ["--compare", "--workers", "2"];
        Process::start(args.iter().map(OsStr::new).chain(files.iter().map(|file| file.as_os_str()))).wait()
    };
    let output = compare(&files);
    assert_eq!((output.code, output.stderr.as_str()), (Some(0), ""));
    let words = format!("equal: {} different words", expected(&files).len());
    assert!(output.stdout.starts_with(&words), "{output:?}");

    files.push(folder.join("missing"));
    let output = compare(&files);
    assert_eq!(output.code, Some(1));
    assert!(output.stderr.contains("missing: No such file"), "{output:?}");
}

#[cfg(unix)]
mod unix {
    use super::*;

    /// A pipe in the file system: a process that reads it blocks until there is something in it.
    fn pipe(folder: &Path, name: &str) -> PathBuf {
        let path = folder.join(name);
        assert!(Command::new("mkfifo").arg(&path).status().unwrap().success());
        path
    }

    /// Opens the pipe when the process reads it: it is connected by then.
    fn open(pipe: &Path) -> File {
        let pipe = pipe.to_owned();
        let (sender, receiver) = mpsc::channel();
        thread::spawn(move || sender.send(File::create(pipe)));
        receiver.recv_timeout(LIMIT).expect("no process reads the pipe").unwrap()
    }

    fn signal(process: &Process, signal: &str) {
        let id = process.child.id().to_string();
        assert!(Command::new("kill").args(["-s", signal, &id]).status().unwrap().success());
    }

    #[test]
    fn a_process_that_is_killed_ends_the_others() {
        let folder = folder("killed");
        // All files but those of process 2 end.
        let files = [texts(&folder, 2), vec![pipe(&folder, "pipe")]].concat();
        for workers in ["1", "2"] {
            for killed in 0..3 {
                let addresses = addresses(3);
                let mut started: Vec<_> =
                    (0..3).map(|process| member(&addresses, process, &["--workers", workers], &files)).collect();
                let open = open(&files[2]);
                signal(&started[killed], "KILL");
                assert_eq!(started.remove(killed).wait().code, None);
                for process in started {
                    let output = process.wait();
                    assert_eq!((output.code, output.stdout.as_str()), (Some(1), ""), "{killed}: {output:?}");
                    assert!(
                        output.stderr.starts_with("distributed_word_count: ") && output.stderr.contains("process "),
                        "{killed}: {output:?}"
                    );
                    assert_eq!(output.stderr.lines().count(), 1, "{killed}: {output:?}");
                }
                drop(open);
            }
        }
    }

    #[test]
    fn an_error_ends_a_process_whose_read_blocks() {
        let folder = folder("blocked");
        let files = [pipe(&folder, "pipe"), folder.join("missing")];
        let addresses = addresses(2);
        let blocked = member(&addresses, 0, &["--workers", "2"], &files);
        let failed = member(&addresses, 1, &["--workers", "2"], &files);
        // Held open, so that the read does not end.
        let _open = open(&files[0]);
        for output in [blocked, failed].map(Process::wait) {
            assert_eq!(output.code, Some(1));
            assert!(output.stderr.contains("process 1: ") && output.stderr.contains("missing: No such"), "{output:?}");
        }
    }

    #[test]
    fn a_slow_process_does_not_keep_the_others_from_counting() {
        let folder = folder("slow");
        let files = [texts(&folder, 1), vec![pipe(&folder, "pipe")]].concat();
        let addresses = addresses(2);
        let started = [0, 1].map(|process| member(&addresses, process, &["--workers", "2"], &files));
        let mut slow = open(&files[1]);
        for part in ["so ", "it go", "es, and so", " on"] {
            thread::sleep(Duration::from_millis(50));
            slow.write_all(part.as_bytes()).unwrap();
        }
        drop(slow);
        let mut expected = expected(&files[..1]);
        for (word, n) in [("so", 2), ("it", 1), ("goes", 1), ("and", 1), ("on", 1)] {
            *expected.entry(word.to_owned()).or_default() += n;
        }
        assert_eq!(counts(&started.map(Process::wait)), expected);
    }

    #[test]
    fn a_process_that_stands_still_bounds_what_the_others_read() {
        const SIZE: u64 = 16 << 20;
        let folder = folder("back_pressure");
        let files = [pipe(&folder, "one"), pipe(&folder, "two")];
        let addresses = addresses(2);
        let started = [0, 1].map(|process| member(&addresses, process, &["--workers", "2"], &files));
        let [mut one, two] = [open(&files[0]), open(&files[1])];
        signal(&started[1], "STOP");

        let written = Arc::new(AtomicU64::new(0));
        let writer = thread::spawn({
            let written = Arc::clone(&written);
            move || {
                let text = "all the words ".repeat(64);
                while written.load(Relaxed) < SIZE {
                    one.write_all(text.as_bytes()).unwrap();
                    written.fetch_add(text.len() as u64, Relaxed);
                }
            }
        });
        // 17 turns of each worker, of up to two blocks, 16 blocks ahead, the pipe, and the block that is read: 5.5 MB.
        let start = Instant::now();
        let mut before = 0;
        let mut unchanged = 0;
        while unchanged < 10 {
            thread::sleep(Duration::from_millis(100));
            let now = written.load(Relaxed);
            assert!(now < SIZE / 2, "{now} bytes were read");
            assert!(start.elapsed() < LIMIT, "the process still reads");
            unchanged = if now == before && now > 0 { unchanged + 1 } else { 0 };
            before = now;
        }

        signal(&started[1], "CONT");
        drop(two);
        writer.join().unwrap();
        let n = written.load(Relaxed) / 14;
        let expected = ["all", "the", "words"].map(|word| (word.to_owned(), n)).into();
        assert_eq!(counts(&started.map(Process::wait)), expected);
    }

    #[test]
    fn ctrl_c_ends_a_process_with_130_and_the_others_with_an_error() {
        let folder = folder("ctrl_c");
        let files = [pipe(&folder, "pipe")];
        let addresses = addresses(2);
        let started = [0, 1].map(|process| member(&addresses, process, &["--workers", "1"], &files));
        let _open = open(&files[0]);
        signal(&started[0], "INT");
        let [interrupted, other] = started.map(Process::wait);
        assert_eq!((interrupted.code, interrupted.stdout.as_str(), interrupted.stderr.as_str()), (Some(130), "", ""));
        assert_eq!(other.code, Some(1));
        assert!(other.stderr.contains("process 0 (127.0.0.1:"), "{other:?}");
    }

    #[test]
    fn ctrl_c_ends_the_processes_of_a_comparison() {
        let folder = folder("ctrl_c_compare");
        let files = [pipe(&folder, "pipe")];
        let comparison = Process::start([OsStr::new("--compare"), files[0].as_os_str()]);
        let mut open = open(&files[0]);
        signal(&comparison, "INT");
        assert_eq!(comparison.wait().code, Some(130));
        // The process that read the pipe is gone when a write fails.
        let start = Instant::now();
        while let Ok(()) = open.write_all(b"word ") {
            assert!(start.elapsed() < LIMIT, "the process goes on");
            thread::sleep(Duration::from_millis(5));
        }
    }

    #[test]
    fn a_closed_pipe_ends_the_output_quietly() {
        let folder = folder("closed_pipe");
        // More than the buffers of a pipe hold.
        let words = (0..100_000).fold(String::new(), |words, n| words + &format!("word{n} "));
        let file = write(&folder, "words", words);
        let mut command = Command::new(env!("CARGO_BIN_EXE_distributed_word_count"));
        command.arg(file).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        drop(child.stdout.take());
        let readers = vec![read(io::empty()), read(child.stderr.take().unwrap())];
        let output = Process { child, readers }.wait();
        assert_eq!((output.code, output.stderr.as_str()), (Some(0), ""));
    }
}
