//! A condition variable as `parking_lot` documents it: a thread that waits is woken by a notification or, with a time
//! limit, at any time. There are no other wake-ups.

use std::collections::VecDeque;
use std::time::Duration;

use super::backend::{Thread, current, park};
use super::bare::BareMutex;
use super::mutex::MutexGuard;
use super::planted;

pub(crate) struct Condvar {
    queue: BareMutex<Queue>,
}

/// The waiting threads: tickets, with the thread to wake. A timed wait has no thread here: it ends by itself.
struct Queue {
    waiting: VecDeque<(usize, Option<Thread>)>,
    tickets: usize,
}

pub(crate) struct WaitTimeoutResult(bool);

impl WaitTimeoutResult {
    /// Returns `true` if the wait ended without a notification.
    pub(crate) fn timed_out(&self) -> bool {
        self.0
    }
}

impl Condvar {
    pub(crate) const fn new() -> Self {
        Self { queue: BareMutex::new(Queue { waiting: VecDeque::new(), tickets: 0 }) }
    }

    pub(crate) fn wait<T>(&self, guard: &mut MutexGuard<'_, T>) {
        let ticket = self.enqueue(Some(current()));
        guard.unlocked(|| {
            let mut queue = self.queue.lock();
            while queue.place(ticket).is_some() {
                drop(queue);
                park();
                queue = self.queue.lock();
            }
        });
    }

    pub(crate) fn wait_for<T>(&self, guard: &mut MutexGuard<'_, T>, timeout: Duration) -> WaitTimeoutResult {
        if timeout == Duration::MAX {
            self.wait(guard);
            return WaitTimeoutResult(false);
        }
        let ticket = self.enqueue(None);
        // Other threads run after the unlock, until the timeout.
        guard.unlocked(|| {
            let mut queue = self.queue.lock();
            let place = queue.place(ticket);
            if let Some(place) = place {
                queue.waiting.remove(place);
            }
            WaitTimeoutResult(place.is_some())
        })
    }

    fn enqueue(&self, thread: Option<Thread>) -> usize {
        let mut queue = self.queue.lock();
        let ticket = queue.tickets;
        queue.tickets += 1;
        queue.waiting.push_back((ticket, thread));
        ticket
    }

    /// Returns `true` if a thread was waiting.
    pub(crate) fn notify_one(&self) -> bool {
        if planted("condvar-without-wake-up") {
            return false;
        }
        let first = self.queue.lock().waiting.pop_front();
        let any = first.is_some();
        if let Some((_, Some(thread))) = first {
            thread.unpark();
        }
        any
    }

    pub(crate) fn notify_all(&self) {
        let all = std::mem::take(&mut self.queue.lock().waiting);
        for (_, thread) in all {
            if let Some(thread) = thread {
                thread.unpark();
            }
        }
    }
}

impl Queue {
    fn place(&self, ticket: usize) -> Option<usize> {
        self.waiting.iter().position(|(other, _)| *other == ticket)
    }
}
