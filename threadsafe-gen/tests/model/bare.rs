//! A mutex for the queues of the models' own primitives. The mutexes of the backends cannot be used: they are poisoned
//! by any panic, because all threads of a model are one thread for the standard library.

use std::collections::VecDeque;
use std::ops::{Deref, DerefMut};
use std::sync::atomic::Ordering::{Acquire, Release};
use std::sync::{self, PoisonError, TryLockError};

use super::backend::{Thread, current, park, thread_id};
use super::trace::AtomicUsize;

pub(crate) struct BareMutex<T> {
    /// The atomic through which the backend sees the synchronization. Its value is never used.
    gate: AtomicUsize,
    state: sync::Mutex<State>,
    value: sync::Mutex<T>,
}

struct State {
    locked: bool,
    /// These threads are parked, or about to park with no step in between, as loom requires of threads that are woken.
    waiting: VecDeque<(usize, Thread)>,
}

impl<T> BareMutex<T> {
    pub(crate) const fn new(value: T) -> Self {
        Self {
            gate: AtomicUsize::new(0),
            state: sync::Mutex::new(State { locked: false, waiting: VecDeque::new() }),
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
        let (mut state, thread) = (take(&self.state), thread_id());
        let place = state.waiting.iter().position(|(waiting, _)| *waiting == thread);
        if state.locked {
            // A thread that was woken by something else is still in the queue.
            if place.is_none() {
                state.waiting.push_back((thread, current()));
            }
            return false;
        }
        if let Some(place) = place {
            state.waiting.remove(place);
        }
        state.locked = true;
        true
    }

    fn unlock(&self) {
        self.gate.fetch_add(1, Release);
        let mut state = take(&self.state);
        state.locked = false;
        let first = state.waiting.pop_front();
        drop(state);
        if let Some((_, first)) = first {
            first.unpark();
        }
    }
}

/// Locks a mutex that no other thread can hold at this moment, also if it is poisoned.
pub(super) fn take<T>(mutex: &sync::Mutex<T>) -> sync::MutexGuard<'_, T> {
    mutex.try_lock().unwrap_or_else(|error| match error {
        TryLockError::Poisoned(poisoned) => PoisonError::into_inner(poisoned),
        TryLockError::WouldBlock => panic!("two threads hold a mutex of the models"),
    })
}

pub(crate) struct BareGuard<'a, T> {
    mutex: &'a BareMutex<T>,
    /// `Some` until the drop.
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
