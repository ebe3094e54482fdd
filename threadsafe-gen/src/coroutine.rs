//! [`ThreadsafeCoroutine`]: the lock of [`ThreadsafeIter`](crate::ThreadsafeIter) around a coroutine.

use std::error::Error;
use std::fmt;
use std::marker::PhantomData;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::pin::{Pin, pin};
use std::time::Duration;

use genawaiter::{Coroutine, GeneratorState};

use crate::generator::{Reply, Yielder};
use crate::lock::{Lock, LockGuard, Refusal, drop_swallowing_panic};

/// A coroutine that threads can share: each exchange is one thread's alone.
///
/// An exchange is a call of [`resume_with`](Self::resume_with), which sends a value and returns what the coroutine
/// yields in answer, or what it is complete with. Where several threads call at a time, they take turns. It is the
/// `send` of `threading.serialize_iterator` of `CPython` 3.15.
///
/// One is made by `#[threadsafe_generator]` on a function that returns `impl Coroutine<Yield = Y, Resume = R, Return =
/// C>`, by
/// [`coroutine`](crate::coroutine) where there is no function to annotate, and by [`new`](Self::new) from whatever implements
/// [`Coroutine`], the trait of the crate `genawaiter`.
///
/// There is no `Arc` in it, as there is none in a `Mutex`: share it by reference in a [scope](std::thread::scope), in a
/// `static`, or in an `Arc`.
///
/// # What it is resumed with first
///
/// A coroutine of this crate gets what it is first resumed with before its first yield, as `resumed_with!()` or as the
/// second argument of its closure, and answers it by its first yield. So whichever thread comes first gets an answer
/// like all others. (A Python generator refuses to be sent anything first, and the coroutines of `genawaiter` itself
/// drop the first argument unseen: put one of these in here, and the first caller's argument is lost.)
///
/// # The end
///
/// It is complete once, to one caller, who gets [`Complete`](GeneratorState::Complete). The coroutine is dropped there
/// and then, and every later call returns `None` without taking the lock.
///
/// # Panics
///
/// As for a [`ThreadsafeIter`](crate::ThreadsafeIter#panics): a panic of the coroutine comes out of the call in which
/// it happened, unchanged, and every other call, waiting or later, panics with "the coroutine panicked earlier: " and
/// the message, or returns an error if it can return one. A coroutine that resumes itself panics with "generator
/// already executing".
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
///     let mut how_many = resumed_with!();
///     loop {
///         let range = next..next + how_many;
///         next = range.end;
///         how_many = yield_!(range);
///     }
/// }
///
/// let ids = ids();
/// thread::scope(|s| {
///     for _ in 0..4 {
///         s.spawn(|| match ids.resume_with(10) {
///             Some(GeneratorState::Yielded(range)) => assert_eq!(range.end - range.start, 10),
///             Some(GeneratorState::Complete(())) => println!("no more, and this caller is the first to know"),
///             None => println!("no more"),
///         });
///     }
/// });
/// assert_eq!(ids.resume_with(1), Some(GeneratorState::Yielded(40..41)));
/// ```
///
/// A function that is given one says that it is `Unpin`:
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
    /// Puts a lock around `coroutine`.
    ///
    /// It must be `Unpin`, as those of this crate are. `genawaiter` implements its trait for no box: put one of its own
    /// that is not in a type of yours that holds it by `Pin<Box<_>>`.
    pub const fn new(coroutine: C) -> Self {
        Self { lock: Lock::new("coroutine", coroutine, ()) }
    }

    /// Sends `argument`, and returns what the coroutine yields in answer or is complete with; `None` if it has been
    /// complete or [closed](Self::close) before.
    ///
    /// A `while let Some(Yielded(..))` passes over what it is complete with: `match` all three, where that counts.
    ///
    /// Waits for its turn, and for the coroutine. After the end `argument` is dropped.
    ///
    /// # Panics
    ///
    /// If the coroutine panics, now or earlier, or if it is itself that calls: see [the type](Self#panics).
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
        let item = self.lock.call(send(argument, &mut end), drop_swallowing_panic);
        state(item, end)
    }

    /// Sends `argument` if that is possible without waiting for another thread.
    ///
    /// Once it has its turn it does wait for the coroutine itself.
    ///
    /// # Errors
    ///
    /// [`AlreadyExecuting`](TryResumeError::AlreadyExecuting) if a call is in progress, on another thread or on this
    /// one, or somebody holds a [guard](Self::lock); [`Poisoned`](TryResumeError::Poisoned) if the coroutine has
    /// panicked. Both give `argument` back.
    ///
    /// # Panics
    ///
    /// If the coroutine panics in this very call.
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
    /// assert_eq!(double.try_resume_with(5), Err(TryResumeError::AlreadyExecuting(5)));
    /// ```
    pub fn try_resume_with(&self, argument: C::Resume) -> Resumed<C> {
        self.resume_within(argument, None)
    }

    /// Sends `argument`, waiting at most `timeout` for its turn.
    ///
    /// The limit is for the turn. Once it has it, the call waits for the coroutine itself, however long that takes.
    ///
    /// # Errors
    ///
    /// [`AlreadyExecuting`](TryResumeError::AlreadyExecuting) if another call is still in progress when the time is
    /// over, or, at once, if it is this thread's own, which no waiting would end;
    /// [`Poisoned`](TryResumeError::Poisoned) if the coroutine has panicked. Both give `argument` back.
    ///
    /// # Panics
    ///
    /// If the coroutine panics in this very call.
    pub fn resume_with_timeout(&self, argument: C::Resume, timeout: Duration) -> Resumed<C> {
        self.resume_within(argument, Some(timeout))
    }

    fn resume_within(&self, argument: C::Resume, timeout: Option<Duration>) -> Resumed<C> {
        match self.lock.try_lock_open(timeout) {
            Ok(Some(turn)) => {
                let mut end = None;
                let item = turn.call_and_unlock(send(argument, &mut end), drop_swallowing_panic);
                Ok(state(item, end))
            }
            Ok(None) => Ok(None),
            Err(Refusal::AlreadyExecuting) => Err(TryResumeError::AlreadyExecuting(argument)),
            Err(Refusal::Poisoned) => Err(TryResumeError::Poisoned(argument)),
        }
    }

    /// Takes the lock, for a conversation: several exchanges with nobody in between.
    ///
    /// Waits for its turn. While the guard lives every other call waits, and a call of this same thread is re-entry,
    /// which panics. A panic of the thread that holds the guard spoils nothing, unless it is the coroutine's own.
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
        let held = self.lock.lock();
        self.lock.status().check_open();
        CoroutineGuard { held, not_send: PhantomData }
    }

    /// Ends it for everybody, from any thread, without waiting: Python's `close`.
    ///
    /// A call in progress finishes and delivers its answer. Every call that waits and every later one returns `None`.
    /// The coroutine is dropped here or, if a call is in progress, when that call is over; its locals' destructors run,
    /// where Python raises `GeneratorExit` for its `finally` to run. Closing what has ended does nothing.
    pub fn close(&self) {
        drop(self.lock.close());
    }

    /// Whether the coroutine is complete or has been closed. Never waits.
    ///
    /// One that has panicked has not finished, see [`is_poisoned`](Self::is_poisoned).
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.lock.status().is_finished()
    }

    /// Whether the coroutine has panicked. Never waits.
    #[must_use]
    pub fn is_poisoned(&self) -> bool {
        self.lock.status().is_poisoned()
    }

    /// Gives the coroutine back, or `None` if it is complete or has been closed, and so been dropped.
    ///
    /// # Panics
    ///
    /// If the coroutine has panicked.
    #[track_caller]
    pub fn into_inner(self) -> Option<C> {
        self.lock.into_source()
    }

    /// The coroutine itself, or `None` if it is complete or has been closed, and so been dropped. Takes no lock.
    ///
    /// Whoever resumes it by this must not do so again once it is complete.
    ///
    /// # Panics
    ///
    /// If the coroutine has panicked.
    #[track_caller]
    pub fn get_mut(&mut self) -> Option<&mut C> {
        self.lock.source_mut()
    }
}

/// What the forms of `resume_with` return that do not wait.
type Resumed<C> = Result<
    Option<GeneratorState<<C as Coroutine>::Yield, <C as Coroutine>::Return>>,
    TryResumeError<<C as Coroutine>::Resume>,
>;

/// For coroutines that are sent nothing.
impl<C: Coroutine<Resume = ()> + Unpin> ThreadsafeCoroutine<C> {
    /// [`resume_with`](Self::resume_with) `()`.
    ///
    /// # Panics
    ///
    /// As [`resume_with`](Self::resume_with).
    #[inline]
    #[track_caller]
    pub fn resume(&self) -> Option<GeneratorState<C::Yield, C::Return>> {
        self.resume_with(())
    }

    /// [`try_resume_with`](Self::try_resume_with) `()`.
    ///
    /// # Errors
    ///
    /// As [`try_resume_with`](Self::try_resume_with).
    pub fn try_resume(&self) -> Resumed<C> {
        self.try_resume_with(())
    }

    /// [`resume_with_timeout`](Self::resume_with_timeout) of `()`.
    ///
    /// # Errors
    ///
    /// As [`resume_with_timeout`](Self::resume_with_timeout).
    pub fn resume_timeout(&self, timeout: Duration) -> Resumed<C> {
        self.resume_with_timeout((), timeout)
    }
}

/// What to do in a turn: send `argument`. That the coroutine is complete is `None`, which ends it for the lock, and
/// what it is complete with goes to `end`.
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

/// By `&mut self` nobody else can be inside, and no lock is taken.
///
/// # Panics
///
/// `resume_with` panics after the end, since it has nothing to return then.
impl<C: Coroutine + Unpin> Coroutine for ThreadsafeCoroutine<C> {
    type Yield = C::Yield;
    type Resume = C::Resume;
    type Return = C::Return;

    #[track_caller]
    fn resume_with(self: Pin<&mut Self>, argument: C::Resume) -> GeneratorState<C::Yield, C::Return> {
        let mut end = None;
        let item = self.get_mut().lock.call_mut(send(argument, &mut end), drop_swallowing_panic);
        state(item, end).expect("coroutine resumed after completion")
    }
}

impl<C: Coroutine + Unpin> From<C> for ThreadsafeCoroutine<C> {
    fn from(coroutine: C) -> Self {
        Self::new(coroutine)
    }
}

impl<C> fmt::Debug for ThreadsafeCoroutine<C> {
    /// Never waits, and says nothing of the coroutine, which may be in use.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ThreadsafeCoroutine").field("state", &self.lock).finish_non_exhaustive()
    }
}

// A panic of the coroutine poisons it, so that no caller can come upon what the panic left half-done.
impl<C> UnwindSafe for ThreadsafeCoroutine<C> {}
impl<C> RefUnwindSafe for ThreadsafeCoroutine<C> {}

/// Several exchanges with nobody in between: the lock of a [`ThreadsafeCoroutine`], held. Made by
/// [`ThreadsafeCoroutine::lock`].
///
/// It lets the lock go when it is dropped, on the thread that took it: it is not `Send`.
#[must_use = "the lock is let go as soon as the guard is dropped"]
pub struct CoroutineGuard<'a, C> {
    held: LockGuard<'a, C, ()>,
    // A thread is told from another by who took the lock, whatever a feature of parking_lot says about its guards.
    not_send: PhantomData<*mut ()>,
}

impl<C: Coroutine + Unpin> CoroutineGuard<'_, C> {
    /// Sends `argument`: see [`ThreadsafeCoroutine::resume_with`].
    ///
    /// # Panics
    ///
    /// If the coroutine panics, now or in an earlier call.
    #[inline]
    #[track_caller]
    pub fn resume_with(&mut self, argument: C::Resume) -> Option<GeneratorState<C::Yield, C::Return>> {
        let mut end = None;
        let item = self.held.call(send(argument, &mut end), drop_swallowing_panic);
        state(item, end)
    }
}

impl<C> fmt::Debug for CoroutineGuard<'_, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CoroutineGuard").finish_non_exhaustive()
    }
}

/// Why [`try_resume_with`](ThreadsafeCoroutine::try_resume_with) or
/// [`resume_with_timeout`](ThreadsafeCoroutine::resume_with_timeout) sent nothing. The argument is in it.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub enum TryResumeError<R> {
    /// A call is in progress, on another thread or on this one.
    AlreadyExecuting(R),
    /// The coroutine has panicked.
    Poisoned(R),
}

impl<R> TryResumeError<R> {
    /// What was to be sent.
    pub fn into_inner(self) -> R {
        match self {
            Self::AlreadyExecuting(argument) | Self::Poisoned(argument) => argument,
        }
    }
}

/// Whatever the argument is.
impl<R> fmt::Debug for TryResumeError<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::AlreadyExecuting(_) => "AlreadyExecuting(..)",
            Self::Poisoned(_) => "Poisoned(..)",
        })
    }
}

impl<R> fmt::Display for TryResumeError<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::AlreadyExecuting(_) => "generator already executing",
            Self::Poisoned(_) => "the coroutine panicked earlier",
        })
    }
}

impl<R> Error for TryResumeError<R> {}

/// What a coroutine is resumed with first, for the attribute: it can be taken once, also where it is `Copy`.
#[derive(Debug)]
pub struct FirstArgument<R>(pub R);

impl<R> FirstArgument<R> {
    /// The value.
    pub fn take(self) -> R {
        self.0
    }
}

impl<Y, R> Yielder<'_, Y, Reply<R>> {
    /// Yields all that `inner` yields, passes on to it what comes back, and returns what it is complete with: Python's
    /// `yield from` of another generator.
    ///
    /// `first` is what `inner` is resumed with first. The last that came back went to `inner`, which answers it by
    /// being complete.
    ///
    /// # Examples
    ///
    /// ```
    /// use threadsafe_gen::GeneratorState::{Complete, Yielded};
    /// use threadsafe_gen::coroutine;
    ///
    /// // Asks for numbers until it is told zero, and is complete with their sum.
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
    /// Yields every item of `items`, as Python's `yield from`.
    pub async fn yield_from(&mut self, items: impl IntoIterator<Item = Y>) {
        for item in items {
            self.yield_(item).await;
        }
    }
}
