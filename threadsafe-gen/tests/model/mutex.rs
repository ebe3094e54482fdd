//! `parking_lot`'s mutex, step by step, as of `raw_mutex.rs` of its version 0.12.5.
//!
//! One thing differs: where a mutex with a queue is let go `parking_lot` stores to the word, and here it is swapped. loom does not
//! keep the writes of an atomic in one order if some are stores, and would let a thread lock what another has locked
//! already. That store is made under the mutex of the queue, which orders what matters: who has queued before is seen by it, and
//! who has not finds, under that mutex, that the word has changed, and tries again.
//!
//! What it parks on is a queue under a mutex of its own, as `parking_lot`'s is under that of a table's entry.

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

/// Those who wait.
struct Queue {
    /// With the thread, unless it waits for a limited time, which passes by itself.
    parked: VecDeque<(usize, Option<Thread>)>,
    tickets: usize,
    /// Whose the mutex is that was never let go in between.
    handed_to: Option<usize>,
}

/// How a wait ended.
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

    /// Gives up on a mere read.
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

    /// Queues before it gives up, even if there is no time at all.
    pub(crate) fn try_lock_for(&self, timeout: Duration) -> Option<MutexGuard<'_, T>> {
        if planted("try-gives-up-on-a-read") {
            return self.try_lock();
        }
        let limited = timeout != Duration::MAX;
        (self.take(0) || self.lock_slow(limited)).then(|| self.guard())
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

    /// Locks the word if it is `word` still.
    fn take(&self, word: u8) -> bool {
        self.word.compare_exchange(word, word | LOCKED, Acquire, Relaxed).is_ok()
    }

    fn lock_slow(&self, limited: bool) -> bool {
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
            match self.park(limited) {
                Wait::HandedOver => return true,
                Wait::TimedOut => return false,
                Wait::TryAgain => word = self.word.load(Relaxed),
            }
        }
    }

    fn park(&self, limited: bool) -> Wait {
        let mut queue = self.queue.lock();
        if self.word.load(Relaxed) != LOCKED | PARKED {
            return Wait::TryAgain;
        }
        let ticket = queue.tickets;
        queue.tickets += 1;
        queue.parked.push_back((ticket, (!limited).then(current)));
        if limited {
            // Whatever happens until the time is up happens here.
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
        if let Some(thread) = thread.filter(|_| !planted("unlock-wakes-nobody")) {
            thread.unpark();
        }
    }

    /// The access, for who has locked the word.
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
    /// Always there, up to the drop.
    value: Option<std::sync::MutexGuard<'a, T>>,
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
