//! A thread that waits for a slow source uses no CPU.
#![cfg(target_os = "linux")]

use std::fs;
use std::thread;
use std::time::Duration;

use support::{Order, PULLS, Source, gated, limited};
use threadsafe_gen::ThreadsafeExt;

/// Returns the CPU time of the calling thread. The kernel reports it in hundredths of a second.
fn cpu_time() -> Duration {
    let stat = fs::read_to_string("/proc/thread-self/stat").expect("Linux has this file since 3.17");
    // The second field, the thread's name, can contain any character, but ends at the last parenthesis.
    let fields: Vec<_> = stat[stat.rfind(')').unwrap() + 1..].split_whitespace().collect();
    // By proc_pid_stat(5), utime and stime are fields 14 and 15. `fields` starts with field 3.
    let ticks: u64 = fields[11..=12].iter().map(|field| field.parse::<u64>().unwrap()).sum();
    Duration::from_millis(ticks * 10)
}

#[test]
fn waiting_threads_use_no_cpu() {
    limited(|| {
        let (gate, source) = gated();
        let shared = (Box::new(source) as Source).threadsafe();
        thread::scope(|scope| {
            let shared = &shared;
            let slow = scope.spawn(|| shared.next());
            gate.entered();
            let waiting: Vec<_> = PULLS
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
            thread::sleep(Duration::from_millis(300));
            let item: Order<u64> = || Some(1);
            (0..=waiting.len()).for_each(|_| gate.let_in(item));
            assert_eq!(slow.join().unwrap(), Some(1));
            for (way, thread) in waiting {
                let (item, used) = thread.join().unwrap();
                assert_eq!(item, Some(1), "{way}");
                assert!(used < Duration::from_millis(50), "{way} used {used:?} of 300 ms");
            }
        });
    });
}
