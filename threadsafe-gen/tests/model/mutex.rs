//! `parking_lot`'s mutex, step by step, after `raw_mutex.rs` of its version 0.12.5.
//!
//! One step differs. To unlock a mutex with a queue, `parking_lot` stores to the word, and this mutex swaps. loom does
//! not keep the writes of an atomic in one order if some of them are stores, and would let a thread lock a word that
//! another thread has already locked. The store of the original is made under the queue's mutex, which orders what the
//! argument needs: the store comes after the threads that have queued before, and a thread that has not queued yet
//! finds the changed word under that mutex and tries again.
//!
//! Threads park in a queue under a mutex of its own, as `parking_lot`'s threads do under the lock of a bucket.

use std::collections::VecDeque;
use std::ops::{Deref, DerefMut};
use std::sync::PoisonError;
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use std::time::Duration;

use super::backend::{Thread, current, hands_over, park};
use super::bare::{BareMutex, take};
use super::planted;
use super::trace::AtomicU8;

const LOCKED: u8 = 1;
const PARKED: u8 = 2;

pub(crate) struct Mutex<T> {
    word: AtomicU8,
    queue: BareMutex<Queue>,
    value: std::sync::Mutex<T>,
}

/// The waiting threads.
struct Queue {
    /// The tickets, with the thread to wake. A timed wait has no thread here: it ends by itself.
    parked: VecDeque<(usize, Option<Thread>)>,
    tickets: usize,
    /// The ticket of the thread that owns the mutex by a hand-over, without an unlock in between.
    handed_to: Option<usize>,
}

/// The result of a wait.
enum Wait {
    HandedOver,
    TimedOut,
    TryAgain,
}

impl<T> Mutex<T> {
    pub(crate) const fn new(value: T) -> Self {
        Self {
            word: AtomicU8::new(0),
            queue: BareMutex::new(Queue { parked: VecDeque::new(), tickets: 0, handed_to: None }),
            value: std::sync::Mutex::new(value),
        }
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
        if !self.take(0) {
            self.lock_slow(false);
        }
        self.guard()
    }

    /// Fails on a pure load.
    pub(crate) fn try_lock(&self) -> Option<MutexGuard<'_, T>> {
        let mut word = self.word.load(Relaxed);
        while word & LOCKED == 0 {
            match self.word.compare_exchange(word, word | LOCKED, Acquire, Relaxed) {
                Ok(_) => return Some(self.guard()),
                Err(now) => word = now,
            }
        }
        None
    }

    /// Queues before it fails, even if `timeout` is zero.
    pub(crate) fn try_lock_for(&self, timeout: Duration) -> Option<MutexGuard<'_, T>> {
        if planted("timed-try-is-a-pure-load") {
            return self.try_lock();
        }
        let timed = timeout != Duration::MAX;
        (self.take(0) || self.lock_slow(timed)).then(|| self.guard())
    }

    pub(crate) fn is_locked(&self) -> bool {
        self.word.load(Relaxed) & LOCKED != 0
    }

    pub(crate) fn get_mut(&mut self) -> &mut T {
        self.value.get_mut().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn into_inner(self) -> T {
        self.value.into_inner().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sets the locked bit if the word is still `word`.
    fn take(&self, word: u8) -> bool {
        self.word.compare_exchange(word, word | LOCKED, Acquire, Relaxed).is_ok()
    }

    fn lock_slow(&self, timed: bool) -> bool {
        let mut word = self.word.load(Relaxed);
        loop {
            if word & LOCKED == 0 {
                match self.word.compare_exchange(word, word | LOCKED, Acquire, Relaxed) {
                    Ok(_) => return true,
                    Err(now) => word = now,
                }
                continue;
            }
            if word & PARKED == 0 {
                if let Err(now) = self.word.compare_exchange(word, word | PARKED, Relaxed, Relaxed) {
                    word = now;
                    continue;
                }
            }
            match self.park(timed) {
                Wait::HandedOver => return true,
                Wait::TimedOut => return false,
                Wait::TryAgain => word = self.word.load(Relaxed),
            }
        }
    }

    fn park(&self, timed: bool) -> Wait {
        let mut queue = self.queue.lock();
        if self.word.load(Relaxed) != LOCKED | PARKED {
            return Wait::TryAgain;
        }
        let ticket = queue.tickets;
        queue.tickets += 1;
        queue.parked.push_back((ticket, (!timed).then(current)));
        if timed {
            // Other threads run here until the timeout.
            drop(queue);
            queue = self.queue.lock();
            if let Some(place) = queue.place(ticket) {
                queue.parked.remove(place);
                if queue.parked.is_empty() {
                    self.word.fetch_and(!PARKED, Relaxed);
                }
                return Wait::TimedOut;
            }
        } else {
            while queue.place(ticket).is_some() {
                drop(queue);
                park();
                queue = self.queue.lock();
            }
        }
        if queue.handed_to.take_if(|to| *to == ticket).is_some() { Wait::HandedOver } else { Wait::TryAgain }
    }

    fn unlock(&self) {
        if self.word.compare_exchange(LOCKED, 0, Release, Relaxed).is_ok() {
            return;
        }
        let mut queue = self.queue.lock();
        let Some((ticket, thread)) = queue.parked.pop_front() else {
            self.word.swap(0, Release);
            return;
        };
        let others = if queue.parked.is_empty() { 0 } else { PARKED };
        if hands_over() {
            if others == 0 {
                self.word.swap(LOCKED, Relaxed);
            }
            queue.handed_to = Some(ticket);
        } else {
            self.word.swap(others, Release);
        }
        drop(queue);
        if let Some(thread) = thread.filter(|_| !planted("unlock-without-wake-up")) {
            thread.unpark();
        }
    }

    /// Returns the guard, for the thread that has locked the word.
    fn guard(&self) -> MutexGuard<'_, T> {
        MutexGuard { mutex: self, value: Some(take(&self.value)) }
    }
}

impl Queue {
    fn place(&self, ticket: usize) -> Option<usize> {
        self.parked.iter().position(|(other, _)| *other == ticket)
    }
}

pub(crate) struct MutexGuard<'a, T> {
    mutex: &'a Mutex<T>,
    /// `Some` until the drop.
    value: Option<std::sync::MutexGuard<'a, T>>,
}

impl<T> MutexGuard<'_, T> {
    /// Releases the mutex during `wait`, and locks it again.
    pub(super) fn unlocked<R>(&mut self, wait: impl FnOnce() -> R) -> R {
        self.value = None;
        self.mutex.unlock();
        let result = wait();
        if !self.mutex.take(0) {
            self.mutex.lock_slow(false);
        }
        self.value = Some(take(&self.mutex.value));
        result
    }
}

impl<T> Deref for MutexGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.value.as_ref().unwrap()
    }
}

impl<T> DerefMut for MutexGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        self.value.as_mut().unwrap()
    }
}

impl<T> Drop for MutexGuard<'_, T> {
    fn drop(&mut self) {
        self.value = None;
        self.mutex.unlock();
    }
}
