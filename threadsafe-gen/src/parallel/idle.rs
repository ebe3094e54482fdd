//! The tasks of one drive that have nothing to process: which of them waits for the lock, which sleep, and how they are
//! called.
//!
//! A task is in one of these states:
//!
//! * *absent*: not started, or it has ended. It can be spawned;
//! * *asleep*: it waits on a condition variable for a bounded time, after which it ends;
//! * *coming*: it has been spawned or woken, and has not run yet;
//! * *in line*: it waits for the lock of the iterator, or for the pool to run other jobs. One task at a time;
//! * *busy*: it pulls or processes an item.
//!
//! One word of flags says all that a busy task has to know, so that it reads that word and no more between two items:
//! [`IN_LINE`] if a task is in line, and [`CALLABLE`] if a task could be called and none is about to come.
//!
//! # No idle thread is forgotten
//!
//! A task that has pulled an item is about to process it, for however long. Before it does, it looks whether another
//! task goes on pulling: one that is in line, or is in the source already. If not, and if a task is callable, it calls
//! that task ([`State::lacks_next`]). For this look to be enough, a task may become callable only as long as some
//! task is going to look after that:
//!
//! * A task falls asleep only if it finds another one in line *after* it has made itself callable, and else takes that
//!   place itself. The task in line gives up its place by a read-modify-write of the word of flags, which sees
//!   `CALLABLE`, and it looks when it has pulled.
//! * A task in line that gives up after a while calls another one, unless a task of the same drive is in the source
//!   and is going to look when it comes out.
//! * A task that is spawned on a thread that cannot run it makes itself callable, and calls another one at once.

use std::sync::atomic::Ordering::{Acquire, Relaxed, SeqCst};
use std::thread;
use std::time::{Duration, Instant};

use crate::sync::{AtomicU8, Condvar, Mutex, MutexGuard};

/// A task waits for the lock.
const IN_LINE: u8 = 1;
/// A task can be woken or spawned, and none is about to come.
const CALLABLE: u8 = 1 << 1;
/// Nothing more is to be pulled.
const ENDED: u8 = 1 << 2;
/// Items that were pulled are not to be processed either.
const STOPPED: u8 = 1 << 3;

/// For how long a task is called again that was spawned on a thread that cannot run it.
const CALLED_AGAIN: Duration = Duration::from_millis(10);

/// The time after which that thread leaves its core to others in between,
const IMPATIENCE: Duration = Duration::from_micros(50);

/// for this time.
const PAUSE: Duration = Duration::from_micros(100);

/// The states of the tasks of one drive.
///
/// On cache lines of its own: it is read between any two items.
#[repr(align(128))]
pub(super) struct Idle {
    flags: AtomicU8,
    tasks: Mutex<Tasks>,
    woken: Condvar,
}

/// The number of tasks in each state.
struct Tasks {
    absent: usize,
    asleep: usize,
    /// Spawned or woken.
    coming: usize,
    /// Of those that are coming, the woken ones.
    woken: usize,
    /// Whether these counts mean [`CALLABLE`].
    callable: bool,
    /// When a task was last called for an item.
    called: Option<Instant>,
}

impl Tasks {
    /// Whether a task can be woken, and none has been. One that has been spawned may take longer, since it needs a
    /// thread.
    const fn can_wake(&self) -> bool {
        self.asleep > 0 && self.woken == 0
    }

    /// Whether a task can be spawned, and none is coming.
    const fn can_spawn(&self) -> bool {
        self.absent > 0 && self.coming == 0
    }
}

/// The flags at one moment.
#[derive(Clone, Copy, Debug)]
pub(super) struct State(u8);

impl State {
    /// Whether no item is to be processed any more.
    #[inline]
    pub(super) const fn is_stopped(self) -> bool {
        self.0 & STOPPED != 0
    }

    /// Whether no item is to be pulled any more.
    #[inline]
    pub(super) const fn has_ended(self) -> bool {
        self.0 & ENDED != 0
    }

    /// Whether no task is in line, and one could be called.
    #[inline]
    pub(super) const fn lacks_next(self) -> bool {
        self.0 & (CALLABLE | IN_LINE | ENDED) == CALLABLE
    }
}

impl Idle {
    /// A drive of up to `size` tasks, all of them absent.
    pub(super) fn new(size: usize) -> Self {
        let tasks = Tasks { absent: size, asleep: 0, coming: 0, woken: 0, callable: false, called: None };
        let idle = Self { flags: AtomicU8::new(0), tasks: Mutex::new(tasks), woken: Condvar::new() };
        idle.publish(&mut idle.tasks.lock());
        idle
    }

    #[inline]
    pub(super) fn state(&self) -> State {
        State(self.flags.load(Acquire))
    }

    /// Attempts to take the place in line.
    pub(super) fn try_line_up(&self) -> bool {
        let line_up = |flags| (flags & (IN_LINE | ENDED) == 0).then_some(flags | IN_LINE);
        self.flags.fetch_update(SeqCst, Relaxed, line_up).is_ok()
    }

    /// Gives up the place in line.
    pub(super) fn step_out(&self) {
        self.flags.fetch_and(!IN_LINE, SeqCst);
    }

    /// Nothing more is to be pulled.
    pub(super) fn end(&self) {
        self.finish(ENDED);
    }

    /// Nothing more is to be pulled or processed.
    pub(super) fn stop(&self) {
        self.finish(ENDED | STOPPED);
    }

    fn finish(&self, flags: u8) {
        let tasks = self.tasks.lock();
        self.flags.fetch_or(flags, SeqCst);
        drop(tasks);
        self.woken.notify_all();
    }

    /// Calls a task if one is callable, and returns whether the caller has to spawn it.
    #[must_use]
    pub(super) fn call(&self) -> bool {
        let mut tasks = self.tasks.lock();
        tasks.called = Some(Instant::now());
        self.call_one(tasks)
    }

    /// Records that a task was spawned on a thread that cannot run it, and calls another one, by `spawn` if that has to
    /// be spawned.
    ///
    /// For a while only: this thread may wait for a job of the pool, and takes these tasks instead. An idle thread may
    /// need a moment to come, and this one's core.
    pub(super) fn decline(&self, spawn: impl FnOnce()) {
        let mut tasks = self.tasks.lock();
        tasks.coming -= 1;
        tasks.absent += 1;
        self.publish(&mut tasks);
        let Some(waited) = tasks.called.map(|called| called.elapsed()).filter(|waited| *waited < CALLED_AGAIN) else {
            return;
        };
        if self.call_one(tasks) {
            spawn();
            if waited > IMPATIENCE {
                thread::sleep(PAUSE);
            }
        }
    }

    fn call_one(&self, mut tasks: MutexGuard<'_, Tasks>) -> bool {
        if !tasks.callable || self.state().has_ended() {
            return false;
        }
        let spawns = !tasks.can_wake();
        tasks.coming += 1;
        if spawns {
            tasks.absent -= 1;
        } else {
            tasks.asleep -= 1;
            tasks.woken += 1;
        }
        self.publish(&mut tasks);
        drop(tasks);
        if !spawns {
            self.woken.notify_one();
        }
        spawns
    }

    /// Says that a task runs that was spawned.
    pub(super) fn arrive(&self) {
        let mut tasks = self.tasks.lock();
        tasks.coming -= 1;
        self.publish(&mut tasks);
    }

    /// Says that a task ends.
    pub(super) fn leave(&self) {
        let mut tasks = self.tasks.lock();
        tasks.absent += 1;
        self.publish(&mut tasks);
    }

    /// Puts a task to sleep as long as another one is in line, until it is called, or until the drive has ended; for at
    /// most `limit`, after which the task has left. Returns whether it has not.
    #[must_use]
    pub(super) fn sleep(&self, limit: Duration) -> bool {
        let mut tasks = self.tasks.lock();
        tasks.asleep += 1;
        self.publish(&mut tasks);
        let mut in_time = true;
        while tasks.woken == 0 {
            // Looked at after the task has become callable: see the top of this file.
            let can_line_up = self.flags.load(SeqCst) & IN_LINE == 0;
            if can_line_up || !in_time || self.state().has_ended() {
                tasks.asleep -= 1;
                if !can_line_up && !in_time {
                    tasks.absent += 1;
                }
                self.publish(&mut tasks);
                return can_line_up || in_time;
            }
            in_time = !self.woken.wait_for(&mut tasks, limit).timed_out();
        }
        tasks.woken -= 1;
        tasks.coming -= 1;
        self.publish(&mut tasks);
        true
    }

    /// Sets the flag that goes with the counts.
    fn publish(&self, tasks: &mut Tasks) {
        let callable = tasks.can_wake() || tasks.can_spawn();
        if callable == tasks.callable {
            return;
        }
        tasks.callable = callable;
        if callable {
            self.flags.fetch_or(CALLABLE, SeqCst);
        } else {
            self.flags.fetch_and(!CALLABLE, SeqCst);
        }
    }
}
