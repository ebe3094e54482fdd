//! One drive, and its tasks. The reasons are in the parent module.

use std::cell::RefCell;
use std::ptr;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::atomic::{AtomicBool, AtomicU32};
use std::thread;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use rayon::iter::plumbing::{Folder, Reducer, UnindexedConsumer};
use rayon::{Scope, Yield};

use super::idle::Idle;
use super::portion::{Inside, Portion};
use crate::error::TryNextError;
use crate::iter::ThreadsafeIter;

/// The time after which a task that waits for an item ends, if it has no folder yet,
const SLEEP: Duration = Duration::from_millis(10);

/// and if it has one, whose state would be lost.
const SLEEP_WITH_FOLDER: Duration = Duration::from_millis(50);

/// The time after which a task in line behind callers from outside ends, and another one takes its place, in
/// milliseconds. Twice as long as the last wait took, or as the last patience if that was too short,
const SHORTEST_PATIENCE: u32 = 8;

/// up to this.
const LONGEST_PATIENCE: u32 = 128;

/// The time for which a task that leaves the line checks whether another one is in the source.
const LAST_LOOK: Duration = Duration::from_micros(5);

/// The number of drives of one iterator that wait on top of each other on one thread. The next one has no tasks.
const DEEPEST: usize = 16;

/// A portion, and the index of its first item.
type Indexed<T> = (usize, T);

thread_local! {
    /// The drives that wait on this thread, and those of which a task runs on it, by the address of the iterator or of
    /// the drive: the innermost last.
    static FRAMES: RefCell<Vec<usize>> = const { RefCell::new(Vec::new()) };
}

/// A mark on this thread, as long as it lives.
struct Frame;

impl Frame {
    fn enter<T>(mark: &T) -> Self {
        FRAMES.with_borrow_mut(|frames| frames.push(ptr::from_ref(mark).addr()));
        Self
    }

    /// Returns the number of marks with the same address.
    fn count<T>(mark: &T) -> usize {
        let address = ptr::from_ref(mark).addr();
        FRAMES.with_borrow(|frames| frames.iter().filter(|frame| **frame == address).count())
    }
}

impl Drop for Frame {
    fn drop(&mut self) {
        FRAMES.with_borrow_mut(Vec::pop);
    }
}

/// Gives all portions of `iter` to `consumer`.
pub(super) fn drive<I, P, C>(iter: &ThreadsafeIter<I>, portion: &P, consumer: C) -> C::Result
where
    I: Iterator<Item: Send> + Send,
    P: Portion<I>,
    C: UnindexedConsumer<P::Item>,
{
    // On whatever thread it then runs, this one waits for it.
    iter.lock.assert_not_reentrant();
    // In the pool, if it is called from outside.
    rayon::scope(|_| drive_in_pool(iter, portion, consumer))
}

fn drive_in_pool<I, P, C>(iter: &ThreadsafeIter<I>, portion: &P, consumer: C) -> C::Result
where
    I: Iterator<Item: Send> + Send,
    P: Portion<I>,
    C: UnindexedConsumer<P::Item>,
{
    // The pool may have brought this call to a thread that is in the source.
    iter.lock.assert_not_reentrant();
    let depth = Frame::count(iter);
    let _frame = Frame::enter(iter);
    let _puts_back = iter.leftovers.add_consumer();
    let threads = rayon::current_num_threads();
    if threads == 1 || depth >= DEEPEST {
        return drive_alone(iter, portion, consumer, depth < DEEPEST);
    }
    let nothing = consumer.split_off_left();
    let drive = Drive {
        iter,
        portion,
        idle: Idle::new(threads),
        inside: Inside::new(),
        patience: AtomicU32::new(SHORTEST_PATIENCE),
        consumer: Mutex::new(consumer),
        result: Mutex::new(None),
        is_poisoned: AtomicBool::new(false),
    };
    rayon::scope(|scope| drive.call(scope));
    if drive.is_poisoned.into_inner() {
        portion.check(iter);
    }
    drive.result.into_inner().unwrap_or_else(|| nothing.into_folder().complete())
}

/// A drive by this thread alone.
///
/// If the lock is held for long, it runs other jobs of the pool if it `yields`: a caller in the source may wait for
/// one.
fn drive_alone<I, P, C>(iter: &ThreadsafeIter<I>, portion: &P, consumer: C, yields: bool) -> C::Result
where
    I: Iterator<Item: Send> + Send,
    P: Portion<I>,
    C: UnindexedConsumer<P::Item>,
{
    let mut folder = consumer.into_folder();
    let mut patience = if yields { 1 } else { LONGEST_PATIENCE };
    while !folder.full() {
        let pulled = match take(iter, portion, patience) {
            Ok(None) => break,
            Ok(Some(pulled)) => pulled,
            Err(_) => {
                if yields {
                    let idle = rayon::yield_now() != Some(Yield::Executed);
                    patience = if idle { (patience * 2).min(LONGEST_PATIENCE) } else { 1 };
                }
                continue;
            }
        };
        if folder.full() {
            portion.put_back(iter, pulled);
            break;
        }
        folder = folder.consume(pulled.1);
    }
    folder.complete()
}

/// Takes a portion, if the lock can be had within so many milliseconds.
#[inline]
fn take<I, P>(iter: &ThreadsafeIter<I>, portion: &P, patience: u32) -> Result<Option<Indexed<P::Item>>, TryNextError>
where
    I: Iterator,
    P: Portion<I>,
{
    // There is no other task to be told.
    let inside = &Inside::new();
    if iter.lock.status().is_open_and_empty() {
        if let Some(pulled) = portion.try_pull(iter, inside) {
            return Ok(Some(pulled));
        }
    }
    if let Some(leftover) = portion.leftover(iter) {
        return Ok(Some(leftover));
    }
    portion.check(iter);
    let limit = Duration::from_millis(patience.into());
    if iter.runs_ahead() {
        return portion.pull_ahead(iter, limit);
    }
    let guard = iter.lock.try_lock_open(Some(limit), TryNextError::TimedOut)?;
    Ok(guard.and_then(|guard| portion.pull(iter, guard, inside)).or_else(|| portion.leftover(iter)))
}

/// The state that the tasks of one drive share.
struct Drive<'a, I: Iterator, P: Portion<I>, C: UnindexedConsumer<P::Item>> {
    iter: &'a ThreadsafeIter<I>,
    portion: &'a P,
    idle: Idle,
    inside: Inside,
    /// The time for which a task waits in line, in milliseconds.
    patience: AtomicU32,
    /// The consumer of all that is still to come.
    consumer: Mutex<C>,
    result: Mutex<Option<C::Result>>,
    /// Whether there was nothing left to pull because the source has panicked.
    is_poisoned: AtomicBool,
}

impl<I, P, C> Drive<'_, I, P, C>
where
    I: Iterator<Item: Send> + Send,
    P: Portion<I>,
    C: UnindexedConsumer<P::Item>,
{
    /// Calls a task that is to go on pulling.
    #[cold]
    fn call<'s>(&'s self, scope: &Scope<'s>) {
        if self.idle.call() {
            self.spawn(scope);
        }
    }

    fn spawn<'s>(&'s self, scope: &Scope<'s>) {
        scope.spawn(move |scope| self.run(scope));
    }

    /// Runs a task.
    fn run<'s>(&'s self, scope: &Scope<'s>) {
        // On top of another task of this drive, whose consumer uses rayon, or of the source itself, this one would hold
        // up what is below it.
        if Frame::count(self) > 0 || self.iter.lock.is_held_by_this_thread() {
            self.idle.decline(|| self.spawn(scope));
            return;
        }
        if self.process(scope) {
            // Another caller is in the source, and may wait for a job of the pool.
            if rayon::yield_now() == Some(Yield::Executed) {
                self.patience.store(SHORTEST_PATIENCE, Relaxed);
            }
            self.call(scope);
        }
    }

    /// Processes portions for as long as there are some. Returns whether another task is to be called.
    fn process<'s>(&'s self, scope: &Scope<'s>) -> bool {
        let _frame = Frame::enter(self);
        self.idle.arrive();
        let mut task = Task { drive: self, scope, place: Place::Busy, has_panicked: true };
        let mut next = task.next(SLEEP, || false);
        while let Some(portion) = next {
            let consumer = self.consumer.lock().split_off_left();
            let mut folder = consumer.into_folder();
            if folder.full() {
                self.portion.put_back(self.iter, portion);
                // The other tasks would wait for one more item, for as long as the source takes.
                if self.consumer.lock().full() {
                    self.idle.stop();
                }
                break;
            }
            folder = folder.consume(portion.1);
            while let Some(portion) = task.next(SLEEP_WITH_FOLDER, || folder.full()) {
                folder = folder.consume(portion.1);
            }
            let full = folder.full();
            self.reduce(folder.complete());
            if !full {
                break;
            }
            if self.consumer.lock().full() {
                self.idle.stop();
                break;
            }
            // This folder wants no more, as in `try_fold`. Another one may.
            next = task.next(SLEEP, || false);
        }
        task.has_panicked = false;
        task.place == Place::Missed
    }

    /// Adds the result of a folder.
    fn reduce(&self, mut result: C::Result) {
        // Put with what there is outside of the lock, since to reduce is the user's business and may take its time.
        loop {
            let mut other = self.result.lock();
            match other.take() {
                None => {
                    *other = Some(result);
                    return;
                }
                Some(earlier) => {
                    drop(other);
                    let reducer = self.consumer.lock().to_reducer();
                    result = reducer.reduce(earlier, result);
                }
            }
        }
    }
}

/// One task of a drive, on the thread that runs it.
struct Task<'t, 's, 'a, I, P, C>
where
    I: Iterator<Item: Send> + Send,
    P: Portion<I>,
    C: UnindexedConsumer<P::Item>,
{
    drive: &'s Drive<'a, I, P, C>,
    scope: &'t Scope<'s>,
    place: Place,
    /// Until it has come to its end.
    has_panicked: bool,
}

/// The result of a wait in line.
enum Turn<G, T> {
    Lock(G),
    /// Of a source that runs ahead, which is waited for without the lock.
    Portion(T),
}

/// The place of a task.
#[derive(PartialEq, Eq)]
enum Place {
    /// It looks for a portion, or processes one.
    Busy,
    InLine,
    /// It no longer counts, and another task will be called when there is a portion for it.
    Left,
    /// It no longer counts, and another task is to take its place in line.
    Missed,
}

impl<I, P, C> Task<'_, '_, '_, I, P, C>
where
    I: Iterator<Item: Send> + Send,
    P: Portion<I>,
    C: UnindexedConsumer<P::Item>,
{
    /// Takes the next portion to process. `None` ends the folder.
    #[inline]
    fn next(&mut self, sleep: Duration, full: impl Fn() -> bool) -> Option<Indexed<P::Item>> {
        let Drive { iter, idle, .. } = self.drive;
        if idle.state().is_stopped() || full() {
            return None;
        }
        if iter.lock.status().is_open_and_empty() {
            if let Some(portion) = self.try_pull(&full) {
                return Some(portion);
            }
        }
        self.wait(sleep, full)
    }

    /// Pulls a portion if no thread holds the lock, to process it at once.
    #[inline]
    fn try_pull(&mut self, full: &impl Fn() -> bool) -> Option<Indexed<P::Item>> {
        let Drive { iter, portion, inside, .. } = self.drive;
        self.check(portion.try_pull(iter, inside)?, full)
    }

    /// Sees to what is to be done before `pulled` is processed. `None` if it is not.
    #[inline]
    fn check(&self, pulled: Indexed<P::Item>, full: &impl Fn() -> bool) -> Option<Indexed<P::Item>> {
        let Drive { iter, portion, idle, inside, .. } = self.drive;
        let state = idle.state();
        if state.is_stopped() || full() {
            portion.put_back(iter, pulled);
            return None;
        }
        if state.lacks_next() && !inside.get() {
            self.drive.call(self.scope);
        }
        Some(pulled)
    }

    /// Waits for a portion, in line or asleep.
    #[cold]
    fn wait(&mut self, sleep: Duration, full: impl Fn() -> bool) -> Option<Indexed<P::Item>> {
        let Drive { iter, portion, idle, .. } = self.drive;
        loop {
            if idle.state().has_ended() || full() {
                return None;
            }
            if let Some(leftover) = portion.leftover(iter) {
                if idle.state().lacks_next() {
                    self.drive.call(self.scope);
                }
                return Some(leftover);
            }
            let pulled = if idle.try_line_up() {
                self.place = Place::InLine;
                self.wait_in_line(sleep, &full)
            } else if idle.sleep(sleep) {
                if iter.runs_ahead() { None } else { self.try_pull(&full) }
            } else {
                self.place = Place::Left;
                None
            };
            if pulled.is_some() || self.place != Place::Busy {
                return pulled;
            }
        }
    }

    /// Waits for the lock, and pulls.
    fn wait_in_line(&mut self, sleep: Duration, full: &impl Fn() -> bool) -> Option<Indexed<P::Item>> {
        let Drive { iter, portion, idle, inside, patience, .. } = self.drive;
        let milliseconds = patience.load(Relaxed);
        let start = Instant::now();
        // A place in the queue behind a task of the same drive can be given up. It is not competed for.
        let limit = if inside.get() { sleep } else { Duration::from_millis(milliseconds.into()) };
        let turn = if iter.runs_ahead() {
            portion.pull_ahead(iter, limit).map(|portion| portion.map(Turn::Portion))
        } else {
            iter.lock.try_lock_open(Some(limit), TryNextError::TimedOut).map(|guard| guard.map(Turn::Lock))
        };
        match turn {
            Ok(Some(turn)) => {
                if let Turn::Lock(_) = turn {
                    // Before the next task is in line, so that whichever comes out of the source finds one or the
                    // other.
                    inside.set(true);
                }
                self.step_out();
                let needed = u32::try_from(2 * start.elapsed().as_millis()).unwrap_or(u32::MAX);
                patience.store(needed.clamp(SHORTEST_PATIENCE, LONGEST_PATIENCE), Relaxed);
                let pulled = match turn {
                    Turn::Lock(guard) => portion.pull(iter, guard, inside)?,
                    Turn::Portion(pulled) => pulled,
                };
                self.check(pulled, full)
            }
            Err(TryNextError::TimedOut | TryNextError::Reentrant) => {
                idle.leave();
                idle.step_out();
                self.place = Place::Left;
                if !self.stays_inside() {
                    patience.store((milliseconds * 2).min(LONGEST_PATIENCE), Relaxed);
                    self.place = Place::Missed;
                }
                None
            }
            ended => {
                if ended.is_err() {
                    // The panic is the drive's, unless it came out of a task of this drive, which is about to unwind.
                    self.drive.is_poisoned.store(true, Relaxed);
                }
                // Others may have put something back.
                let leftover = portion.leftover(iter);
                if leftover.is_none() {
                    idle.end();
                }
                self.step_out();
                leftover
            }
        }
    }

    /// Whether a task of this drive is in the source, which is going to look for one in line when it comes out.
    ///
    /// The store when it comes out is not ordered with that check, since a fence for each item would cost half as much
    /// as the lock. The two can cross for as long as a store takes to leave its core, some nanoseconds. A task that is
    /// inside after a thousand times as long has not looked yet.
    fn stays_inside(&self) -> bool {
        let start = Instant::now();
        while self.drive.inside.get() {
            if start.elapsed() > LAST_LOOK {
                return true;
            }
            thread::yield_now();
        }
        false
    }

    fn step_out(&mut self) {
        self.place = Place::Busy;
        self.drive.idle.step_out();
    }
}

impl<I, P, C> Drop for Task<'_, '_, '_, I, P, C>
where
    I: Iterator<Item: Send> + Send,
    P: Portion<I>,
    C: UnindexedConsumer<P::Item>,
{
    fn drop(&mut self) {
        let Drive { iter, idle, .. } = self.drive;
        if self.has_panicked {
            if iter.is_poisoned() {
                // The source has panicked. Items that other tasks have pulled before are processed.
                idle.end();
            } else {
                idle.stop();
            }
        }
        if self.place == Place::InLine {
            idle.step_out();
        }
        if matches!(self.place, Place::Busy | Place::InLine) {
            idle.leave();
        }
    }
}
