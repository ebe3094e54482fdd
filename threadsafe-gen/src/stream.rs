//! [`AsyncGenerator`], and [`ThreadsafeStream`]: the lock of [`ThreadsafeIter`](crate::ThreadsafeIter) around a stream.
//!
//! There are two locks. A *turn* lasts from one task's call of `next` to its item, however often the stream is polled
//! in between. It is the permit of a fair semaphore, for which tasks wait without blocking their threads. Each *poll*
//! is a call under the same [`Lock`] that iterators have, which implements the end, `close`, poison and re-entry. Only
//! the task that has the turn polls. So the [`Lock`] is free when that task takes it, except for a moment during a
//! `close`.

use std::convert::identity;
use std::fmt;
use std::future::poll_fn;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::pin::{Pin, pin};
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::Relaxed;
use std::task::{Context, Poll, Waker};

use futures_core::{FusedStream, Stream};
use genawaiter::GeneratorState;

use crate::close_on_drop::CloseOnDrop;
use crate::error::TryPollError;
use crate::generator::{Generator, Reply, Yielder, coroutine};
use crate::lock::Lock;
use crate::sync::{Mutex, Semaphore, SemaphorePermit, TryAcquireError};

/// Creates an asynchronous generator from an `async` closure that yields through the [`Yielder`] it is given, and may
/// await any future.
///
/// No part of the body runs before the stream is first polled. The stream is `Send` if its items are and everything
/// that the body holds across a yield or another await is. Costs one allocation. With `#[threadsafe_generator]`, a
/// function that returns `impl Stream` is written the same way.
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
    // A coroutine that receives nothing and may await.
    AsyncGenerator(coroutine(async move |co: &mut Yielder<'_, Y, Reply<()>>, ()| body(co).await))
}

impl<Y> Yielder<'_, Y, Reply<()>> {
    /// Yields every item of a stream.
    ///
    /// # Examples
    ///
    /// ```
    /// use futures::StreamExt;
    /// use threadsafe_gen::stream;
    ///
    /// # futures::executor::block_on(async {
    /// let numbers = stream(async |co| {
    ///     co.yield_(0).await;
    ///     co.yield_from_stream(futures::stream::iter([1, 2])).await;
    /// });
    /// assert_eq!(numbers.collect::<Vec<_>>().await, [0, 1, 2]);
    /// # });
    /// ```
    pub async fn yield_from_stream(&mut self, items: impl Stream<Item = Y>) {
        let mut items = pin!(items);
        while let Some(item) = poll_fn(|cx| items.as_mut().poll_next(cx)).await {
            self.yield_(item).await;
        }
    }
}

/// A stream of the items that an `async` body yields, created by [`stream()`].
///
/// It is lazy, fused (after its end the body is dropped and never polled again), and `Send` if its items and its body
/// are. Dropping it half-way drops the locals of its body.
///
/// To share one between tasks, call [`threadsafe`](Self::threadsafe).
///
/// # Panics
///
/// `poll_next` propagates a panic of the body; later calls panic too. It also panics if the body yields or ends with an
/// earlier yield that was not awaited.
///
/// # Examples
///
/// ```
/// use futures::StreamExt;
/// use threadsafe_gen::{AsyncGenerator, stream};
///
/// # futures::executor::block_on(async {
/// let numbers: AsyncGenerator<u32, _> = stream(async |co| {
///     for n in 1..=3 {
///         co.yield_(n).await;
///     }
/// });
/// assert_eq!(numbers.map(|n| n * n).collect::<Vec<_>>().await, [1, 4, 9]);
/// # });
/// ```
#[must_use = "streams are lazy and do nothing unless polled"]
pub struct AsyncGenerator<Y, F>(Generator<Y, F, Reply<()>>);

impl<Y, F: Future<Output = ()>> AsyncGenerator<Y, F> {
    /// Shares the stream between tasks.
    ///
    /// # Examples
    ///
    /// ```
    /// use threadsafe_gen::stream;
    ///
    /// # futures::executor::block_on(async {
    /// let once = stream(async |co| co.yield_(1).await).threadsafe();
    /// assert_eq!(once.next().await, Some(1));
    /// # });
    /// ```
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
/// The counterpart of [`ThreadsafeIter`](crate::ThreadsafeIter) for tasks. Tasks that call [`next`](Self::next) at the
/// same time get their items one after the other, first come first served, and the order of the items is the order of
/// the calls. A task that waits does not block its thread. No runtime is needed, and none is preferred.
///
/// A `ThreadsafeStream` is created by `#[threadsafe_generator]` on a function that returns `impl Stream<Item = T>`, by
/// [`stream`](fn@crate::stream) where there is no function to annotate, and by [`new`](Self::new) from any stream. In a
/// struct, its type can be written as `ThreadsafeStream<Pin<Box<dyn Stream<Item = T> + Send>>>`, created by
/// `new(Box::pin(stream))`.
///
/// For tasks that outlive the function that spawns them, put it in an `Arc`, and create it from arguments that it owns.
/// A function that takes a `ThreadsafeStream<S>` needs `S: Stream + Unpin`. The [recipes](crate::recipes) have complete
/// programs.
///
/// # Cancellation
///
/// `next` is cancel safe: a future of it that is dropped half-way, by a time-out or by `select!`, has taken no item.
/// The stream stays where it was, and the next task in the queue goes on from there.
///
/// **A `next` future that is neither polled nor dropped blocks every other task**, as with any async mutex.
///
/// # The end
///
/// The first `None` of the stream is final. The stream is dropped at once, and every later call returns `None` at once.
///
/// # Panics
///
/// As for a [`ThreadsafeIter`](crate::ThreadsafeIter#panics): a panic of the stream comes out of the call in which it
/// happened, unchanged. Every other call, waiting or later, panics with "the stream panicked earlier: " and the
/// message, or returns an error if it can return one. A stream whose body awaits its own `next` panics with "generator
/// already executing". A stream whose body awaits another task that awaits its `next` never completes.
///
/// # Results in order, and running ahead
///
/// [`stream()`](Self::stream) has the adaptors of the crate `futures`. Its `buffered(n)` processes up to `n` items at a
/// time and returns the results in the order of the items; `buffer_unordered(n)` returns each as soon as it is there. A
/// task and a channel let a stream run ahead, as [`prefetch`](crate::ThreadsafeExt::prefetch) does for an iterator. The
/// recipes show [both](crate::recipes#process-the-items-of-a-stream-concurrently) as [complete
/// programs](crate::recipes#let-a-stream-run-ahead). In one task, without copies:
///
/// ```
/// use futures::StreamExt;
/// use threadsafe_gen::ThreadsafeStream;
///
/// # futures::executor::block_on(async {
/// let pages = ThreadsafeStream::new(futures::stream::iter(1..=6));
/// let fetch = async |page: u32| page * 100;
/// let in_order: Vec<_> = pages.stream().map(&fetch).buffered(4).take(3).collect().await;
/// assert_eq!(in_order, [100, 200, 300]);
/// # });
/// ```
///
/// # A blocking iterator in async code
///
/// [`ThreadsafeIter::next`](crate::ThreadsafeIter::next) blocks the thread, and so would a stream around it. Run the
/// iterator on a thread for blocking work, and await a channel. With tokio:
///
/// ```
/// use threadsafe_gen::{Stream, ThreadsafeStream, stream};
///
/// /// Runs `items` on a thread for blocking work, up to 8 items ahead of the tasks.
/// fn unblock<I>(items: I) -> ThreadsafeStream<impl Stream<Item = I::Item> + Unpin>
/// where
///     I: Iterator<Item: Send> + Send + 'static,
/// {
///     let (sender, mut receiver) = tokio::sync::mpsc::channel(8);
///     let worker = tokio::task::spawn_blocking(move || {
///         // Ends if the stream is closed or dropped.
///         for item in items {
///             if sender.blocking_send(item).is_err() {
///                 break;
///             }
///         }
///     });
///     stream(async move |co| {
///         while let Some(item) = receiver.recv().await {
///             co.yield_(item).await;
///         }
///         // A panic of the iterator comes out here.
///         if let Some(panic) = worker.await.err().and_then(|error| error.try_into_panic().ok()) {
///             std::panic::resume_unwind(panic);
///         }
///     })
///     .threadsafe()
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let lines = unblock("one two".split(' '));
/// assert_eq!(lines.next().await, Some("one"));
/// assert_eq!(lines.next().await, Some("two"));
/// assert_eq!(lines.next().await, None);
/// # }
/// ```
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
///
/// In an `Arc`, for tasks that are spawned:
///
/// ```
/// use std::sync::Arc;
/// use threadsafe_gen::{Stream, threadsafe_generator};
///
/// #[threadsafe_generator]
/// fn urls(n: u32) -> impl Stream<Item = String> {
///     for i in 0..n {
///         yield_!(format!("/{i}"));
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let urls = Arc::new(urls(10));
/// let tasks = [(); 4].map(|()| {
///     let urls = Arc::clone(&urls);
///     tokio::spawn(async move { while let Some(url) = urls.next().await { println!("{url}"); } })
/// });
/// for task in tasks {
///     task.await.unwrap();
/// }
/// assert_eq!(urls.taken(), 10);
/// # }
/// ```
#[must_use = "streams are lazy and do nothing unless polled"]
pub struct ThreadsafeStream<S> {
    lock: Lock<S, ()>,
    /// Has one permit: the turn. Closed after the end, which wakes the tasks that wait for the turn.
    turns: Semaphore,
    pending: PendingTask,
    /// The number of items that the stream has returned. Stored by the task that polls.
    taken: AtomicUsize,
}

/// The waker of the task whose poll of the stream is pending, for `close` to wake.
///
/// It has a mutex of its own. Under that of the stream it could be out of reach: another `close` holds that for a
/// moment, and wakes no task when it releases it. A task registers before it checks for a `close`, and a closer takes
/// the waker after it has stored `CLOSED`, so one of the two sees the other. No code of the waker runs while the mutex
/// is held.
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
    /// Creates a lock around `stream`.
    ///
    /// A stream that is not `Unpin` goes in boxed: `ThreadsafeStream::new(Box::pin(stream))`.
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
            taken: AtomicUsize::new(0),
        }
    }

    /// Takes the next item. Returns `None` if the stream is exhausted or has been [closed](Self::close).
    ///
    /// Waits for the turn, and for the stream, without blocking the thread. Cancel safe: see [the
    /// type](Self#cancellation). A caller that cancels and retries goes to the back of the queue, and a time-out counts
    /// the wait for the turn too. The stream makes progress only while a task awaits `next`.
    ///
    /// # Panics
    ///
    /// If the stream panics or has panicked, or if the stream itself calls: see [the type](Self#panics).
    ///
    /// # Examples
    ///
    /// With a time limit, here that of tokio:
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
        self.next_indexed().await.map(|(_, item)| item)
    }

    /// Takes the next item together with its index in the stream, which starts at 0.
    ///
    /// Use the index to restore the stream's order after concurrent processing. Otherwise like [`next`](Self::next).
    ///
    /// # Panics
    ///
    /// As [`next`](Self::next).
    ///
    /// # Examples
    ///
    /// ```
    /// use threadsafe_gen::ThreadsafeStream;
    ///
    /// # futures::executor::block_on(async {
    /// let words = ThreadsafeStream::new(futures::stream::iter("so it goes".split(' ')));
    /// words.next().await;
    /// assert_eq!(words.next_indexed().await, Some((1, "it")));
    /// # });
    /// ```
    pub async fn next_indexed(&self) -> Option<(usize, S::Item)> {
        self.lock.status().check_open()?;
        let mut acquire = pin!(self.turns.acquire());
        let permit = poll_fn(|cx| {
            // The stream's own body would wait for the permit that it is polled under: panic instead.
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

    /// Polls the stream once, and takes the next item if it is ready.
    ///
    /// Never waits. The poll executes the stream's body as far as that gets without waiting.
    ///
    /// # Errors
    ///
    /// * [`WouldBlock`](TryPollError::WouldBlock) if another task waits for the stream;
    /// * [`Pending`](TryPollError::Pending) if the stream has no item ready;
    /// * [`Reentrant`](TryPollError::Reentrant) if the stream itself calls;
    /// * [`Poisoned`](TryPollError::Poisoned) if the stream has panicked.
    ///
    /// # Panics
    ///
    /// If the stream panics in this call.
    ///
    /// # Examples
    ///
    /// ```
    /// use threadsafe_gen::{ThreadsafeStream, TryPollError};
    ///
    /// let ready = ThreadsafeStream::new(futures::stream::iter([1]));
    /// assert_eq!(ready.poll_once(), Ok(Some(1)));
    /// assert_eq!(ready.poll_once(), Ok(None));
    ///
    /// let never = ThreadsafeStream::new(futures::stream::pending::<u32>());
    /// assert_eq!(never.poll_once(), Err(TryPollError::Pending));
    /// ```
    pub fn poll_once(&self) -> Result<Option<S::Item>, TryPollError> {
        let permit = match self.turns.try_acquire() {
            Ok(permit) => Some(permit),
            // The stream's own body is polled under the permit.
            Err(TryAcquireError::NoPermits) if self.lock.is_held_by_this_thread() => {
                return Err(TryPollError::Reentrant);
            }
            Err(TryAcquireError::NoPermits) => return Err(TryPollError::WouldBlock),
            // The lock knows how the stream ended.
            Err(TryAcquireError::Closed) => None,
        };
        let mut cx = Context::from_waker(Waker::noop());
        let poll = poll_with(&mut cx, &self.taken);
        let guard = self.lock.try_lock_open(None, TryPollError::WouldBlock)?;
        let polled = guard.and_then(|guard| guard.call_and_unlock(poll, identity, |stream| self.on_end(stream)));
        drop(permit);
        match polled {
            None => Ok(None),
            Some(Poll::Ready((_, item))) => Ok(Some(item)),
            Some(Poll::Pending) if self.is_finished() => Ok(None),
            Some(Poll::Pending) => Err(TryPollError::Pending),
        }
    }

    /// Returns the shared items as a stream, for adaptors and for functions that take a `Stream`.
    ///
    /// Each task can have its own. **Put no time-out around the `next` of the returned stream**: it keeps its place in
    /// the queue until it gets its item or is dropped, and after a time-out all other tasks wait for it. Under a
    /// time-out use [`ThreadsafeStream::next`](Self::next).
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

    /// Closes the stream: ends it for all tasks, without blocking.
    ///
    /// The stream is dropped here, together with the future that it was waiting for. If the stream is being polled at
    /// this moment, it is dropped at the end of that poll, which may still deliver an item. Every call that waits and
    /// every later call returns `None`. Closing a stream that has ended or panicked does nothing.
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
        self.wake_after_close(stream);
    }

    /// Wakes all waiting tasks, and then drops the stream: its destructor may wait for one of them.
    fn wake_after_close(&self, stream: Option<S>) {
        self.turns.close();
        if let Some(waker) = self.pending.take() {
            waker.wake();
        }
        drop(stream);
    }

    /// Returns a guard that [closes](Self::close) the stream when it is dropped, unless the stream has ended by then.
    ///
    /// A task that leaves early, by `?`, `break`, a panic or cancellation, so stops the others. See [`CloseOnDrop`].
    ///
    /// # Examples
    ///
    /// ```
    /// use threadsafe_gen::ThreadsafeStream;
    ///
    /// # futures::executor::block_on(async {
    /// let never = ThreadsafeStream::new(futures::stream::pending::<u32>());
    /// let fails = async {
    ///     let _close = never.close_on_drop();
    ///     "x".parse::<u32>()
    /// };
    /// let (item, error) = futures::join!(never.next(), fails);
    /// assert!(item.is_none() && error.is_err());
    /// # });
    /// ```
    pub const fn close_on_drop(&self) -> CloseOnDrop<'_, Self> {
        CloseOnDrop::new(self, |stream| {
            if let Ok(source) = stream.lock.close_if_open() {
                stream.wake_after_close(source);
            }
        })
    }

    /// Wakes the tasks that wait for the turn after the end, and then drops the stream: its destructor may wait for one
    /// of them.
    fn on_end(&self, stream: Option<S>) {
        self.turns.close();
        drop(stream);
    }

    /// Returns the number of items that tasks have taken so far. Never waits. Useful for progress bars.
    ///
    /// # Examples
    ///
    /// ```
    /// use threadsafe_gen::ThreadsafeStream;
    ///
    /// let numbers = ThreadsafeStream::new(futures::stream::iter(0..100));
    /// assert_eq!((numbers.poll_once(), numbers.taken()), (Ok(Some(0)), 1));
    /// ```
    #[must_use]
    pub fn taken(&self) -> usize {
        self.taken.load(Relaxed)
    }

    /// Returns `true` if no items are left: the stream is exhausted or has been closed. Never waits.
    ///
    /// Returns `false` for a stream that has panicked, see [`is_poisoned`](Self::is_poisoned).
    ///
    /// # Examples
    ///
    /// ```
    /// use threadsafe_gen::ThreadsafeStream;
    ///
    /// # futures::executor::block_on(async {
    /// let numbers = ThreadsafeStream::new(futures::stream::iter([1]));
    /// numbers.next().await;
    /// assert!(!numbers.is_finished()); // The end itself has yet to be seen.
    /// numbers.next().await;
    /// assert!(numbers.is_finished());
    /// # });
    /// ```
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.lock.status().is_finished()
    }

    /// Returns `true` if the stream was [closed](Self::close), so that the tasks may not have had all items. Never
    /// waits.
    ///
    /// # Examples
    ///
    /// ```
    /// use threadsafe_gen::ThreadsafeStream;
    ///
    /// let numbers = ThreadsafeStream::new(futures::stream::iter(0..2));
    /// numbers.close();
    /// assert!(numbers.is_finished() && numbers.is_closed());
    /// ```
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.lock.status().is_closed()
    }

    /// Returns `true` if the stream has panicked. Never waits.
    ///
    /// # Examples
    ///
    /// ```
    /// use threadsafe_gen::stream;
    ///
    /// let stream = stream(async |co| {
    ///     co.yield_(1).await;
    ///     panic!("out of memory");
    /// });
    /// let stream = stream.threadsafe();
    /// assert_eq!(stream.poll_once(), Ok(Some(1)));
    /// assert!(std::panic::catch_unwind(|| stream.poll_once()).is_err());
    /// assert!(stream.is_poisoned());
    /// ```
    #[must_use]
    pub fn is_poisoned(&self) -> bool {
        self.lock.status().is_poisoned()
    }

    /// Returns the stream, or `None` if it has ended or been closed, and so been dropped.
    ///
    /// # Panics
    ///
    /// If the stream has panicked.
    ///
    /// # Examples
    ///
    /// ```
    /// use futures::StreamExt;
    /// use threadsafe_gen::ThreadsafeStream;
    ///
    /// # futures::executor::block_on(async {
    /// let numbers = ThreadsafeStream::new(futures::stream::iter(0..3));
    /// numbers.next().await;
    /// let alone = numbers.into_inner().unwrap();
    /// assert_eq!(alone.collect::<Vec<_>>().await, [1, 2]);
    /// # });
    /// ```
    #[track_caller]
    pub fn into_inner(self) -> Option<S> {
        self.lock.into_source()
    }

    /// Returns a reference to the stream, or `None` if it has ended or been closed, and so been dropped.
    ///
    /// Exclusive access needs no lock. Items that are taken from the stream directly are not counted by
    /// [`next_indexed`](Self::next_indexed) and [`taken`](Self::taken).
    ///
    /// # Panics
    ///
    /// If the stream has panicked.
    ///
    /// # Examples
    ///
    /// ```
    /// use futures::StreamExt;
    /// use threadsafe_gen::ThreadsafeStream;
    ///
    /// # futures::executor::block_on(async {
    /// let mut numbers = ThreadsafeStream::new(futures::stream::iter(0..3));
    /// let alone = numbers.get_mut().unwrap();
    /// assert_eq!(alone.next().await, Some(0));
    /// assert_eq!(numbers.next().await, Some(1));
    /// # });
    /// ```
    #[track_caller]
    pub fn get_mut(&mut self) -> Option<&mut S> {
        self.lock.source_mut()
    }
}

/// Returns the closure to run under the lock: it polls the stream once, and counts an item. `None` is the end.
fn poll_with<S: Stream + Unpin>(
    cx: &mut Context<'_>,
    taken: &AtomicUsize,
) -> impl FnOnce(&mut S, &mut ()) -> Option<Poll<(usize, S::Item)>> {
    move |stream, ()| match Pin::new(stream).poll_next(cx) {
        Poll::Ready(item) => {
            let item = item?;
            let index = taken.load(Relaxed);
            taken.store(index.wrapping_add(1), Relaxed);
            Some(Poll::Ready((index, item)))
        }
        Poll::Pending => Some(Poll::Pending),
    }
}

/// The turn of one task, up to its item.
struct Turn<'a, S> {
    stream: &'a ThreadsafeStream<S>,
    /// Whether `pending` may have this task's waker.
    registered: bool,
    _permit: SemaphorePermit<'a>,
}

impl<S: Stream + Unpin> Turn<'_, S> {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<(usize, S::Item)>> {
        let ThreadsafeStream { lock, pending, taken, .. } = self.stream;
        match lock.call(poll_with(cx, taken), identity, |stream| self.stream.on_end(stream)) {
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

/// Removes the waker before the permit is released: the next task registers its own.
impl<S> Drop for Turn<'_, S> {
    fn drop(&mut self) {
        if self.registered {
            drop(self.stream.pending.take());
        }
    }
}

/// Polls by exclusive access, without locking.
impl<S: Stream + Unpin> Stream for ThreadsafeStream<S> {
    type Item = S::Item;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<S::Item>> {
        let Self { lock, pending, taken, .. } = self.get_mut();
        let polled = lock.call_mut(poll_with(cx, taken), identity, drop);
        if let Some(Poll::Pending) = polled {
            pending.register(cx.waker());
        } else {
            drop(pending.take());
        }
        polled.map_or(Poll::Ready(None), |polled| polled.map(|(_, item)| Some(item)))
    }
}

impl<S: Stream + Unpin> From<S> for ThreadsafeStream<S> {
    fn from(stream: S) -> Self {
        Self::new(stream)
    }
}

impl<S> fmt::Debug for ThreadsafeStream<S> {
    /// Writes the state without waiting. Writes nothing of the stream, which another task may be polling.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ThreadsafeStream").field("state", &self.lock).finish_non_exhaustive()
    }
}

// A panic of the stream poisons it, so that no caller can see a state that the panic left broken.
impl<S> UnwindSafe for ThreadsafeStream<S> {}
impl<S> RefUnwindSafe for ThreadsafeStream<S> {}
