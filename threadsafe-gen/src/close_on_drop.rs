//! [`CloseOnDrop`]: a consumer that leaves early stops the others.

use std::fmt;

/// A guard that closes its source when it is dropped, unless the source has ended by then. Returned by `close_on_drop`.
///
/// A worker that returns early, by `?`, `break` or a panic, so stops the other workers of the same source. A worker
/// that has seen the end of the source closes nothing. Without a guard, a panic in one scoped thread over an endless
/// source never comes out of the scope, since the other threads never end.
///
/// **Keep the guard in a variable with a name**, such as `_close`. `let _ = source.close_on_drop();` drops it, and
/// closes the source, at once. To keep the source open after all, pass the guard to [`mem::forget`](std::mem::forget).
///
/// # Examples
///
/// ```
/// use std::thread;
/// use threadsafe_gen::ThreadsafeIter;
///
/// fn worker(numbers: &ThreadsafeIter<std::ops::RangeFrom<u32>>) -> Result<(), String> {
///     let _close = numbers.close_on_drop();
///     for n in numbers {
///         if n == 1000 {
///             return Err(format!("cannot process {n}"));
///         }
///     }
///     Ok(())
/// }
///
/// let numbers = ThreadsafeIter::new(0..);
/// let results: Vec<_> = thread::scope(|s| {
///     let workers: Vec<_> = (0..4).map(|_| s.spawn(|| worker(&numbers))).collect();
///     workers.into_iter().map(|worker| worker.join().unwrap()).collect()
/// });
/// assert_eq!(results.iter().filter(|result| result.is_err()).count(), 1);
/// ```
#[must_use = "a guard that is not kept closes the source at once: write `let _close = ..`, not `let _ = ..`"]
pub struct CloseOnDrop<'a, T> {
    target: &'a T,
    close_if_open: fn(&T),
}

impl<'a, T> CloseOnDrop<'a, T> {
    pub(crate) const fn new(target: &'a T, close_if_open: fn(&T)) -> Self {
        Self { target, close_if_open }
    }
}

impl<T> Drop for CloseOnDrop<'_, T> {
    fn drop(&mut self) {
        (self.close_if_open)(self.target);
    }
}

impl<T> fmt::Debug for CloseOnDrop<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CloseOnDrop").finish_non_exhaustive()
    }
}
