//! [`ThreadsafeCoroutine`]: the lock of [`ThreadsafeIter`](crate::ThreadsafeIter) around a coroutine.

use std::convert::identity;
use std::fmt;
use std::marker::PhantomData;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::pin::{Pin, pin};
use std::time::Duration;

use genawaiter::{Coroutine, GeneratorState};

use crate::close_on_drop::CloseOnDrop;
use crate::error::TryResumeError;
use crate::generator::{Generator, Reply, Yielder};
use crate::lock::{Lock, LockGuard, drop_swallowing_panic};

/// A coroutine that threads can share: each exchange belongs to one thread.
///
/// An exchange is a call of [`resume_with`](Self::resume_with), which sends an argument, and returns the item that the
/// coroutine yields or the value with which it completes. Threads that call at the same time get the lock one after the
/// other. It is the counterpart of `send` of `threading.serialize_iterator` of `CPython` 3.15.
///
/// A `ThreadsafeCoroutine` is created by `#[threadsafe_generator]` on a function that returns `impl Coroutine<Yield =
/// Y, Resume = R, Return = C>`, by [`coroutine`](fn@crate::coroutine) where there is no function to annotate, and by
/// [`new`](Self::new) from any type that implements [`Coroutine`], the trait of the crate `genawaiter`.
///
/// It is not reference-counted: share it like a `Mutex`, by reference in a [scope](std::thread::scope), in a `static`,
/// or in an `Arc`.
///
/// # The first argument
///
/// A coroutine of this crate receives the first argument before its first yield, as `resumed_with!()` or as the second
/// parameter of its closure, and answers it by its first yield. So the first caller gets an answer like all others. (A
/// Python generator accepts no argument at first, and the coroutines of `genawaiter` drop it: inside a
/// `ThreadsafeCoroutine`, the first caller's argument is lost.)
///
/// # The end
///
/// Exactly one caller receives [`Complete`](GeneratorState::Complete). The coroutine is dropped at once, and every
/// later call returns `None` without acquiring the lock. **A loop `while let Some(Yielded(item)) = ..` silently
/// discards the return value**: `match` all three cases if you need it.
///
/// # Panics
///
/// As for a [`ThreadsafeIter`](crate::ThreadsafeIter#panics): a panic of the coroutine comes out of the call in which
/// it happened, unchanged. Every other call, blocked or later, panics with "the coroutine panicked earlier: " and the
/// message, or returns an error if it can return one. A coroutine that resumes itself panics with "generator already
/// executing".
///
/// # Examples
///
/// ```
/// use std::ops::Range;
/// use std::thread;
/// use threadsafe_gen::{Coroutine, GeneratorState, threadsafe_generator};
///
/// #[threadsafe_generator]
/// fn ids() -> impl Coroutine<Yield = Range<u64>, Resume = u64, Return = ()> {
///     let mut next = 0;
///     let mut count = resumed_with!();
///     loop {
///         let range = next..next + count;
///         next = range.end;
///         count = yield_!(range);
///     }
/// }
///
/// let ids = ids();
/// thread::scope(|s| {
///     for _ in 0..4 {
///         s.spawn(|| match ids.resume_with(10) {
///             Some(GeneratorState::Yielded(range)) => assert_eq!(range.end - range.start, 10),
///             Some(GeneratorState::Complete(())) => println!("complete, and this caller is the one to be told"),
///             None => println!("completed earlier"),
///         });
///     }
/// });
/// assert_eq!(ids.resume_with(1), Some(GeneratorState::Yielded(40..41)));
/// ```
///
/// In a `static`, the coroutine is boxed, so that its type can be written down:
///
/// ```
/// use std::sync::LazyLock;
/// use threadsafe_gen::{BoxCoroutine, Coroutine, GeneratorState::Yielded, ThreadsafeCoroutine, threadsafe_generator};
///
/// #[threadsafe_generator]
/// fn totals() -> Box<dyn Coroutine<Yield = u64, Resume = u64, Return = ()>> {
///     let mut total = resumed_with!();
///     loop {
///         total += yield_!(total);
///     }
/// }
///
/// static TOTALS: LazyLock<ThreadsafeCoroutine<BoxCoroutine<'static, u64, u64, ()>>> = LazyLock::new(totals);
///
/// std::thread::spawn(|| TOTALS.resume_with(2)).join().unwrap();
/// assert_eq!(TOTALS.resume_with(3), Some(Yielded(5)));
/// ```
///
/// Functions that take a `ThreadsafeCoroutine` need `C: Unpin`:
///
/// ```
/// use threadsafe_gen::{Coroutine, GeneratorState, ThreadsafeCoroutine};
///
/// fn ask<C>(names: &ThreadsafeCoroutine<C>) -> Option<String>
/// where
///     C: Coroutine<Yield = String, Resume = u32, Return = ()> + Unpin,
/// {
///     match names.resume_with(1)? {
///         GeneratorState::Yielded(name) => Some(name),
///         GeneratorState::Complete(()) => None,
///     }
/// }
/// ```
#[must_use = "coroutines are lazy and do nothing unless resumed"]
pub struct ThreadsafeCoroutine<C> {
    lock: Lock<C, ()>,
}

impl<C: Coroutine + Unpin> ThreadsafeCoroutine<C> {
    /// Creates a lock around `coroutine`.
    ///
    /// The coroutines of this crate are `Unpin`, and so are those of `genawaiter`: a `sync::Gen` can be shared if its
    /// future is `Send`, an `rc::Gen` stays on one thread. A coroutine that is not `Unpin` goes in by
    /// [`BoxCoroutine::new`](crate::BoxCoroutine::new), if it is `Send`.
    ///
    /// # Examples
    ///
    /// ```
    /// use genawaiter::sync::{Co, Gen};
    /// use threadsafe_gen::GeneratorState::{Complete, Yielded};
    /// use threadsafe_gen::ThreadsafeCoroutine;
    ///
    /// let numbers = ThreadsafeCoroutine::new(Gen::new(async |co: Co<u32>| co.yield_(1).await));
    /// assert_eq!(numbers.resume(), Some(Yielded(1)));
    /// assert_eq!(numbers.resume(), Some(Complete(())));
    /// ```
    pub const fn new(coroutine: C) -> Self {
        Self { lock: Lock::new("coroutine", coroutine, ()) }
    }

    /// Resumes the coroutine with `argument`, and returns the item that it yields or the value with which it completes.
    /// Returns `None` if the coroutine has completed or been [closed](Self::close) before.
    ///
    /// **Blocks the thread** until the lock is acquired, and then for as long as the coroutine itself takes. After the
    /// end `argument` is dropped.
    ///
    /// # Panics
    ///
    /// If the coroutine panics or has panicked, or if the coroutine itself calls: see [the type](Self#panics).
    ///
    /// # Examples
    ///
    /// ```
    /// use threadsafe_gen::GeneratorState::{Complete, Yielded};
    /// use threadsafe_gen::coroutine;
    ///
    /// let echo = coroutine(async |co, first: &str| -> usize {
    ///     let second = co.yield_(first.to_uppercase()).await;
    ///     first.len() + second.len()
    /// });
    /// let echo = echo.threadsafe();
    /// assert_eq!(echo.resume_with("ab"), Some(Yielded("AB".into())));
    /// assert_eq!(echo.resume_with("cde"), Some(Complete(5)));
    /// assert_eq!(echo.resume_with("f"), None);
    /// ```
    #[inline]
    #[track_caller]
    pub fn resume_with(&self, argument: C::Resume) -> Option<GeneratorState<C::Yield, C::Return>> {
        self.lock.status().check_open()?;
        let mut end = None;
        let item = self.lock.call(send(argument, &mut end), identity, drop_swallowing_panic);
        state(item, end)
    }

    /// Attempts to resume the coroutine with `argument` without waiting for another thread.
    ///
    /// Once the lock is acquired, the call takes as long as the coroutine itself.
    ///
    /// # Errors
    ///
    /// Each error gives `argument` back, by [`into_argument`](TryResumeError::into_argument).
    ///
    /// * [`WouldBlock`](TryResumeError::WouldBlock) if another thread executes the coroutine or holds its
    ///   [guard](Self::lock);
    /// * [`Reentrant`](TryResumeError::Reentrant) if this thread does;
    /// * [`Poisoned`](TryResumeError::Poisoned) if the coroutine has panicked.
    ///
    /// # Panics
    ///
    /// If the coroutine panics in this call.
    ///
    /// # Examples
    ///
    /// ```
    /// use threadsafe_gen::{GeneratorState::Yielded, TryResumeError, coroutine};
    ///
    /// let double = coroutine(async |co, mut n: u32| loop {
    ///     n = co.yield_(2 * n).await;
    /// });
    /// let double = double.threadsafe();
    /// assert_eq!(double.try_resume_with(4), Ok(Some(Yielded(8))));
    ///
    /// let guard = double.lock();
    /// assert_eq!(double.try_resume_with(5), Err(TryResumeError::Reentrant(5)));
    /// ```
    pub fn try_resume_with(&self, argument: C::Resume) -> Resumed<C> {
        self.resume_within(argument, None, TryResumeError::WouldBlock(()))
    }

    /// Resumes the coroutine with `argument`, and waits for the lock for at most `timeout`.
    ///
    /// **`timeout` bounds the wait for the lock, not the coroutine itself.** Once the lock is acquired, the call takes
    /// as long as the coroutine does.
    ///
    /// # Errors
    ///
    /// Each error gives `argument` back, by [`into_argument`](TryResumeError::into_argument).
    ///
    /// * [`TimedOut`](TryResumeError::TimedOut) if another thread still holds the lock when the time is over;
    /// * [`Reentrant`](TryResumeError::Reentrant), at once, if this thread holds the lock;
    /// * [`Poisoned`](TryResumeError::Poisoned) if the coroutine has panicked.
    ///
    /// # Panics
    ///
    /// If the coroutine panics in this call.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use threadsafe_gen::{GeneratorState::Yielded, coroutine};
    ///
    /// let double = coroutine(async |co, mut n: u32| loop {
    ///     n = co.yield_(2 * n).await;
    /// });
    /// let double = double.threadsafe();
    /// assert_eq!(double.resume_with_timeout(4, Duration::from_millis(5)), Ok(Some(Yielded(8))));
    /// ```
    pub fn resume_with_timeout(&self, argument: C::Resume, timeout: Duration) -> Resumed<C> {
        self.resume_within(argument, Some(timeout), TryResumeError::TimedOut(()))
    }

    fn resume_within(
        &self,
        argument: C::Resume,
        timeout: Option<Duration>,
        unavailable: TryResumeError<()>,
    ) -> Resumed<C> {
        match self.lock.try_lock_open(timeout, unavailable) {
            Ok(Some(guard)) => {
                let mut end = None;
                let item = guard.call_and_unlock(send(argument, &mut end), identity, drop_swallowing_panic);
                Ok(state(item, end))
            }
            Ok(None) => Ok(None),
            Err(error) => Err(error.with_argument(argument)),
        }
    }

    /// Acquires the lock for a conversation: several exchanges with no other thread in between.
    ///
    /// Blocks until the lock is acquired. While the guard is alive, calls of other threads block, and a call of this
    /// thread panics with "generator already executing".
    ///
    /// **A conversation that is abandoned, also by a panic of this thread, leaves the coroutine in the middle of it.**
    /// The next caller enters there, and the coroutine is not poisoned. If that must not happen, create a
    /// [`close_on_drop`](Self::close_on_drop) guard after this one, so that it is dropped first, and
    /// [forget](std::mem::forget) it when the conversation is complete.
    ///
    /// The guard holds the lock until it is dropped. If the coroutine completes while the guard is alive, **its
    /// destructor runs under the lock**: one that joins a thread which waits for the lock deadlocks, and one that
    /// resumes this `ThreadsafeCoroutine` panics.
    ///
    /// # Panics
    ///
    /// As [`resume_with`](Self::resume_with).
    ///
    /// # Examples
    ///
    /// ```
    /// use threadsafe_gen::{GeneratorState::Yielded, coroutine};
    ///
    /// let adder = coroutine(async |co, mut a: u32| loop {
    ///     let b = co.yield_(0).await;
    ///     a = co.yield_(a + b).await;
    /// });
    /// let adder = adder.threadsafe();
    /// let mut conversation = adder.lock();
    /// conversation.resume_with(2);
    /// assert_eq!(conversation.resume_with(3), Some(Yielded(5)));
    /// ```
    #[track_caller]
    pub fn lock(&self) -> CoroutineGuard<'_, C> {
        self.lock.status().check_open();
        let guard = self.lock.lock();
        self.lock.status().check_open();
        CoroutineGuard { guard, not_send: PhantomData }
    }

    /// Closes the coroutine: ends it for all threads, without blocking. Python's `close`.
    ///
    /// A call in progress finishes and delivers its answer. **Calls that wait for the lock return `None` when the call
    /// in progress ends, not before.** Every later call returns `None`. The coroutine is dropped here or, if a call is
    /// in progress, by that call's thread. The destructors of its locals run, where Python raises `GeneratorExit` for
    /// its `finally` blocks. Closing a coroutine that has completed or panicked does nothing.
    ///
    /// # Examples
    ///
    /// ```
    /// use threadsafe_gen::coroutine;
    ///
    /// let echo = coroutine(async |co, mut word: &str| loop {
    ///     word = co.yield_(word.len()).await;
    /// });
    /// let echo = echo.threadsafe();
    /// echo.close();
    /// assert_eq!(echo.resume_with("anyone?"), None);
    /// ```
    pub fn close(&self) {
        drop(self.lock.close());
    }

    /// Returns a guard that [closes](Self::close) the coroutine when it is dropped, unless it has completed by then.
    ///
    /// A worker that leaves early, by `?`, `break` or a panic, so stops the others. See [`CloseOnDrop`].
    ///
    /// # Examples
    ///
    /// ```
    /// use threadsafe_gen::coroutine;
    ///
    /// let echo = coroutine(async |co, mut word: &str| loop {
    ///     word = co.yield_(word.len()).await;
    /// });
    /// let echo = echo.threadsafe();
    /// drop(echo.close_on_drop());
    /// assert!(echo.is_finished());
    /// ```
    pub const fn close_on_drop(&self) -> CloseOnDrop<'_, Self> {
        CloseOnDrop::new(self, |coroutine| drop(coroutine.lock.close_if_open()))
    }

    /// Returns `true` if the coroutine has completed or has been closed. Never blocks.
    ///
    /// Returns `false` for a coroutine that has panicked, see [`is_poisoned`](Self::is_poisoned).
    ///
    /// # Examples
    ///
    /// ```
    /// use threadsafe_gen::coroutine;
    ///
    /// let once = coroutine(async |co, question: u32| -> u32 { co.yield_(question + 1).await }).threadsafe();
    /// once.resume_with(1);
    /// assert!(!once.is_finished());
    /// once.resume_with(2);
    /// assert!(once.is_finished());
    /// ```
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.lock.status().is_finished()
    }

    /// Returns `true` if the coroutine was [closed](Self::close). Never blocks.
    ///
    /// # Examples
    ///
    /// ```
    /// use threadsafe_gen::coroutine;
    ///
    /// let echo = coroutine(async |co, mut word: &str| loop {
    ///     word = co.yield_(word.len()).await;
    /// });
    /// let echo = echo.threadsafe();
    /// assert!(!echo.is_closed());
    /// echo.close();
    /// assert!(echo.is_finished() && echo.is_closed());
    /// ```
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.lock.status().is_closed()
    }

    /// Returns `true` if the coroutine has panicked. Never blocks.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::panic::catch_unwind;
    /// use threadsafe_gen::coroutine;
    ///
    /// let divide = coroutine(async |co, mut by: u32| loop {
    ///     by = co.yield_(100 / by).await;
    /// });
    /// let divide = divide.threadsafe();
    /// assert!(catch_unwind(|| divide.resume_with(0)).is_err());
    /// assert!(divide.is_poisoned());
    /// ```
    #[must_use]
    pub fn is_poisoned(&self) -> bool {
        self.lock.status().is_poisoned()
    }

    /// Returns the coroutine, or `None` if it has completed or been closed, and so been dropped.
    ///
    /// # Panics
    ///
    /// If the coroutine has panicked.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::pin::Pin;
    /// use threadsafe_gen::{Coroutine, GeneratorState::Yielded, coroutine};
    ///
    /// let double = coroutine(async |co, mut n: u32| loop {
    ///     n = co.yield_(2 * n).await;
    /// });
    /// let double = double.threadsafe();
    /// double.resume_with(1);
    /// let mut alone = double.into_inner().unwrap();
    /// assert!(matches!(Pin::new(&mut alone).resume_with(2), Yielded(4)));
    /// ```
    #[track_caller]
    pub fn into_inner(self) -> Option<C> {
        self.lock.into_source()
    }

    /// Returns a reference to the coroutine, or `None` if it has completed or been closed, and so been dropped.
    ///
    /// Exclusive access needs no lock. A coroutine that is resumed through this reference and completes must not be
    /// resumed again.
    ///
    /// # Panics
    ///
    /// If the coroutine has panicked.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::pin::Pin;
    /// use threadsafe_gen::{Coroutine, GeneratorState::Yielded, coroutine};
    ///
    /// let double = coroutine(async |co, mut n: u32| loop {
    ///     n = co.yield_(2 * n).await;
    /// });
    /// let mut double = double.threadsafe();
    /// let alone = double.get_mut().unwrap();
    /// assert!(matches!(Pin::new(alone).resume_with(2), Yielded(4)));
    /// assert_eq!(double.resume_with(3), Some(Yielded(6)));
    /// ```
    #[track_caller]
    pub fn get_mut(&mut self) -> Option<&mut C> {
        self.lock.source_mut()
    }
}

/// The return type of the calls that do not block without limit.
type Resumed<C> = Result<
    Option<GeneratorState<<C as Coroutine>::Yield, <C as Coroutine>::Return>>,
    TryResumeError<<C as Coroutine>::Resume>,
>;

/// Calls without an argument, for coroutines that receive `()`.
impl<C: Coroutine<Resume = ()> + Unpin> ThreadsafeCoroutine<C> {
    /// Calls [`resume_with`](Self::resume_with) with `()`.
    ///
    /// # Panics
    ///
    /// As [`resume_with`](Self::resume_with).
    ///
    /// # Examples
    ///
    /// ```
    /// use threadsafe_gen::{GeneratorState::Yielded, coroutine};
    ///
    /// let ticks = coroutine(async |co, ()| loop {
    ///     co.yield_("tick").await;
    ///     co.yield_("tock").await;
    /// });
    /// let ticks = ticks.threadsafe();
    /// assert_eq!(ticks.resume(), Some(Yielded("tick")));
    /// assert_eq!(ticks.resume(), Some(Yielded("tock")));
    /// ```
    #[inline]
    #[track_caller]
    pub fn resume(&self) -> Option<GeneratorState<C::Yield, C::Return>> {
        self.resume_with(())
    }

    /// Calls [`try_resume_with`](Self::try_resume_with) with `()`.
    ///
    /// # Errors
    ///
    /// As [`try_resume_with`](Self::try_resume_with).
    ///
    /// # Examples
    ///
    /// ```
    /// use threadsafe_gen::{GeneratorState::Yielded, coroutine};
    ///
    /// let ticks = coroutine(async |co, ()| loop {
    ///     co.yield_("tick").await;
    /// });
    /// let ticks = ticks.threadsafe();
    /// assert_eq!(ticks.try_resume(), Ok(Some(Yielded("tick"))));
    /// ```
    pub fn try_resume(&self) -> Resumed<C> {
        self.try_resume_with(())
    }

    /// Calls [`resume_with_timeout`](Self::resume_with_timeout) with `()`.
    ///
    /// # Errors
    ///
    /// As [`resume_with_timeout`](Self::resume_with_timeout).
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use threadsafe_gen::{GeneratorState::Yielded, coroutine};
    ///
    /// let ticks = coroutine(async |co, ()| loop {
    ///     co.yield_("tick").await;
    /// });
    /// let ticks = ticks.threadsafe();
    /// assert_eq!(ticks.resume_timeout(Duration::from_millis(5)), Ok(Some(Yielded("tick"))));
    /// ```
    pub fn resume_timeout(&self, timeout: Duration) -> Resumed<C> {
        self.resume_with_timeout((), timeout)
    }
}

/// Returns the closure to run under the lock. On completion the closure stores the return value in `end` and returns
/// `None`, which ends the coroutine for the lock.
#[inline]
fn send<C: Coroutine + Unpin>(
    argument: C::Resume,
    end: &mut Option<C::Return>,
) -> impl FnOnce(&mut C, &mut ()) -> Option<C::Yield> {
    move |coroutine, ()| match Pin::new(coroutine).resume_with(argument) {
        GeneratorState::Yielded(item) => Some(item),
        GeneratorState::Complete(value) => {
            *end = Some(value);
            None
        }
    }
}

#[inline]
fn state<Y, C>(item: Option<Y>, end: Option<C>) -> Option<GeneratorState<Y, C>> {
    item.map(GeneratorState::Yielded).or(end.map(GeneratorState::Complete))
}

/// Resumes by exclusive access, without locking.
///
/// # Panics
///
/// `resume_with` panics after the end, because it has nothing to return then.
impl<C: Coroutine + Unpin> Coroutine for ThreadsafeCoroutine<C> {
    type Yield = C::Yield;
    type Resume = C::Resume;
    type Return = C::Return;

    #[track_caller]
    fn resume_with(self: Pin<&mut Self>, argument: C::Resume) -> GeneratorState<C::Yield, C::Return> {
        let mut end = None;
        let item = self.get_mut().lock.call_mut(send(argument, &mut end), identity, drop_swallowing_panic);
        state(item, end).expect("coroutine resumed after completion")
    }
}

impl<C: Coroutine + Unpin> From<C> for ThreadsafeCoroutine<C> {
    fn from(coroutine: C) -> Self {
        Self::new(coroutine)
    }
}

impl<C> fmt::Debug for ThreadsafeCoroutine<C> {
    /// Writes the state without blocking. Writes nothing of the coroutine, which another thread may execute.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ThreadsafeCoroutine").field("state", &self.lock).finish_non_exhaustive()
    }
}

// A panic of the coroutine poisons it, so that no caller can see a state that the panic left broken.
impl<C> UnwindSafe for ThreadsafeCoroutine<C> {}
impl<C> RefUnwindSafe for ThreadsafeCoroutine<C> {}

/// RAII guard that holds the lock of a [`ThreadsafeCoroutine`]. Returned by [`ThreadsafeCoroutine::lock`].
///
/// It releases the lock when it is dropped, on the thread that acquired it: it is not `Send`.
#[must_use = "the lock is released as soon as the guard is dropped"]
pub struct CoroutineGuard<'a, C> {
    guard: LockGuard<'a, C, ()>,
    // Never `Send`: `owner` records the acquiring thread, also if a feature of parking_lot makes its guards `Send`.
    not_send: PhantomData<*mut ()>,
}

impl<C: Coroutine + Unpin> CoroutineGuard<'_, C> {
    /// Resumes the coroutine with `argument`: see [`ThreadsafeCoroutine::resume_with`].
    ///
    /// # Panics
    ///
    /// If the coroutine panics, now or in an earlier call.
    ///
    /// # Examples
    ///
    /// ```
    /// use threadsafe_gen::{GeneratorState::Yielded, coroutine};
    ///
    /// let stack = coroutine(async |co, mut item: Option<u32>| {
    ///     let mut items = Vec::new();
    ///     loop {
    ///         let answer = if item.is_some() { None } else { items.pop() };
    ///         items.extend(item);
    ///         item = co.yield_(answer).await;
    ///     }
    /// });
    /// let stack = stack.threadsafe();
    /// let mut guard = stack.lock();
    /// guard.resume_with(Some(7));
    /// // No other thread can take the 7.
    /// assert_eq!(guard.resume_with(None), Some(Yielded(Some(7))));
    /// ```
    #[inline]
    #[track_caller]
    pub fn resume_with(&mut self, argument: C::Resume) -> Option<GeneratorState<C::Yield, C::Return>> {
        let mut end = None;
        let item = self.guard.call(send(argument, &mut end), identity, drop_swallowing_panic);
        state(item, end)
    }
}

impl<C: Coroutine<Resume = ()> + Unpin> CoroutineGuard<'_, C> {
    /// Calls [`resume_with`](Self::resume_with) with `()`.
    ///
    /// # Panics
    ///
    /// As [`resume_with`](Self::resume_with).
    ///
    /// # Examples
    ///
    /// ```
    /// use threadsafe_gen::{GeneratorState::Yielded, coroutine};
    ///
    /// let words = coroutine(async |co, ()| co.yield_from("so it goes".split(' ')).await).threadsafe();
    /// let mut guard = words.lock();
    /// assert_eq!((guard.resume(), guard.resume()), (Some(Yielded("so")), Some(Yielded("it"))));
    /// ```
    #[inline]
    #[track_caller]
    pub fn resume(&mut self) -> Option<GeneratorState<C::Yield, C::Return>> {
        self.resume_with(())
    }
}

impl<C> fmt::Debug for CoroutineGuard<'_, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CoroutineGuard").finish_non_exhaustive()
    }
}

impl<Y, F: Future, R> Generator<Y, F, Reply<R>> {
    /// Puts a lock around the coroutine, so that threads can share it.
    ///
    /// # Examples
    ///
    /// ```
    /// use threadsafe_gen::{GeneratorState::Yielded, coroutine};
    ///
    /// let count = coroutine(async |co, mut by: u32| {
    ///     let mut sum = 0;
    ///     loop {
    ///         sum += by;
    ///         by = co.yield_(sum).await;
    ///     }
    /// });
    /// let count = count.threadsafe();
    /// std::thread::scope(|scope| {
    ///     for _ in 0..4 {
    ///         scope.spawn(|| count.resume_with(10));
    ///     }
    /// });
    /// assert_eq!(count.resume_with(2), Some(Yielded(42)));
    /// ```
    pub fn threadsafe(self) -> ThreadsafeCoroutine<Self> {
        ThreadsafeCoroutine::new(self)
    }
}

/// The first argument of a coroutine, for the attribute: it can be taken only once, also if its type is `Copy`.
#[derive(Debug)]
pub struct FirstArgument<R>(pub R);

impl<R> FirstArgument<R> {
    /// Returns the argument.
    pub fn take(self) -> R {
        self.0
    }
}

impl<Y, R> Yielder<'_, Y, Reply<R>> {
    /// Delegates to another coroutine, as Python's `yield from` does: yields every item of `inner`, passes each reply
    /// on to it, and returns the value with which it completes.
    ///
    /// `inner` is resumed with `first` first. The last argument goes to `inner`, which then completes.
    ///
    /// # Examples
    ///
    /// ```
    /// use threadsafe_gen::GeneratorState::{Complete, Yielded};
    /// use threadsafe_gen::coroutine;
    ///
    /// // Asks for numbers until it receives zero, and returns their sum.
    /// let sum = || coroutine(async |co, first: u32| -> u32 {
    ///     let (mut number, mut sum) = (first, 0);
    ///     while number != 0 {
    ///         sum += number;
    ///         number = co.yield_("next?").await;
    ///     }
    ///     sum
    /// });
    /// let two_sums = coroutine(async |co, first: u32| -> (u32, u32) {
    ///     let one = co.delegate(sum(), first).await;
    ///     let first = co.yield_("and the other?").await;
    ///     (one, co.delegate(sum(), first).await)
    /// });
    /// let two_sums = two_sums.threadsafe();
    /// assert_eq!(two_sums.resume_with(1), Some(Yielded("next?")));
    /// assert_eq!(two_sums.resume_with(2), Some(Yielded("next?")));
    /// assert_eq!(two_sums.resume_with(0), Some(Yielded("and the other?")));
    /// assert_eq!(two_sums.resume_with(4), Some(Yielded("next?")));
    /// assert_eq!(two_sums.resume_with(0), Some(Complete((3, 4))));
    /// ```
    pub async fn delegate<C>(&mut self, inner: C, first: R) -> C::Return
    where
        C: Coroutine<Yield = Y, Resume = R>,
    {
        let mut inner = pin!(inner);
        let mut reply = first;
        loop {
            match inner.as_mut().resume_with(reply) {
                GeneratorState::Yielded(item) => reply = self.yield_(item).await,
                GeneratorState::Complete(end) => return end,
            }
        }
    }
}

impl<Y> Yielder<'_, Y, Reply<()>> {
    /// Yields every item of `items`, as Python's `yield from` does.
    ///
    /// # Examples
    ///
    /// ```
    /// use threadsafe_gen::{GeneratorState::Yielded, coroutine};
    ///
    /// let words = coroutine(async |co, ()| co.yield_from("so it goes".split(' ')).await).threadsafe();
    /// words.resume();
    /// assert_eq!(words.resume(), Some(Yielded("it")));
    /// ```
    pub async fn yield_from(&mut self, items: impl IntoIterator<Item = Y>) {
        for item in items {
            self.yield_(item).await;
        }
    }
}
