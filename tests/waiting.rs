//! A thread that waits for a slow source, or for room, uses no CPU.
#![cfg(target_os = "linux")]

use std::fs;
use std::thread;
use std::time::Duration;

use support::{Gate, PULLS, Source, gated, limited};
use threadsafe_gen::{ThreadsafeExt, ThreadsafeIter};

/// Returns the CPU time in a `stat` file of a thread. The kernel reports it in hundredths of a second.
fn cpu_time_in(stat: &str) -> Duration {
    // The second field, the thread's name, can contain any character, but ends at the last parenthesis.
    let fields: Vec<_> = stat[stat.rfind(')').unwrap() + 1..].split_whitespace().collect();
    // By proc_pid_stat(5), utime and stime are fields 14 and 15. `fields` starts with field 3.
    let ticks: u64 = fields[11..=12].iter().map(|field| field.parse::<u64>().unwrap()).sum();
    Duration::from_millis(ticks * 10)
}

/// Returns the CPU time of the calling thread.
fn cpu_time() -> Duration {
    cpu_time_in(&fs::read_to_string("/proc/thread-self/stat").expect("Linux has this file since 3.17"))
}

/// Returns the number of the threads of this process with the given name, and their CPU time.
fn cpu_time_of(name: &str) -> (usize, Duration) {
    let stats = fs::read_dir("/proc/self/task").unwrap().filter_map(|task| {
        // A thread that has ended meanwhile has no file.
        let stat = fs::read_to_string(task.unwrap().path().join("stat")).ok()?;
        stat.contains(&format!("({name})")).then(|| cpu_time_in(&stat))
    });
    stats.fold((0, Duration::ZERO), |(threads, sum), time| (threads + 1, sum + time))
}

const WAIT: Duration = Duration::from_millis(300);
/// The starts of the threads, and the looks for a change before a thread sleeps.
const MOST: Duration = Duration::from_millis(50);

/// Calls `shared` in every way that waits, on a thread for each. While all wait, runs `waiting`. Then lets an item in
/// for each, and checks that none of the threads has used CPU.
fn check_callers(shared: &ThreadsafeIter<Source>, gate: &Gate<u64>, waiting: impl FnOnce()) {
    thread::scope(|scope| {
        let threads: Vec<_> = PULLS
            .into_iter()
            // `try_next` does not wait: its entry in `PULLS` calls it in a loop, which uses CPU.
            .filter(|(way, _)| *way != "try_next")
            .map(|(way, pull)| {
                let wait = move || {
                    let before = cpu_time();
                    let item = pull(shared);
                    (item, cpu_time().checked_sub(before).unwrap())
                };
                (way, scope.spawn(wait))
            })
            .collect();
        thread::sleep(WAIT);
        waiting();
        for _ in &threads {
            gate.let_in(|| Some(1));
        }
        for (way, thread) in threads {
            let (item, used) = thread.join().unwrap();
            assert_eq!(item, Some(1), "{way}");
            assert!(used < MOST, "{way} used {used:?} of {WAIT:?}");
        }
    });
}

#[test]
fn waiting_threads_use_no_cpu() {
    limited(|| {
        let (gate, source) = gated();
        let shared = (Box::new(source) as Source).threadsafe();
        thread::scope(|scope| {
            let slow = scope.spawn(|| shared.next());
            gate.entered();
            check_callers(&shared, &gate, || gate.let_in(|| Some(1)));
            assert_eq!(slow.join().unwrap(), Some(1));
        });
    });
}

#[test]
fn callers_of_a_source_that_runs_ahead_use_no_cpu_and_neither_does_its_thread() {
    limited(|| {
        let (gate, source) = gated();
        let shared = source.prefetch(4).boxed();
        gate.entered();
        check_callers(&shared, &gate, || {
            // The same for a thread that waits for room.
            let full = (0..).prefetch(4);
            thread::sleep(WAIT);
            let (threads, used) = cpu_time_of("prefetch");
            assert_eq!(threads, 2);
            assert!(used < MOST, "{used:?}");
            drop(full);
        });
    });
}

#[test]
fn threads_that_map_in_parallel_use_no_cpu_while_they_wait() {
    limited(|| {
        let (gate, source) = gated::<u64>();
        let mut results = source.parallel_map(4, |n| n);
        gate.entered();
        let mut full = (0..).parallel_map(4, |n| n);
        assert_eq!(full.next(), Some(0));
        thread::scope(|scope| {
            let consumer = scope.spawn(|| {
                let before = cpu_time();
                (results.next(), cpu_time().checked_sub(before).unwrap())
            });
            thread::sleep(WAIT);
            let (threads, used) = cpu_time_of("parallel_map");
            assert_eq!(threads, 8);
            assert!(used < MOST, "{used:?}");
            gate.let_in(|| Some(7));
            let (result, used) = consumer.join().unwrap();
            assert_eq!(result, Some(7));
            assert!(used < MOST, "{used:?}");
        });
    });
}
