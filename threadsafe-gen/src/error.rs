//! The errors of the calls that do not block without limit.
//!
//! The lock returns them itself, by way of [`LockError`], so that re-entry, contention and a time limit stay apart.

use std::error::Error;
use std::fmt;

/// The errors that every lock has to report.
pub(crate) trait LockError {
    /// This thread holds the lock.
    const REENTRANT: Self;
    /// The source has panicked.
    const POISONED: Self;
}

/// The reason why [`try_next`](crate::ThreadsafeIter::try_next) or
/// [`next_timeout`](crate::ThreadsafeIter::next_timeout) took no item.
///
/// # Examples
///
/// A loop that tries again must not do so for every error: re-entry never ends by waiting.
///
/// ```
/// use threadsafe_gen::{ThreadsafeIter, TryNextError};
///
/// fn next_or_yield(numbers: &ThreadsafeIter<std::ops::Range<u32>>) -> Result<Option<u32>, TryNextError> {
///     loop {
///         match numbers.try_next() {
///             Err(TryNextError::WouldBlock) => std::thread::yield_now(),
///             result => return result,
///         }
///     }
/// }
///
/// assert_eq!(next_or_yield(&ThreadsafeIter::new(1..3)), Ok(Some(1)));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TryNextError {
    /// Another thread executes the iterator or holds its [guard](crate::ThreadsafeIter::lock), or an iterator that runs
    /// [ahead](crate::ThreadsafeExt::prefetch) has no item ready. Returned by `try_next`.
    WouldBlock,
    /// The time is over, and another thread still executes the iterator, or an iterator that runs ahead has no item
    /// ready. Returned by `next_timeout`.
    TimedOut,
    /// This thread executes the iterator, or holds its guard: waiting would never end.
    Reentrant,
    /// The iterator has panicked.
    Poisoned,
}

impl LockError for TryNextError {
    const REENTRANT: Self = Self::Reentrant;
    const POISONED: Self = Self::Poisoned;
}

impl fmt::Display for TryNextError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::WouldBlock => "generator already executing",
            Self::TimedOut => "generator still executing at the end of the time limit",
            Self::Reentrant => "generator already executing on this thread",
            Self::Poisoned => "the iterator panicked earlier",
        })
    }
}

impl Error for TryNextError {}

/// The reason why [`try_resume_with`](crate::ThreadsafeCoroutine::try_resume_with) or
/// [`resume_with_timeout`](crate::ThreadsafeCoroutine::resume_with_timeout) did not resume the coroutine, with the
/// argument that was not sent.
///
/// # Examples
///
/// ```
/// use threadsafe_gen::{TryResumeError, coroutine};
///
/// let lines = coroutine(async |co, mut line: String| loop {
///     line = co.yield_(line.len()).await;
/// });
/// let lines = lines.threadsafe();
/// let _guard = lines.lock();
/// std::thread::scope(|scope| {
///     scope.spawn(|| match lines.try_resume_with("later".to_owned()) {
///         Err(TryResumeError::WouldBlock(line)) => assert_eq!(line, "later"),
///         other => panic!("another thread has the guard: {other:?}"),
///     });
/// });
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TryResumeError<R> {
    /// Another thread executes the coroutine or holds its [guard](crate::ThreadsafeCoroutine::lock). Returned by
    /// `try_resume_with`.
    WouldBlock(R),
    /// The time is over, and another thread still executes the coroutine. Returned by `resume_with_timeout`.
    TimedOut(R),
    /// This thread executes the coroutine, or holds its guard: waiting would never end.
    Reentrant(R),
    /// The coroutine has panicked.
    Poisoned(R),
}

impl<R> TryResumeError<R> {
    /// Returns the argument that was not sent.
    ///
    /// # Examples
    ///
    /// ```
    /// use threadsafe_gen::coroutine;
    ///
    /// let lines = coroutine(async |co, mut line: String| loop {
    ///     line = co.yield_(line.len()).await;
    /// });
    /// let lines = lines.threadsafe();
    /// let guard = lines.lock();
    /// let error = lines.try_resume_with("kept".to_owned()).unwrap_err();
    /// assert_eq!(error.to_string(), "generator already executing on this thread");
    /// assert_eq!(error.into_argument(), "kept");
    /// ```
    pub fn into_argument(self) -> R {
        match self {
            Self::WouldBlock(argument)
            | Self::TimedOut(argument)
            | Self::Reentrant(argument)
            | Self::Poisoned(argument) => argument,
        }
    }
}

impl TryResumeError<()> {
    /// Returns the same error for a call with `argument`.
    pub(crate) fn with_argument<R>(self, argument: R) -> TryResumeError<R> {
        match self {
            Self::WouldBlock(()) => TryResumeError::WouldBlock(argument),
            Self::TimedOut(()) => TryResumeError::TimedOut(argument),
            Self::Reentrant(()) => TryResumeError::Reentrant(argument),
            Self::Poisoned(()) => TryResumeError::Poisoned(argument),
        }
    }
}

impl LockError for TryResumeError<()> {
    const REENTRANT: Self = Self::Reentrant(());
    const POISONED: Self = Self::Poisoned(());
}

/// Writes the variant. The argument need not implement `Debug`.
impl<R> fmt::Debug for TryResumeError<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::WouldBlock(_) => "WouldBlock(..)",
            Self::TimedOut(_) => "TimedOut(..)",
            Self::Reentrant(_) => "Reentrant(..)",
            Self::Poisoned(_) => "Poisoned(..)",
        })
    }
}

impl<R> fmt::Display for TryResumeError<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::WouldBlock(_) => "generator already executing",
            Self::TimedOut(_) => "generator still executing at the end of the time limit",
            Self::Reentrant(_) => "generator already executing on this thread",
            Self::Poisoned(_) => "the coroutine panicked earlier",
        })
    }
}

impl<R> Error for TryResumeError<R> {}

/// The reason why [`poll_once`](crate::ThreadsafeStream::poll_once) took no item.
///
/// # Examples
///
/// ```
/// use threadsafe_gen::{ThreadsafeStream, TryPollError};
///
/// let never = ThreadsafeStream::new(futures::stream::pending::<u32>());
/// assert_eq!(never.poll_once(), Err(TryPollError::Pending));
/// ```
#[cfg(feature = "stream")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TryPollError {
    /// Another task waits for the stream.
    WouldBlock,
    /// The stream has no item ready.
    Pending,
    /// The stream itself called.
    Reentrant,
    /// The stream has panicked.
    Poisoned,
}

#[cfg(feature = "stream")]
impl LockError for TryPollError {
    const REENTRANT: Self = Self::Reentrant;
    const POISONED: Self = Self::Poisoned;
}

#[cfg(feature = "stream")]
impl fmt::Display for TryPollError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::WouldBlock => "generator already executing",
            Self::Pending => "the stream has no item ready",
            Self::Reentrant => "generator already executing on this thread",
            Self::Poisoned => "the stream panicked earlier",
        })
    }
}

#[cfg(feature = "stream")]
impl Error for TryPollError {}
