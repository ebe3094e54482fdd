//! [`Lock`]: the lock around a source, with re-entry, the end, `close` and poison.
//!
//! The *source* is the value behind the lock: an iterator, a coroutine or a stream. Beside the mutex there are two
//! atomics.
//!
//! * `owner` identifies the thread that holds the mutex. Only that thread ever stores its own id there, so a thread
//!   that loads its own id holds the mutex. A second acquisition is then re-entry, and an error, where a mutex alone
//!   would deadlock.
//! * `state` is the lifecycle of the source. It is loaded before the mutex is locked, so that calls after the end cost
//!   no lock; after it is locked, because the source may have ended while the call was blocked; and once more after it
//!   is unlocked, for `close`.
//!
//! # How `close` drops the source without blocking
//!
//! [`Lock::close`] stores `CLOSED` and tries the mutex. If the try succeeds, no call is in progress, and the closer
//! takes the source out. If the try fails, the holder of the mutex has to: every holder loads `state` again *after* it
//! has unlocked, and takes the source out if the state is `CLOSED` ([`Lock::take_if_unlocked`]).
//!
//! "Store one word, then load another" on both sides can miss each other. It cannot here, because of three steps of
//! `parking_lot`'s mutex in version 0.12.5 (`raw_mutex.rs`). `tests/pinned.rs` fails if another version is locked;
//! these steps are then to be checked again. Its word has a locked bit and a parked bit, and its queue of threads
//! stands under a lock of its own, the lock of the bucket.
//!
//! 1. `try_lock_for(0)` is not a pure load. It fails only after the closer has queued, with both bits set, and has left
//!    the queue again at its timeout. The closer does both under the bucket's lock, after the store of `CLOSED`.
//! 2. If an unlock finds the parked bit set, its exchange fails, and it stores to the word under the bucket's lock.
//!    That is a plain store, but the bucket's lock orders it. If it comes after the closer has queued, the holder's
//!    load of `state` sees `CLOSED`. If it comes before, the closer queued behind a later holder, for which this
//!    argument is made anew, or did not queue and tried again. It does not matter whether the threads that were already
//!    in the queue have a time limit.
//! 3. If an unlock finds the parked bit clear, it is a read-modify-write of the word. The closer saw the bit set, so a
//!    thread that left the queue at its timeout as the last one has cleared it since, by a read-modify-write too. If
//!    that thread is the closer, its fence (`SeqCst`) comes before its write, the unlock reads that write or a later
//!    one, and the holder's fence (`Acquire`) makes it see `CLOSED`. If it is another thread, it left the queue after
//!    the closer, under the bucket's lock, and so sees `CLOSED` itself. Every thread whose time limit passes therefore
//!    checks for `CLOSED` and does what the closer does ([`Lock::try_lock`]).

use std::any::Any;
use std::fmt;
use std::mem;
use std::ops::{Deref, DerefMut};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::Ordering::{Acquire, Relaxed, SeqCst};
use std::time::Duration;

use crate::attempt::{Attempt, Attempts};
use crate::error::LockError;
use crate::sync::{Arc, AtomicU8, AtomicUsize, Mutex, MutexGuard, OnceLock, fence, thread_id};

/// The source may have more items.
const OPEN: u8 = 0;
/// The source has ended.
const FINISHED: u8 = 1;
/// `close` was called.
const CLOSED: u8 = 2;
/// The source has panicked.
const POISONED: u8 = 3;
/// The bits of the four states above.
const STATE_MASK: u8 = 3;
/// Set while there are items that a consumer has put back.
const LEFTOVERS_BIT: u8 = 4;
/// Set if the source may be there although the state is not `OPEN`. The thread that unlocks drops it.
const DROP_BIT: u8 = 8;
/// Set for the whole life of a source that is called in another way than others, which the owner of the lock knows. The
/// owner's fast paths then have no more to check than for other sources.
const SPECIAL_BIT: u8 = 16;

/// A source `S` that one thread at a time calls, and the data `A` that goes with it.
pub(crate) struct Lock<S, A> {
    status: Status,
    owner: Owner,
    inner: Mutex<Inner<S, A>>,
}

/// The thread that holds the mutex, or 0.
///
/// On cache lines of its own: it is read before the mutex is locked, and sharing the mutex's cache line would transfer
/// that line twice per acquisition.
#[repr(align(128))]
struct Owner(AtomicUsize);

/// The lifecycle state of the source. Leaves `OPEN` exactly once.
///
/// On cache lines of its own: it is read after the mutex is unlocked, when the mutex's line is on its way to the next
/// thread.
#[repr(align(128))]
pub(crate) struct Status {
    state: AtomicU8,
    /// The word for the source in messages.
    kind: &'static str,
    /// The message of the source's panic; set before `state` is `POISONED`.
    message: OnceLock<Box<str>>,
    /// Set if the source is one that may fail attempts. Its `None` is then not always the end.
    attempts: Option<Arc<Attempts>>,
}

/// The data under the mutex.
pub(crate) struct Inner<S, A> {
    /// `Some` while the state is `OPEN`.
    source: Option<S>,
    pub(crate) aux: A,
}

/// The source had ended, or was closed or poisoned, when a call wanted to close it.
pub(crate) struct HasEnded;

impl<S, A> Lock<S, A> {
    /// Creates the lock. Messages call the source `kind`.
    pub(crate) const fn new(kind: &'static str, source: S, aux: A) -> Self {
        Self {
            // The source first, then constants: otherwise the compiler generates code that drops what is there if a
            // constructor panics, for every type of source.
            inner: Mutex::new(Inner { source: Some(source), aux }),
            owner: const { Owner(AtomicUsize::new(0)) },
            status: Status {
                state: const { AtomicU8::new(OPEN) },
                kind,
                message: const { OnceLock::new() },
                attempts: None,
            },
        }
    }

    pub(crate) const fn status(&self) -> &Status {
        &self.status
    }

    pub(crate) fn status_mut(&mut self) -> &mut Status {
        &mut self.status
    }

    /// Blocks until the lock is acquired.
    ///
    /// # Panics
    ///
    /// If this thread holds it.
    #[inline]
    #[track_caller]
    pub(crate) fn lock(&self) -> LockGuard<'_, S, A> {
        let thread = self.assert_not_reentrant();
        self.acquired(thread, self.inner.lock())
    }

    /// Returns the id of this thread, for acquiring the lock.
    ///
    /// # Panics
    ///
    /// If this thread holds the lock.
    #[inline]
    #[track_caller]
    pub(crate) fn assert_not_reentrant(&self) -> usize {
        let thread = thread_id();
        if self.owner.0.load(Relaxed) == thread {
            already_executing();
        }
        thread
    }

    pub(crate) fn is_held_by_this_thread(&self) -> bool {
        self.owner.0.load(Relaxed) == thread_id()
    }

    /// Acquires the lock if that is possible within `timeout`; with `None`, if it is free.
    pub(crate) fn try_lock(&self, timeout: Option<Duration>) -> Option<LockGuard<'_, S, A>> {
        if self.is_held_by_this_thread() {
            return None;
        }
        let thread = thread_id();
        let inner = match timeout {
            Some(timeout) => self.inner.try_lock_for(timeout),
            None => self.inner.try_lock(),
        };
        if inner.is_none() && self.status.state() == CLOSED {
            // Step 3 above: this thread may have cleared the parked bit, and hidden the closer from the holder.
            self.drop_if_unlocked();
        }
        Some(self.acquired(thread, inner?))
    }

    /// Calls the source under the lock. Acquires the lock after the end too: see [`Status::is_open_and_empty`].
    ///
    /// `on_item` converts the result, still under the lock. If the source ends, `on_end` gets it after all other
    /// threads can see the end and the lock is released.
    #[inline]
    #[track_caller]
    pub(crate) fn call<R, T>(
        &self,
        call: impl FnOnce(&mut S, &mut A) -> Option<R>,
        on_item: impl FnOnce(R) -> T,
        on_end: impl FnOnce(Option<S>),
    ) -> Option<T> {
        self.status.call(self.lock(), call, on_item, on_end)
    }

    /// Calls the source if no thread holds the lock and the source has not ended; see [`call`](Self::call).
    #[cfg(feature = "rayon")]
    #[inline]
    pub(crate) fn try_call_free<R, T>(
        &self,
        call: impl FnOnce(&mut S, &mut A) -> Option<R>,
        on_item: impl FnOnce(R) -> T,
        on_end: impl FnOnce(Option<S>),
    ) -> Option<T> {
        if self.is_held_by_this_thread() {
            return None;
        }
        // Checked here, because a call after a panic would panic.
        let inner = self.inner.try_lock().filter(|inner| inner.source.is_some())?;
        self.status.call(self.acquired(thread_id(), inner), call, on_item, on_end)
    }

    /// Acquires the lock of a source that has not ended, or returns `Ok(None)`; see [`try_lock`](Self::try_lock).
    ///
    /// The error is `unavailable` if another thread holds the lock.
    pub(crate) fn try_lock_open<E: LockError>(
        &self,
        timeout: Option<Duration>,
        unavailable: E,
    ) -> Result<Option<LockGuard<'_, S, A>>, E> {
        if let Some(ended) = self.status.ended() {
            return ended;
        }
        if self.is_held_by_this_thread() {
            return Err(E::REENTRANT);
        }
        let guard = self.try_lock(timeout).ok_or(unavailable)?;
        // The source may have ended while this call was blocked. That is then the result, and no panic.
        self.status.ended().unwrap_or(Ok(Some(guard)))
    }

    #[inline]
    fn acquired<'a>(&'a self, thread: usize, inner: MutexGuard<'a, Inner<S, A>>) -> LockGuard<'a, S, A> {
        self.owner.0.store(thread, Relaxed);
        LockGuard { inner, check: CloseCheck(self) }
    }

    /// Ends the source for all threads, without blocking.
    ///
    /// Returns the source if no call is in progress. The caller drops it after it has woken the waiting threads or
    /// tasks.
    #[must_use]
    pub(crate) fn close(&self) -> Option<S> {
        // A source that has ended is closed too, so that consumers no longer put items back.
        self.close_from(&[OPEN, FINISHED]).unwrap_or_default()
    }

    /// Does the same unless the source has ended.
    pub(crate) fn close_if_open(&self) -> Result<Option<S>, HasEnded> {
        self.close_from(&[OPEN])
    }

    fn close_from(&self, states: &[u8]) -> Result<Option<S>, HasEnded> {
        let close = |state| states.contains(&(state & STATE_MASK)).then_some(state & !STATE_MASK | CLOSED | DROP_BIT);
        self.status.state.fetch_update(SeqCst, Relaxed, close).map_err(|_| HasEnded)?;
        Ok(self.take_if_unlocked())
    }

    /// Takes the source out of a closed lock unless a thread holds it, which then does so when it unlocks.
    ///
    /// The caller drops the source: its destructor may use this lock, which must be free by then.
    #[cold]
    fn take_if_unlocked(&self) -> Option<S> {
        if self.is_held_by_this_thread() {
            return None;
        }
        // Orders the `CLOSED` store before this thread's write to the mutex word, so that a holder whose unlock reads
        // the write sees `CLOSED`.
        fence(SeqCst);
        // Not `try_lock`, which fails on a pure load of the word; see step 1 above.
        self.inner.try_lock_for(Duration::ZERO)?.source.take()
    }

    /// Drops the source of a closed lock unless a thread holds it.
    ///
    /// Not inlined: the code that unlocks is then so small that it is inlined where this thread unwinds too, and the
    /// guard needs no place on the stack.
    #[cold]
    #[inline(never)]
    fn drop_if_unlocked(&self) {
        // This thread is about to return an item, or is unwinding. A panic of the destructor must not prevent that.
        drop_swallowing_panic(self.take_if_unlocked());
    }

    /// Calls the source by exclusive access, without locking; see [`call`](Self::call).
    #[inline]
    #[track_caller]
    pub(crate) fn call_mut<R, T>(
        &mut self,
        call: impl FnOnce(&mut S, &mut A) -> Option<R>,
        on_item: impl FnOnce(R) -> T,
        on_end: impl FnOnce(Option<S>),
    ) -> Option<T> {
        self.status.call(self.inner.get_mut(), call, on_item, on_end)
    }

    /// Returns the data that goes with the source.
    pub(crate) fn aux_mut(&mut self) -> &mut A {
        &mut self.inner.get_mut().aux
    }

    /// Returns the source unless it has ended.
    #[track_caller]
    pub(crate) fn source_mut(&mut self) -> Option<&mut S> {
        self.status.check_open()?;
        self.inner.get_mut().source.as_mut()
    }

    /// Converts the source, if it is there, together with the data that goes with it. The state stays.
    pub(crate) fn map<T, B>(self, convert: impl FnOnce(S, A) -> T, aux: B) -> Lock<T, B> {
        let Inner { source, aux: old } = self.inner.into_inner();
        let source = source.map(|source| convert(source, old));
        Lock { status: self.status, owner: self.owner, inner: Mutex::new(Inner { source, aux }) }
    }

    /// Returns the source unless it has ended.
    #[track_caller]
    pub(crate) fn into_source(self) -> Option<S> {
        self.status.check_open()?;
        self.inner.into_inner().source
    }
}

impl<S, A> fmt::Debug for Lock<S, A> {
    /// Writes the state, without blocking.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.status.state() {
            FINISHED => "finished",
            CLOSED => "closed",
            POISONED => "poisoned",
            _ if self.inner.is_locked() => "executing",
            _ => "ready",
        })
    }
}

impl Status {
    #[inline]
    fn state(&self) -> u8 {
        self.state.load(Acquire) & STATE_MASK
    }

    /// Returns `true` if the source has not ended, there are no items that were put back, and the source is not
    /// special.
    #[inline]
    pub(crate) fn is_open_and_empty(&self) -> bool {
        self.state.load(Acquire) == OPEN
    }

    /// Returns `true` if the source has not ended and there are no items that were put back, also if it is special.
    #[inline]
    pub(crate) fn is_open_and_empty_or_special(&self) -> bool {
        self.state.load(Acquire) & !SPECIAL_BIT == OPEN
    }

    /// Marks the source as one that may fail attempts, which makes it special, see
    /// [`is_open_and_empty`](Self::is_open_and_empty).
    pub(crate) fn set_attempts(&mut self, attempts: Arc<Attempts>) {
        self.attempts = Some(attempts);
        self.state.fetch_or(SPECIAL_BIT, SeqCst);
    }

    /// Makes the source one that fails no attempts. Calls then wait in it.
    pub(crate) fn clear_attempts(&mut self) {
        self.attempts = None;
        self.state.fetch_and(!SPECIAL_BIT, SeqCst);
    }

    /// Starts an attempt, if the source is one that may fail it. The caller holds the lock.
    #[inline]
    pub(crate) fn start_attempt(&self) -> Option<Attempt<'_>> {
        self.attempts.as_ref().map(|attempts| attempts.start())
    }

    pub(crate) fn is_finished(&self) -> bool {
        let state = self.state.load(Acquire) & !SPECIAL_BIT;
        state == FINISHED || state & STATE_MASK == CLOSED
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.state() == CLOSED
    }

    pub(crate) fn is_poisoned(&self) -> bool {
        self.state() == POISONED
    }

    /// Returns `true` if the source has ended or is closed, also if there are items that were put back.
    pub(crate) fn has_ended(&self) -> bool {
        matches!(self.state(), FINISHED | CLOSED)
    }

    /// Returns `true` if items that are put back can still be taken.
    pub(crate) fn accepts_returns(&self) -> bool {
        matches!(self.state(), OPEN | FINISHED)
    }

    /// Returns `true` if there are items that were put back and can still be taken.
    #[inline]
    pub(crate) fn has_leftovers(&self) -> bool {
        self.state.load(Acquire) & LEFTOVERS_BIT != 0 && self.accepts_returns()
    }

    pub(crate) fn set_leftovers(&self, any: bool) {
        if any {
            self.state.fetch_or(LEFTOVERS_BIT, SeqCst);
        } else {
            self.state.fetch_and(!LEFTOVERS_BIT, SeqCst);
        }
    }

    /// Returns `Some` while the source is open, and `None` after its end.
    ///
    /// # Panics
    ///
    /// If the source has panicked.
    #[inline]
    #[track_caller]
    pub(crate) fn check_open(&self) -> Option<()> {
        if self.state() == OPEN {
            return Some(());
        }
        self.panic_if_poisoned();
        None
    }

    #[cold]
    #[track_caller]
    fn panic_if_poisoned(&self) {
        let message = || self.message.get().map_or("", |message| message);
        assert!(!self.is_poisoned(), "the {} panicked earlier: {}", self.kind, message());
    }

    fn ended<R, E: LockError>(&self) -> Option<Result<Option<R>, E>> {
        match self.state() {
            OPEN => None,
            POISONED => Some(Err(E::POISONED)),
            _ => Some(Ok(None)),
        }
    }

    /// Changes the state from `OPEN` to `to`, and returns whether it was `OPEN`.
    fn transition_from_open(&self, to: u8) -> bool {
        let transition = |state| (state & STATE_MASK == OPEN).then_some(state | to);
        self.state.fetch_update(SeqCst, Relaxed, transition).is_ok()
    }

    /// Calls the source unless it has ended. Its `None` ends it, unless it has failed an attempt; its panic poisons it
    /// and goes on to the caller.
    ///
    /// `inner` is the access to the source, a guard or exclusive access, and is released at the end. No code that can
    /// unwind may run while `inner` is live: a landing pad would spill the guard to the stack, which is measurable
    /// between two atomics. Cold paths therefore take `inner` by value.
    ///
    /// `on_item` converts the result, under the lock too. It must not unwind. Its captures do not pass through
    /// `catch_unwind`, which costs two instructions for each capture of `call`.
    #[inline]
    #[track_caller]
    fn call<S, A, R, T>(
        &self,
        mut inner: impl DerefMut<Target = Inner<S, A>>,
        call: impl FnOnce(&mut S, &mut A) -> Option<R>,
        on_item: impl FnOnce(R) -> T,
        on_end: impl FnOnce(Option<S>),
    ) -> Option<T> {
        let (OPEN, Inner { source: Some(source), aux }) = (self.state(), &mut *inner) else {
            self.unlock_after_end(inner);
            return None;
        };
        // The source is dropped after a panic, and no caller sees what the panic left behind in it.
        match catch_unwind(AssertUnwindSafe(|| call(source, aux))) {
            Ok(Some(item)) => Some(on_item(item)),
            Ok(None) => {
                self.finish(inner, on_end);
                None
            }
            Err(payload) => self.poison(inner, payload, on_end),
        }
    }

    /// Releases the lock of a source that had ended before it was acquired.
    #[cold]
    #[track_caller]
    fn unlock_after_end(&self, inner: impl Sized) {
        drop(inner);
        self.panic_if_poisoned();
    }

    #[cold]
    fn finish<S, A>(&self, mut inner: impl DerefMut<Target = Inner<S, A>>, on_end: impl FnOnce(Option<S>)) {
        if self.attempts.as_ref().is_some_and(|attempts| attempts.end_failed()) {
            return;
        }
        self.transition_from_open(FINISHED);
        let source = inner.source.take();
        // Released before the destructor runs, which may use this lock, or join a thread that does.
        drop(inner);
        on_end(source);
    }

    /// Changes the state from `OPEN` to `state`, which is poisoned, after a panic of the source and under the lock.
    fn set_poisoned(&self, payload: &(dyn Any + Send), state: u8) {
        let message = if let Some(message) = payload.downcast_ref::<&str>() {
            message
        } else if let Some(message) = payload.downcast_ref::<String>() {
            message
        } else {
            "its message is not a string"
        };
        // Set once: only one call can find the source open and see it panic.
        let _ = self.message.set(message.into());
        self.transition_from_open(state);
    }

    #[cold]
    fn poison<S, A>(
        &self,
        mut inner: impl DerefMut<Target = Inner<S, A>>,
        payload: Box<dyn Any + Send>,
        on_end: impl FnOnce(Option<S>),
    ) -> ! {
        self.set_poisoned(&*payload, POISONED);
        let source = inner.source.take();
        drop(inner);
        // The first panic is the one to report, and not one of the destructor.
        swallow_panic(|| on_end(source));
        resume_unwind(payload)
    }
}

/// The acquired lock.
///
/// Drop order: clear `owner`, unlock, then check for a concurrent `close`.
pub(crate) struct LockGuard<'a, S, A> {
    inner: MutexGuard<'a, Inner<S, A>>,
    check: CloseCheck<'a, S, A>,
}

impl<S, A> LockGuard<'_, S, A> {
    /// Calls the source, and keeps the lock; see [`Lock::call`].
    #[inline]
    #[track_caller]
    pub(crate) fn call<R, T>(
        &mut self,
        call: impl FnOnce(&mut S, &mut A) -> Option<R>,
        on_item: impl FnOnce(R) -> T,
        on_end: impl FnOnce(Option<S>),
    ) -> Option<T> {
        self.check.0.status.call(&mut *self.inner, call, on_item, on_end)
    }

    /// Calls the source, and releases the lock; see [`Lock::call`].
    #[inline]
    #[track_caller]
    pub(crate) fn call_and_unlock<R, T>(
        self,
        call: impl FnOnce(&mut S, &mut A) -> Option<R>,
        on_item: impl FnOnce(R) -> T,
        on_end: impl FnOnce(Option<S>),
    ) -> Option<T> {
        self.check.0.status.call(self, call, on_item, on_end)
    }

    /// Calls the source by a shared reference, unless it has ended or is about to be dropped.
    ///
    /// A panic poisons the source, as one of [`call`](Self::call) does. The source is dropped when the lock is
    /// released.
    pub(crate) fn inspect<R>(&self, inspect: impl FnOnce(&S) -> R) -> Option<R> {
        let status = &self.check.0.status;
        let source = self.inner.source.as_ref().filter(|_| status.state() == OPEN)?;
        match catch_unwind(AssertUnwindSafe(|| inspect(source))) {
            Ok(result) => Some(result),
            Err(payload) => {
                status.set_poisoned(&*payload, POISONED | DROP_BIT);
                resume_unwind(payload);
            }
        }
    }
}

impl<S, A> DerefMut for LockGuard<'_, S, A> {
    #[inline]
    fn deref_mut(&mut self) -> &mut Inner<S, A> {
        &mut self.inner
    }
}

impl<S, A> Deref for LockGuard<'_, S, A> {
    type Target = Inner<S, A>;

    #[inline]
    fn deref(&self) -> &Inner<S, A> {
        &self.inner
    }
}

impl<S, A> Drop for LockGuard<'_, S, A> {
    #[inline]
    fn drop(&mut self) {
        self.check.0.owner.0.store(0, Relaxed);
    }
}

/// Checks for a concurrent `close` when it is dropped, after the mutex is unlocked.
struct CloseCheck<'a, S, A>(&'a Lock<S, A>);

impl<S, A> Drop for CloseCheck<'_, S, A> {
    #[inline]
    fn drop(&mut self) {
        fence(Acquire);
        if self.0.status.state.load(Relaxed) & DROP_BIT != 0 {
            self.0.drop_if_unlocked();
        }
    }
}

/// Drops `value` and swallows a destructor's panic, so that the caller can still return its result.
pub(crate) fn drop_swallowing_panic<T>(value: T) {
    swallow_panic(|| drop(value));
}

/// Calls code that may panic, such as a destructor. The panic is printed by the panic hook and goes no further.
fn swallow_panic(action: impl FnOnce()) {
    if let Err(payload) = catch_unwind(AssertUnwindSafe(action)) {
        // The payload's destructor could panic too.
        mem::forget(payload);
    }
}

#[cold]
#[inline(never)]
#[track_caller]
fn already_executing() -> ! {
    panic!("generator already executing");
}
