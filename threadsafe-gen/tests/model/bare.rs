//! A mutex for the models' own use, under which they keep queues. Neither backend's will do: those are poisoned by a panic
//! anywhere, since all threads of a model are one thread for the standard library.

use std::collections::VecDeque;
use std::ops::{Deref, DerefMut};
use std::sync::atomic::Ordering::{Acquire, Release};
use std::sync::{self, PoisonError, TryLockError};

use super::backend::{Thread, current, park, thread_id};
use super::trace::AtomicUsize;

pub(crate) struct BareMutex<T> {
    /// Where the backend sees that threads meet, and what is ordered by it. Nobody reads it.
    gate: AtomicUsize,
    held: sync::Mutex<LockGuard>,
    value: sync::Mutex<T>,
}

struct LockGuard {
    held: bool,
    /// They are parked or about to be, with no step in between, as loom needs of those it wakes.
    waiting: VecDeque<(usize, Thread)>,
}

impl<T> BareMutex<T> {
    pub(crate) const fn new(value: T) -> Self {
        Self {
            gate: AtomicUsize::new(0),
            held: sync::Mutex::new(LockGuard { held: false, waiting: VecDeque::new() }),
            value: sync::Mutex::new(value),
        }
    }

    pub(crate) fn lock(&self) -> BareGuard<'_, T> {
        self.gate.fetch_add(1, Acquire);
        while !self.take_or_queue() {
            park();
            self.gate.fetch_add(1, Acquire);
        }
        BareGuard { mutex: self, value: Some(take(&self.value)) }
    }

    fn take_or_queue(&self) -> bool {
        let (mut held, me) = (take(&self.held), thread_id());
        let place = held.waiting.iter().position(|(waiting, _)| *waiting == me);
        if held.held {
            // Whom something else has woken is in there still.
            if place.is_none() {
                held.waiting.push_back((me, current()));
            }
            return false;
        }
        if let Some(place) = place {
            held.waiting.remove(place);
        }
        held.held = true;
        true
    }

    fn unlock(&self) {
        self.gate.fetch_add(1, Release);
        let mut held = take(&self.held);
        held.held = false;
        let first = held.waiting.pop_front();
        drop(held);
        if let Some((_, first)) = first {
            first.unpark();
        }
    }
}

/// Access to what is under a mutex that nobody can hold just now, whatever has panicked.
pub(super) fn take<T>(mutex: &sync::Mutex<T>) -> sync::MutexGuard<'_, T> {
    mutex.try_lock().unwrap_or_else(|error| match error {
        TryLockError::Poisoned(poisoned) => PoisonError::into_inner(poisoned),
        TryLockError::WouldBlock => panic!("a mutex of the models has let two in"),
    })
}

pub(crate) struct BareGuard<'a, T> {
    mutex: &'a BareMutex<T>,
    /// Always there, up to the drop.
    value: Option<sync::MutexGuard<'a, T>>,
}

impl<T> Deref for BareGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.value.as_ref().unwrap()
    }
}

impl<T> DerefMut for BareGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        self.value.as_mut().unwrap()
    }
}

impl<T> Drop for BareGuard<'_, T> {
    fn drop(&mut self) {
        self.value = None;
        self.mutex.unlock();
    }
}
