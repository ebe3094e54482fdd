//! tokio's semaphore, as far as streams use it: one permit at a time, in the order of the requests.

use std::collections::VecDeque;
use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use super::bare::BareMutex;
use super::planted;

pub(crate) struct Semaphore {
    queue: BareMutex<Queue>,
}

struct Queue {
    permits: usize,
    closed: bool,
    tickets: usize,
    waiting: VecDeque<(usize, Waker)>,
    /// The tickets that have been given a permit and have not been polled since.
    given: Vec<usize>,
}

#[derive(Debug)]
pub(crate) struct AcquireError;

#[derive(Debug)]
pub(crate) enum TryAcquireError {
    Closed,
    NoPermits,
}

impl Semaphore {
    pub(crate) const fn const_new(permits: usize) -> Self {
        let queue = Queue { permits, closed: false, tickets: 0, waiting: VecDeque::new(), given: Vec::new() };
        Self { queue: BareMutex::new(queue) }
    }

    pub(crate) fn acquire(&self) -> Acquire<'_> {
        Acquire { semaphore: self, ticket: None }
    }

    pub(crate) fn try_acquire(&self) -> Result<SemaphorePermit<'_>, TryAcquireError> {
        let mut queue = self.queue.lock();
        if queue.closed {
            return Err(TryAcquireError::Closed);
        }
        queue.permits = queue.permits.checked_sub(1).ok_or(TryAcquireError::NoPermits)?;
        Ok(SemaphorePermit { semaphore: self })
    }

    pub(crate) fn close(&self) {
        let mut queue = self.queue.lock();
        queue.closed = true;
        let waiting = mem::take(&mut queue.waiting);
        drop(queue);
        for (_, waker) in waiting {
            if !planted("semaphore-close-without-wake-up") {
                waker.wake();
            }
        }
    }

    /// Gives the permit to the first waiting task.
    fn release(&self) {
        let mut queue = self.queue.lock();
        let first = if planted("permit-not-passed-on") { None } else { queue.waiting.pop_front() };
        if let Some((ticket, waker)) = first {
            queue.given.push(ticket);
            drop(queue);
            waker.wake();
        } else {
            queue.permits += 1;
        }
    }
}

#[must_use]
pub(crate) struct Acquire<'a> {
    semaphore: &'a Semaphore,
    /// Identifies this future in the queue while it waits.
    ticket: Option<usize>,
}

impl<'a> Future for Acquire<'a> {
    type Output = Result<SemaphorePermit<'a>, AcquireError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let semaphore = self.semaphore;
        let mut queue = semaphore.queue.lock();
        if let Some(ticket) = self.ticket {
            if let Some(place) = queue.given.iter().position(|given| *given == ticket) {
                queue.given.remove(place);
                self.ticket = None;
                return Poll::Ready(Ok(SemaphorePermit { semaphore }));
            }
        }
        if queue.closed {
            self.ticket = None;
            return Poll::Ready(Err(AcquireError));
        }
        if let Some(ticket) = self.ticket {
            let waiting = queue.waiting.iter_mut().find(|(waiting, _)| *waiting == ticket).unwrap();
            waiting.1.clone_from(cx.waker());
            return Poll::Pending;
        }
        if queue.permits > 0 {
            queue.permits -= 1;
            return Poll::Ready(Ok(SemaphorePermit { semaphore }));
        }
        let ticket = queue.tickets;
        queue.tickets += 1;
        queue.waiting.push_back((ticket, cx.waker().clone()));
        self.ticket = Some(ticket);
        Poll::Pending
    }
}

impl Drop for Acquire<'_> {
    fn drop(&mut self) {
        let Some(ticket) = self.ticket else { return };
        let mut queue = self.semaphore.queue.lock();
        queue.waiting.retain(|(waiting, _)| *waiting != ticket);
        let before = queue.given.len();
        queue.given.retain(|given| *given != ticket);
        let given = queue.given.len() < before;
        drop(queue);
        if given {
            self.semaphore.release();
        }
    }
}

#[derive(Debug)]
#[must_use]
pub(crate) struct SemaphorePermit<'a> {
    semaphore: &'a Semaphore,
}

impl Drop for SemaphorePermit<'_> {
    fn drop(&mut self) {
        self.semaphore.release();
    }
}

impl std::fmt::Debug for Semaphore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Semaphore")
    }
}
