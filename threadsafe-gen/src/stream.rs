//! [`AsyncGenerator`], and [`ThreadsafeStream`]: the lock of [`ThreadsafeIter`](crate::ThreadsafeIter) around a stream.
//!
//! There are two locks. A *turn* lasts from one task's call of `next` to its item, however often the stream is polled
//! for it in between; it is a permit of a semaphore, for which tasks wait without blocking their threads, first come
//! first served. Each *poll* is a call under the same [`Lock`] that iterators have, which knows about the end, `close`,
//! poison and re-entry. Only whoever has the turn polls, so there the lock is free, but for a moment's `close`.

use std::error::Error;
use std::fmt;
use std::future::poll_fn;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};

use futures_core::{FusedStream, Stream};
use genawaiter::GeneratorState;

use crate::generator::{Generator, Reply, Yielder, coroutine};
use crate::lock::{Lock, Refusal};
use crate::sync::{Mutex, Semaphore, SemaphorePermit, TryAcquireError};

/// Makes an asynchronous generator of an `async` closure that yields through the [`Yielder`] it is given, and may await
/// whatever it likes.
///
/// Nothing of the body runs before the stream is first polled. It is `Send` if its items are and all that the body
/// holds across a yield or another await is. Making one costs two allocations. With `#[threadsafe_generator]` a
/// function that returns `impl Stream` is one.
///
/// # Examples
///
/// ```
/// use futures::StreamExt;
/// use threadsafe_gen::stream;
///
/// # futures::executor::block_on(async {
/// let squares = stream(async |co| {
///     for i in 1_u64.. {
///         co.yield_(std::future::ready(i * i).await).await;
///     }
/// });
/// assert_eq!(squares.take(3).collect::<Vec<_>>().await, [1, 4, 9]);
/// # });
/// ```
pub fn stream<Y, B>(body: B) -> AsyncGenerator<Y, impl Future<Output = ()>>
where
    B: AsyncFnOnce(&mut Yielder<'_, Y, Reply<()>>),
{
    // A coroutine that is sent nothing, and allowed to await.
    AsyncGenerator(coroutine(async move |co: &mut Yielder<'_, Y, Reply<()>>, ()| body(co).await))
}

/// A stream of what an `async` body yields, made by [`stream()`].
///
/// It is lazy, fused (after its end the body is dropped, and never polled again), and `Send` if its items and its body
/// are. Dropping it half-way drops the locals of its body.
///
/// To share one between tasks, wrap it: [`threadsafe`](Self::threadsafe).
///
/// # Panics
///
/// `poll_next` lets a panic of the body through, and after it panics again. It panics as well if the body yields or
/// ends with an earlier yield that was not awaited.
#[must_use = "streams are lazy and do nothing unless polled"]
pub struct AsyncGenerator<Y, F>(Generator<Y, F, Reply<()>>);

impl<Y, F: Future<Output = ()>> AsyncGenerator<Y, F> {
    /// Shares the stream between tasks.
    pub fn threadsafe(self) -> ThreadsafeStream<Self> {
        ThreadsafeStream::new(self)
    }
}

impl<Y, F: Future<Output = ()>> Stream for AsyncGenerator<Y, F> {
    type Item = Y;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Y>> {
        let Self(generator) = self.get_mut();
        if generator.is_finished() {
            return Poll::Ready(None);
        }
        generator.poll_resume((), cx).map(|state| match state {
            GeneratorState::Yielded(item) => Some(item),
            GeneratorState::Complete(()) => None,
        })
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (0, if self.0.is_finished() { Some(0) } else { None })
    }
}

impl<Y, F: Future<Output = ()>> FusedStream for AsyncGenerator<Y, F> {
    fn is_terminated(&self) -> bool {
        self.0.is_finished()
    }
}

impl<Y, F> fmt::Debug for AsyncGenerator<Y, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AsyncGenerator").field("finished", &self.0.is_finished()).finish_non_exhaustive()
    }
}

/// A stream that tasks can share, on any runtime: each item goes to exactly one of them.
///
/// What [`ThreadsafeIter`](crate::ThreadsafeIter) is for threads, this is for tasks: where several call
/// [`next`](Self::next) at a time they take turns, first come first served, and the order of the items is the order of the
/// turns. A task that waits does not block its thread. No runtime is needed, and none is preferred.
///
/// One is made by `#[threadsafe_generator]` on a function that returns `impl Stream<Item = T>`, by
/// [`stream`](fn@crate::stream) where there is no function to annotate, and by [`new`](Self::new) of any stream. In a struct, its
/// type can be named as `ThreadsafeStream<Box<dyn Stream<Item = T> + Send + Unpin>>`, made by `new(Box::new(stream))`.
///
/// For tasks that outlive the function that spawns them, put it in an `Arc`, and make it of arguments that it owns.
///
/// # Giving up
///
/// `next` is cancel safe: a future of it that is dropped half-way, by a time-out or by `select!`, has taken no item.
/// The stream stays where it was, and whoever is next goes on from there.
///
/// Whoever neither polls such a future nor drops it keeps the others waiting, as one would with any lock of an
/// asynchronous kind.
///
/// # The end
///
/// The first `None` of the stream is final. The stream is dropped there and then, and every later call returns `None`
/// at once.
///
/// # Panics
///
/// As for a [`ThreadsafeIter`](crate::ThreadsafeIter#panics): a panic of the stream comes out of the call in which it
/// happened, unchanged, and every other call, waiting or later, panics with "the stream panicked earlier: " and the
/// message, or returns an error if it can return one. A stream whose body awaits its own `next` panics with "generator
/// already executing"; one that awaits another task which awaits its `next` waits for ever.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use threadsafe_gen::{Stream, threadsafe_generator};
///
/// #[threadsafe_generator]
/// fn ticks(n: u32) -> impl Stream<Item = u32> {
///     for i in 0..n {
///         tokio::time::sleep(Duration::from_millis(1)).await;
///         yield_!(i);
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let ticks = ticks(10);
/// let count = async || {
///     let mut count = 0;
///     while let Some(_) = ticks.next().await {
///         count += 1;
///     }
///     count
/// };
/// let (one, other) = tokio::join!(count(), count());
/// assert_eq!(one + other, 10);
/// # }
/// ```
#[must_use = "streams are lazy and do nothing unless polled"]
pub struct ThreadsafeStream<S> {
    lock: Lock<S, ()>,
    /// One permit: the turn. Closed after the end, for those who wait to be told.
    turns: Semaphore,
    pending: PendingTask,
}

/// The waker of the task whose poll of the stream is pending, for `close` to wake.
///
/// It has a mutex of its own. Under that of the stream it could be out of reach: another `close` holds it for a moment,
/// and wakes no task on leaving. A task registers before it checks for a `close`, and a closer takes the waker after it
/// has stored `CLOSED`, so one of the two sees the other. No code of the waker's runs while the mutex is held.
struct PendingTask(Mutex<Option<Waker>>);

impl PendingTask {
    fn register(&self, waker: &Waker) {
        if !self.0.lock().as_ref().is_some_and(|registered| registered.will_wake(waker)) {
            let waker = waker.clone();
            let replaced = self.0.lock().replace(waker);
            drop(replaced);
        }
    }

    fn take(&self) -> Option<Waker> {
        self.0.lock().take()
    }
}

impl<S: Stream + Unpin> ThreadsafeStream<S> {
    /// Puts a lock around `stream`.
    ///
    /// One that is not `Unpin` goes in boxed: `ThreadsafeStream::new(Box::pin(stream))`.
    ///
    /// # Examples
    ///
    /// ```
    /// use threadsafe_gen::ThreadsafeStream;
    ///
    /// # futures::executor::block_on(async {
    /// let letters = ThreadsafeStream::new(futures::stream::iter("abc".chars()));
    /// assert_eq!(letters.next().await, Some('a'));
    /// # });
    /// ```
    pub const fn new(stream: S) -> Self {
        Self {
            lock: Lock::new("stream", stream, ()),
            turns: Semaphore::const_new(1),
            pending: PendingTask(Mutex::new(None)),
        }
    }

    /// Takes the next item, or `None` if there is none left or the stream has been [closed](Self::close).
    ///
    /// Waits for its turn, and for the stream, without blocking the thread. Cancel safe: see [the
    /// type](Self#giving-up). Who gives up and asks again is behind those who have waited meanwhile; a time-out counts
    /// the wait for the turn too. The stream goes on only while somebody asks.
    ///
    /// # Panics
    ///
    /// If the stream panics, now or earlier, or if it is the stream itself that calls: see [the type](Self#panics).
    ///
    /// # Examples
    ///
    /// With a limit on the wait, here that of tokio:
    ///
    /// ```
    /// use std::time::Duration;
    /// use threadsafe_gen::ThreadsafeStream;
    /// use tokio::time::timeout;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let never = ThreadsafeStream::new(futures::stream::pending::<u32>());
    /// assert!(timeout(Duration::from_millis(5), never.next()).await.is_err());
    /// # }
    /// ```
    pub async fn next(&self) -> Option<S::Item> {
        self.lock.status().check_open()?;
        let mut acquire = pin!(self.turns.acquire());
        let permit = poll_fn(|cx| {
            // A body that is in here waits for a turn that is its own.
            self.lock.assert_not_reentrant();
            acquire.as_mut().poll(cx)
        });
        let Ok(permit) = permit.await else {
            self.lock.status().check_open();
            return None;
        };
        let mut turn = Turn { stream: self, registered: false, _permit: permit };
        poll_fn(|cx| turn.poll(cx)).await
    }

    /// Takes the next item if it is there at once.
    ///
    /// Polls the stream once, which drives its body as far as that goes without waiting.
    ///
    /// # Errors
    ///
    /// [`AlreadyExecuting`](TryPollError::AlreadyExecuting) if another task is waiting for the stream, or it is the
    /// stream itself that calls; [`Pending`](TryPollError::Pending) if the stream has no item ready;
    /// [`Poisoned`](TryPollError::Poisoned) if it has panicked.
    ///
    /// # Panics
    ///
    /// If the stream panics in this very call.
    ///
    /// # Examples
    ///
    /// ```
    /// use threadsafe_gen::{ThreadsafeStream, TryPollError};
    ///
    /// let ready = ThreadsafeStream::new(futures::stream::iter([1]));
    /// assert_eq!(ready.try_next(), Ok(Some(1)));
    /// assert_eq!(ready.try_next(), Ok(None));
    ///
    /// let never = ThreadsafeStream::new(futures::stream::pending::<u32>());
    /// assert_eq!(never.try_next(), Err(TryPollError::Pending));
    /// ```
    pub fn try_next(&self) -> Result<Option<S::Item>, TryPollError> {
        let permit = match self.turns.try_acquire() {
            Ok(permit) => Some(permit),
            Err(TryAcquireError::NoPermits) => return Err(TryPollError::AlreadyExecuting),
            // The lock says how it ended.
            Err(TryAcquireError::Closed) => None,
        };
        let mut cx = Context::from_waker(Waker::noop());
        let call = poll_with(&mut cx);
        let polled = match self.lock.try_lock_open(None) {
            Ok(turn) => turn.and_then(|turn| turn.call_and_unlock(call, |stream| self.dispose(stream))),
            Err(Refusal::AlreadyExecuting) => return Err(TryPollError::AlreadyExecuting),
            Err(Refusal::Poisoned) => return Err(TryPollError::Poisoned),
        };
        drop(permit);
        match polled {
            None => Ok(None),
            Some(Poll::Ready(item)) => Ok(Some(item)),
            Some(Poll::Pending) if self.is_finished() => Ok(None),
            Some(Poll::Pending) => Err(TryPollError::Pending),
        }
    }

    /// The shared items as a stream, for adaptors and for what asks for a `Stream`. Each task can have its own.
    ///
    /// It keeps its place in the queue while it waits, until it gets its item or is dropped, also where the future that
    /// polls it is dropped, as by a time-out. Where that may happen use [`next`](Self::next).
    ///
    /// # Examples
    ///
    /// ```
    /// use futures::StreamExt;
    /// use threadsafe_gen::ThreadsafeStream;
    ///
    /// # futures::executor::block_on(async {
    /// let numbers = ThreadsafeStream::new(futures::stream::iter(0..));
    /// let even: Vec<_> = numbers.stream().filter(|n| std::future::ready(n % 2 == 0)).take(3).collect().await;
    /// assert_eq!(even, [0, 2, 4]);
    /// # });
    /// ```
    pub fn stream(&self) -> AsyncGenerator<S::Item, impl Future<Output = ()> + use<'_, S>> {
        stream(async move |co| {
            while let Some(item) = self.next().await {
                co.yield_(item).await;
            }
        })
    }

    /// Ends it for everybody, from any thread or task, without waiting.
    ///
    /// The stream is dropped here, and with it whatever it was waiting for; where it is being polled at this moment, at
    /// the end of the poll, which may yet deliver an item. Every call that waits and every later one returns `None`.
    /// Closing what has ended does nothing.
    ///
    /// # Examples
    ///
    /// ```
    /// use threadsafe_gen::ThreadsafeStream;
    ///
    /// # futures::executor::block_on(async {
    /// let never = ThreadsafeStream::new(futures::stream::pending::<u32>());
    /// let (item, ()) = futures::join!(never.next(), async { never.close() });
    /// assert_eq!(item, None);
    /// # });
    /// ```
    pub fn close(&self) {
        let stream = self.lock.close();
        self.turns.close();
        if let Some(waker) = self.pending.take() {
            waker.wake();
        }
        drop(stream);
    }

    /// Drops the stream after its end, and tells all who wait for a turn: before, since its destructor may wait for one
    /// of them.
    fn dispose(&self, stream: Option<S>) {
        self.turns.close();
        drop(stream);
    }

    /// Whether there is nothing left to take: the stream has ended or been closed. Never waits.
    ///
    /// One that has panicked has not finished, see [`is_poisoned`](Self::is_poisoned).
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.lock.status().is_finished()
    }

    /// Whether the stream has panicked. Never waits.
    #[must_use]
    pub fn is_poisoned(&self) -> bool {
        self.lock.status().is_poisoned()
    }

    /// Gives the stream back, or `None` if it has ended or been closed, and so been dropped.
    ///
    /// # Panics
    ///
    /// If the stream has panicked.
    #[track_caller]
    pub fn into_inner(self) -> Option<S> {
        self.lock.into_source()
    }

    /// The stream itself, or `None` if it has ended or been closed, and so been dropped. Takes no lock.
    ///
    /// # Panics
    ///
    /// If the stream has panicked.
    #[track_caller]
    pub fn get_mut(&mut self) -> Option<&mut S> {
        self.lock.source_mut()
    }
}

/// What to do in a turn: poll the stream once. `None` is its end.
fn poll_with<S: Stream + Unpin>(cx: &mut Context<'_>) -> impl FnOnce(&mut S, &mut ()) -> Option<Poll<S::Item>> {
    move |stream, ()| match Pin::new(stream).poll_next(cx) {
        Poll::Ready(item) => item.map(Poll::Ready),
        Poll::Pending => Some(Poll::Pending),
    }
}

/// One task's turn, up to its item.
struct Turn<'a, S> {
    stream: &'a ThreadsafeStream<S>,
    /// Whether this task may be the one that `pending` names.
    registered: bool,
    _permit: SemaphorePermit<'a>,
}

impl<S: Stream + Unpin> Turn<'_, S> {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<S::Item>> {
        let ThreadsafeStream { lock, pending, .. } = self.stream;
        match lock.call(poll_with(cx), |stream| self.stream.dispose(stream)) {
            None => Poll::Ready(None),
            Some(Poll::Ready(item)) => Poll::Ready(Some(item)),
            Some(Poll::Pending) => {
                self.registered = true;
                pending.register(cx.waker());
                // A `close` that came before found no waker.
                if lock.status().check_open().is_none() { Poll::Ready(None) } else { Poll::Pending }
            }
        }
    }
}

/// The waker goes before the permit does: the next task registers its own.
impl<S> Drop for Turn<'_, S> {
    fn drop(&mut self) {
        if self.registered {
            drop(self.stream.pending.take());
        }
    }
}

/// By `&mut self` nobody else can be inside, and no lock is taken.
impl<S: Stream + Unpin> Stream for ThreadsafeStream<S> {
    type Item = S::Item;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<S::Item>> {
        let Self { lock, pending, .. } = self.get_mut();
        let polled = lock.call_mut(poll_with(cx), drop);
        if let Some(Poll::Pending) = polled {
            pending.register(cx.waker());
        } else {
            drop(pending.take());
        }
        polled.map_or(Poll::Ready(None), |polled| polled.map(Some))
    }
}

impl<S: Stream + Unpin> From<S> for ThreadsafeStream<S> {
    fn from(stream: S) -> Self {
        Self::new(stream)
    }
}

impl<S> fmt::Debug for ThreadsafeStream<S> {
    /// Never waits, and says nothing of the stream, which may be in use.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ThreadsafeStream").field("state", &self.lock).finish_non_exhaustive()
    }
}

// A panic of the stream poisons it, so that no caller can come upon what the panic left half-done.
impl<S> UnwindSafe for ThreadsafeStream<S> {}
impl<S> RefUnwindSafe for ThreadsafeStream<S> {}

/// Why [`try_next`](ThreadsafeStream::try_next) took no item.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TryPollError {
    /// Another task is waiting for the stream, or it is the stream itself that called.
    AlreadyExecuting,
    /// The stream has no item ready.
    Pending,
    /// The stream has panicked.
    Poisoned,
}

impl fmt::Display for TryPollError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::AlreadyExecuting => "generator already executing",
            Self::Pending => "the stream has no item ready",
            Self::Poisoned => "the stream panicked earlier",
        })
    }
}

impl Error for TryPollError {}
