//! The examples as programs: the command line, exit codes, closed and full outputs, and signals. Results that must not
//! depend on the number of threads are compared with those of one thread.
//!
//! `cargo test` builds the examples first, but not with a filter or with `--test`. Then `cargo build -p examples
//! --examples` is to be run before.

use std::env;
use std::ffi::OsStr;
use std::fs;
use std::process::{Command, Output, Stdio};
use std::str;

use support::limited;
use tempfile::TempDir;

const PROGRAMS: [&str; 8] = ["count", "data_loader", "grep", "id_ranges", "ids", "primes", "tree_walk", "word_count"];

/// Returns the command of an example.
fn program(name: &str) -> Command {
    let test = env::current_exe().expect("the test has a path");
    let target = test.ancestors().nth(2).expect("the test is in `deps` in the folder of the profile");
    let path = target.join("examples").join(name).with_extension(env::consts::EXE_EXTENSION);
    assert!(path.exists(), "run `cargo build -p examples --examples`: there is no {}", path.display());
    let mut command = Command::new(path);
    command.stdin(Stdio::null());
    command
}

/// Runs an example to its end.
fn run<A: AsRef<OsStr>>(name: &str, args: impl IntoIterator<Item = A>) -> Output {
    let mut command = program(name);
    command.args(args);
    limited(move || command.output().expect("the example starts"))
}

/// Returns the standard output of an example that succeeds.
#[track_caller]
fn output(name: &str, args: &[&str]) -> String {
    let Output { status, stdout, stderr } = run(name, args);
    assert_eq!((status.code(), text(&stderr)), (Some(0), ""), "{name} {args:?}");
    text(&stdout).to_owned()
}

/// Asserts that an example prints one line on the standard error, which contains `message`, and nothing else.
#[track_caller]
fn assert_fails(name: &str, args: &[&str], code: i32, message: &str) {
    let Output { status, stdout, stderr } = run(name, args);
    let stderr = text(&stderr);
    assert_eq!((status.code(), text(&stdout)), (Some(code), ""), "{name} {args:?}: {stderr}");
    assert!(stderr.starts_with(&format!("{name}: ")) && stderr.contains(message), "{stderr}");
    assert_eq!(stderr.find('\n'), Some(stderr.len() - 1), "{stderr}");
}

#[track_caller]
fn text(bytes: &[u8]) -> &str {
    str::from_utf8(bytes).expect("the output is UTF-8")
}

fn write(folder: &TempDir, name: &str, content: impl AsRef<[u8]>) -> String {
    let path = folder.path().join(name);
    fs::create_dir_all(path.parent().expect("the file is in a folder")).expect("the folder can be created");
    fs::write(&path, content).expect("the file can be written");
    path.into_os_string().into_string().expect("the path is UTF-8")
}

fn temporary_folder() -> TempDir {
    tempfile::tempdir().expect("the folder can be created")
}

#[test]
fn every_program_prints_its_help_on_the_standard_output() {
    for name in PROGRAMS {
        assert!(output(name, &["--help"]).contains(&format!("Usage: {name}")), "{name}");
    }
}

#[test]
fn an_invalid_command_line_is_refused_in_one_line() {
    for name in PROGRAMS {
        assert_fails(name, &["--no-such-option"], 2, "--no-such-option");
    }
    for name in ["count", "id_ranges", "ids", "primes", "tree_walk"] {
        assert_fails(name, &["argument"], 2, "argument");
    }
    for name in ["data_loader", "grep", "word_count"] {
        for number in ["0", "100000", "99999999999999999999999", "many", ""] {
            assert_fails(name, &[&format!("--threads={number}"), "text", "file"], 2, number);
        }
    }
    assert_fails("data_loader", &["--epochs", "0"], 2, "expected a number from 1 to 100000");
    assert_fails("data_loader", &["--epochs"], 2, "requires an argument");
    assert_fails("data_loader", &["file", "another"], 2, "another");
    assert_fails("grep", &[], 2, "PATTERN");
    assert_fails("grep", &["text"], 2, "PATH");
    assert_fails("grep", &["(", "file"], 2, "unclosed group");
    // So long that the parser would break the line.
    assert_fails("count", &[&"long ".repeat(200)], 2, "long long");
}

/// The arguments of a run that writes something. `primes` is missing: it takes long without optimizations.
#[cfg(unix)]
const WRITING: [(&str, &[&str]); 7] = [
    ("count", &[]),
    ("data_loader", &["--epochs", "1"]),
    ("grep", &["grep", file!(), file!()]),
    ("id_ranges", &[]),
    ("ids", &[]),
    ("tree_walk", &[]),
    ("word_count", &[]),
];

#[cfg(unix)]
#[test]
fn a_program_ends_quietly_when_its_output_is_closed() {
    for (name, args) in WRITING {
        let mut command = program(name);
        command.args(args).current_dir("..").stdout(Stdio::piped()).stderr(Stdio::piped());
        let output = limited(move || {
            let mut child = command.spawn().expect("the example starts");
            drop(child.stdout.take());
            child.wait_with_output().expect("the example ends")
        });
        assert_eq!((output.status.code(), text(&output.stderr)), (Some(0), ""), "{name}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_an_error() {
    let help: Vec<(&str, &[&str])> = PROGRAMS.iter().map(|name| (*name, &["--help"][..])).collect();
    for (name, args) in WRITING.into_iter().chain(help) {
        let full = fs::File::options().write(true).open("/dev/full").expect("Linux has this device");
        let mut command = program(name);
        command.args(args).current_dir("..").stdout(full).stderr(Stdio::piped());
        let output =
            limited(move || command.spawn().expect("the example starts").wait_with_output().expect("the example ends"));
        let code = if name == "grep" { 2 } else { 1 };
        let message = format!("{name}: No space left on device (os error 28)\n");
        assert_eq!((output.status.code(), text(&output.stderr)), (Some(code), &*message), "{name} {args:?}");
    }
}

#[test]
fn the_training_does_not_depend_on_the_number_of_threads() {
    let one = output("data_loader", &["--epochs", "2", "--threads", "1"]);
    let five = output("data_loader", &["--epochs", "2", "--threads", "5"]);
    assert!(one.ends_with("done after 8000 rows, 2 of 2 epochs\n"), "{one}");
    assert_eq!(one, five);
}

#[test]
fn an_error_in_the_rows_is_reported_with_its_place_and_truncated() {
    let folder = temporary_folder();
    let assert_error = |row: &str, message: &str| {
        let path = write(&folder, "points.csv", format!("50,50,0\n1,1,1\n{row}\n2,2,0"));
        assert_fails("data_loader", &[&path], 1, &format!("points.csv:{message}"));
    };
    assert_error("51,5O,1", "3: `5O` is not a number from 0 to 100\n");
    assert_error("51,50,2", "3: the label `2` is neither 0 nor 1\n");
    let monster = "x".repeat(100_000);
    let shown = &monster[..40];
    assert_error(&monster, &format!("3: `{shown}` is not of the form `x,y,label`\n"));
    assert_error(&format!("{monster},1,0"), &format!("3: `{shown}` is not a number from 0 to 100\n"));
    assert_error(&format!("1,1,{monster}"), &format!("3: the label `{shown}` is neither 0 nor 1\n"));
    assert_error(&"x".repeat(2_000_000), " a row is longer than 1048576 bytes\n");

    let empty = write(&folder, "empty.csv", "");
    assert_fails("data_loader", &[&empty], 1, "the file has no rows");
    assert_fails("data_loader", &["no such file"], 1, "no such file: ");
}

#[test]
fn words_are_counted_once_also_across_blocks() {
    let folder = temporary_folder();
    // The blocks of 64 KiB end within words of 10 and of 3 bytes.
    let first = write(&folder, "first", "don't äöü\n".repeat(20_000));
    let second = write(&folder, "second", "'äöü' \u{1f600}a DON'T\0".repeat(20_000));
    let expected = "100000 words, 3 different\n  40000 don't\n  40000 äöü\n  20000 a\n";
    for threads in ["1", "5"] {
        assert_eq!(output("word_count", &["--threads", threads, &first, &second]), expected);
    }
    assert_fails("word_count", &[&first, "no such file", &second], 1, "no such file: ");
    let long = write(&folder, "long", "x".repeat(2_000_000));
    assert_fails("word_count", &[&long], 1, "a word is longer than 1048576 bytes");
}

/// Creates files to search in. Returns those that are not binary, in the order of the search.
fn files_to_search(folder: &TempDir) -> Vec<String> {
    let lines = |n: usize| (0..n).map(|i| format!("line {i} of {n}\n")).collect::<Vec<_>>().concat();
    let long_lines = format!("{}\nline 7\n{}line 8", "long ".repeat(40_000), "7".repeat(300_000));
    write(folder, "search/binary", b"line 7\n\0");
    vec![
        write(folder, "search/a/first", lines(10)),
        write(folder, "search/a/second/a", "line 7 without an end"),
        write(folder, "search/a/third", lines(20)),
        write(folder, "search/a-before-or-after", lines(8)),
        // Many blocks.
        write(folder, "search/big", lines(30_000)),
        write(folder, "search/empty", ""),
        write(folder, "search/long-lines", long_lines),
        write(folder, "search/not-utf-8", b"\xff line 7\nline 7 \xff\n"),
        write(folder, "search/z", "\n\nline 7\n\n"),
    ]
}

#[test]
fn grep_prints_the_matches_in_the_order_of_the_files() {
    let folder = temporary_folder();
    let files = files_to_search(&folder);
    let all = folder.path().join("search");
    let search = |threads: &str, pattern: &str| {
        let Output { status, stdout, stderr } = run("grep", [threads.as_ref(), pattern.as_ref(), all.as_os_str()]);
        assert_eq!(text(&stderr), "");
        (status.code(), stdout)
    };
    for pattern in ["line 7", "^line 1?[0-9]7 ", "7$", "", "long", "no line has this"] {
        let expected = search("--threads=1", pattern);
        assert!(search("--threads=5", pattern) == expected, "{pattern}");

        #[cfg(unix)]
        {
            let mut system = Command::new("grep");
            system.args(["-naHE", pattern]).args(&files).env("LC_ALL", "C");
            let Output { status, stdout, .. } = system.output().expect("the system has `grep`");
            assert!((status.code(), stdout) == expected, "{pattern}");
        }
    }
}

#[test]
fn grep_exits_with_0_for_a_match_1_for_none_and_2_for_an_error() {
    let folder = temporary_folder();
    let file = write(&folder, "file", "some\nlines\n");
    let other = write(&folder, "other", "lines");
    assert_eq!(output("grep", &["lines", &file]), format!("{file}:2:lines\n"));
    assert_eq!(run("grep", ["some text", &file]).status.code(), Some(1));

    // An error does not stop the search.
    let long = write(&folder, "long", "lines".repeat(400_000));
    let Output { status, stdout, stderr } = run("grep", ["lines", &file, "no such file", &long, &other]);
    assert_eq!(status.code(), Some(2));
    assert_eq!(text(&stdout), format!("{file}:2:lines\n{other}:1:lines\n"));
    let errors: Vec<_> = text(&stderr).lines().collect();
    assert_eq!(errors.len(), 2, "{errors:?}");
    assert!(errors[0].starts_with("grep: no such file: "), "{errors:?}");
    assert_eq!(errors[1], format!("grep: {long}: a line is longer than 1048576 bytes"));
}

#[cfg(unix)]
mod signals {
    use std::fs;
    use std::io::{BufRead, BufReader, Write};
    use std::os::fd::OwnedFd;
    use std::os::unix::net::UnixStream;
    use std::os::unix::process::ExitStatusExt;
    use std::process::{Child, Command, ExitStatus, Stdio};
    use std::thread;
    use std::time::{Duration, Instant};

    use super::{limited, program, temporary_folder, write};

    /// An example that runs, with the default actions of signals. Killed when this is dropped.
    struct Running(Child);

    impl Running {
        fn start(name: &str, args: &[&str], configure: impl FnOnce(&mut Command)) -> Self {
            let example = program(name);
            // A test that runs in the background of a shell inherits that ctrl-c is ignored.
            let mut command = if cfg!(target_os = "linux") {
                let mut env = Command::new("env");
                env.arg("--default-signal=INT").arg(example.get_program());
                env
            } else {
                example
            };
            command.args(args).stdin(Stdio::piped()).stdout(Stdio::piped());
            configure(&mut command);
            Self(command.spawn().expect("the example starts"))
        }

        fn send(&self, signal: &str) {
            let kill = Command::new("sh").args(["-c", &format!("kill {signal} {}", self.0.id())]).status();
            assert!(kill.expect("the system has a shell").success());
        }

        /// Waits for the end, and returns the exit code as a shell shows it.
        fn exit_code(&mut self) -> i32 {
            let end = Instant::now() + Duration::from_secs(60);
            loop {
                if let Some(status) = self.0.try_wait().expect("the example can be waited for") {
                    return as_in_a_shell(status);
                }
                assert!(Instant::now() < end, "the example does not end");
                thread::sleep(Duration::from_millis(5));
            }
        }
    }

    impl Drop for Running {
        fn drop(&mut self) {
            // It has ended, unless the test fails.
            let _ = self.0.kill();
            let _ = self.0.wait();
        }
    }

    fn as_in_a_shell(status: ExitStatus) -> i32 {
        status.code().unwrap_or_else(|| 128 + status.signal().expect("without a code it has a signal"))
    }

    const SIGNALS: [(&str, i32); 2] = [("-INT", 130), ("-TERM", 143)];

    #[test]
    fn a_signal_ends_a_program_with_its_code() {
        for (signal, code) in SIGNALS {
            for (name, args) in [("word_count", &["/dev/zero"][..]), ("grep", &["text", "/dev/stdin"])] {
                let mut running = Running::start(name, args, |_| {});
                running.send(signal);
                assert_eq!(running.exit_code(), code, "{name}");
            }
        }
    }

    #[test]
    fn the_training_stops_at_a_signal_and_leaves_no_temporary_file() {
        for (signal, code) in SIGNALS {
            limited(move || {
                let folder = temporary_folder();
                let mut running = Running::start("data_loader", &["--epochs=100000"], |command| {
                    command.env("TMPDIR", folder.path());
                });
                let mut lines = BufReader::new(running.0.stdout.take().expect("it is piped")).lines();
                let mut line = || lines.next().map(|line| line.expect("the output is UTF-8"));
                assert!(line().is_some_and(|line| line.starts_with("epoch  1: ")));
                running.send(signal);
                let last = std::iter::from_fn(line).last().expect("there is a last line");
                assert!(last.starts_with("stopped after "), "{last}");
                assert_eq!(running.exit_code(), code);
                assert_eq!(fs::read_dir(&folder).expect("the folder is there").count(), 0);
            });
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn the_second_signal_ends_a_training_that_is_blocked() {
        let folder = temporary_folder();
        let rows = write(&folder, "points.csv", "1,1,0\n2,2,1\n");
        // The training blocks at its first line, because nothing reads the full buffer of its output.
        let (mut output, _reader) = UnixStream::pair().expect("the sockets can be created");
        output.set_nonblocking(true).expect("a socket can be non-blocking");
        while output.write(b"full").is_ok() {}
        output.set_nonblocking(false).expect("a socket can be blocking");
        let mut running = Running::start("data_loader", &[&rows], |command| {
            command.stdout(OwnedFd::from(output));
        });
        limited({
            let status = format!("/proc/{}/status", running.0.id());
            move || {
                while !catches_signals(&fs::read_to_string(&status).expect("the example runs")) {
                    thread::sleep(Duration::from_millis(1));
                }
            }
        });
        running.send("-INT");
        running.send("-TERM");
        assert_eq!(running.exit_code(), 143);
    }

    /// Returns `true` if a process has handlers for `SIGINT` and `SIGTERM`.
    fn catches_signals(status: &str) -> bool {
        let mask = status.lines().find_map(|line| line.strip_prefix("SigCgt:")).expect("Linux lists the signals");
        let mask = u64::from_str_radix(mask.trim(), 16).expect("the signals are a number");
        let both = 1 << (2 - 1) | 1 << (15 - 1);
        mask & both == both
    }

    /// Without a bound on a block, the program would be aborted, as it runs out of memory.
    #[cfg(target_os = "linux")]
    #[test]
    fn an_endless_file_is_read_in_bounded_memory() {
        let limit_memory = "ulimit -v 400000 && exec \"$@\"";
        let mut command = Command::new("sh");
        command
            .args(["-c", limit_memory, "sh"])
            .arg(program("word_count").get_program())
            .args(["--threads=2", "/dev/zero"]);
        let mut running = Running(command.spawn().expect("the example starts"));
        thread::sleep(Duration::from_secs(1));
        assert!(running.0.try_wait().expect("the example can be waited for").is_none(), "the program has ended");
        running.send("-TERM");
        assert_eq!(running.exit_code(), 143);
    }
}
