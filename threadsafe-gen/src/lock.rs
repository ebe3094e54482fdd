//! The lock around a source: turns, re-entry, the end, `close` and poison.
//!
//! A source is what is called under the lock: an iterator. A [`Lock`] has, beside its mutex, two words.
//!
//! * `owner` names the thread that holds the lock. Only that thread ever stores its own name there, so a thread that
//!   reads its own name holds the lock, and asking for it again is re-entry: an error, where a mutex alone would hang.
//! * `state` says whether there is anything left to ask. It is read before the lock is taken, so that calls after the
//!   end cost no lock; after it is taken, for a thread that waited while another met the end; and once more after
//!   it is let go, for `close`.
//!
//! # How a source is dropped by `close` without waiting for it
//!
//! [`Lock::close`] stores `CLOSED` and tries the lock. If it gets it, nobody is inside and it takes the source out. If
//! not, whoever holds the lock has to: each holder reads `state` once more *after* letting go, and takes the source out
//! if it finds `CLOSED` ([`Lock::reap`]). That one of the two sees the other needs care, since "store one word, read
//! another" on both sides may cross. It cannot here:
//!
//! * A try with a time limit of zero does not merely read the mutex's word. Before it gives up it writes to it, and
//!   only after the closer's fence (release), or it queues behind another that has a limit. Who is last to leave that
//!   queue writes to the word, but not after a fence; so whoever has given up, and finds `CLOSED` then, as everyone
//!   does who leaves the queue after the closer, does what the closer does.
//! * The holder's unlock is a read-modify-write of the same word. Either it comes first, and the closer's try
//!   succeeds, or fails on a later holder, for whom this argument is made anew; or it comes second, reads what the
//!   closer wrote, and the holder's fence (acquire) makes it see `CLOSED`.

use std::any::Any;
use std::fmt;
use std::mem;
use std::ops::{Deref, DerefMut};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::Ordering::{Acquire, Relaxed, SeqCst};
use std::time::Duration;

use crate::primitives::{AtomicU8, AtomicUsize, Mutex, MutexGuard, OnceLock, fence, this_thread};

/// There may be more to ask for.
const OPEN: u8 = 0;
/// The source has ended.
const FINISHED: u8 = 1;
/// Somebody called `close`.
const CLOSED: u8 = 2;
/// The source has panicked.
const POISONED: u8 = 3;
/// The bits that say which of these it is.
const FATE: u8 = 3;
/// A bit beside them: there are items that somebody took and gave back.
const LEFTOVERS: u8 = 4;
/// Another: the source may be there although the state is not `OPEN`, for the thread that releases the lock to drop.
const TO_BE_DROPPED: u8 = 8;

/// A source `S` that one thread at a time may call, and what is kept beside it, `B`.
pub(crate) struct Lock<S, B> {
    status: Status,
    owner: Owner,
    inner: Mutex<Inner<S, B>>,
}

/// The thread that holds the mutex, or 0.
///
/// On cache lines of its own: it is read before the mutex is taken, and to read the mutex's line first and to write to
/// it then would be two journeys of that line between cores.
#[repr(align(128))]
struct Owner(AtomicUsize);

/// What becomes of the source. It leaves `OPEN` once and for all.
///
/// On cache lines of its own: it is read after the mutex has been let go, when the line with the mutex is on its way to
/// the next thread.
#[repr(align(128))]
pub(crate) struct Status {
    state: AtomicU8,
    /// What the source is called.
    noun: &'static str,
    /// What the source said when it panicked; set before `state` is `POISONED`.
    message: OnceLock<Box<str>>,
}

/// What the mutex is around.
pub(crate) struct Inner<S, B> {
    /// `Some` as long as the state is `OPEN`.
    source: Option<S>,
    pub(crate) beside: B,
}

/// Why a call was not made.
pub(crate) enum Refusal {
    /// Another call is in progress.
    AlreadyExecuting,
    /// The source has panicked.
    Poisoned,
}

impl<S, B> Lock<S, B> {
    /// Puts a lock around `source`, which messages are to call a `noun`.
    pub(crate) const fn new(noun: &'static str, source: S, beside: B) -> Self {
        Self {
            // Constants, and the source last: nothing has to be made ready for dropping it by a panic here, which would
            // be code for the compiler to generate for every type of source.
            status: Status { state: const { AtomicU8::new(OPEN) }, noun, message: const { OnceLock::new() } },
            owner: const { Owner(AtomicUsize::new(0)) },
            inner: Mutex::new(Inner { source: Some(source), beside }),
        }
    }

    pub(crate) const fn status(&self) -> &Status {
        &self.status
    }

    /// Waits for this thread's turn.
    ///
    /// # Panics
    ///
    /// If this thread is inside already.
    #[inline]
    #[track_caller]
    pub(crate) fn wait(&self) -> Held<'_, S, B> {
        let me = self.refuse_reentry();
        self.hold(me, self.inner.lock())
    }

    /// This thread's name, for taking the lock.
    ///
    /// # Panics
    ///
    /// If this thread is inside already.
    #[inline]
    #[track_caller]
    pub(crate) fn refuse_reentry(&self) -> usize {
        let me = this_thread();
        if self.owner.0.load(Relaxed) == me {
            already_executing();
        }
        me
    }

    /// Takes a turn if `timeout` is long enough to get one; with `None`, if nobody is inside.
    pub(crate) fn try_wait(&self, timeout: Option<Duration>) -> Option<Held<'_, S, B>> {
        let me = this_thread();
        if self.owner.0.load(Relaxed) == me {
            return None;
        }
        let inner = match timeout {
            Some(timeout) => self.inner.try_lock_for(timeout),
            None => self.inner.try_lock(),
        };
        if inner.is_none() && self.status.fate() == CLOSED {
            // A closer that queued behind this thread may have written nothing that the holder reads.
            drop_quietly(self.reap());
        }
        Some(self.hold(me, inner?))
    }

    /// Calls the source in this thread's turn, waiting for it. Costs the lock after the end too: see
    /// [`Status::is_plain`].
    ///
    /// At its end the source goes to `dispose`, when all others can see the end and the lock has been let go.
    #[inline]
    #[track_caller]
    pub(crate) fn call<R>(
        &self,
        call: impl FnOnce(&mut S, &mut B) -> Option<R>,
        dispose: impl FnOnce(Option<S>),
    ) -> Option<R> {
        self.status.call(self.wait(), call, dispose)
    }

    /// Takes a turn at a source that has not ended, `None` being that it has; see [`try_wait`](Self::try_wait).
    pub(crate) fn try_turn(&self, timeout: Option<Duration>) -> Result<Option<Held<'_, S, B>>, Refusal> {
        if let Some(ended) = self.status.ended() {
            return ended;
        }
        let held = self.try_wait(timeout).ok_or(Refusal::AlreadyExecuting)?;
        // While this call waited another may have met the end, and this one is to return what it says, not to panic.
        self.status.ended().unwrap_or(Ok(Some(held)))
    }

    /// Calls the source if that is possible within `timeout`; see [`try_wait`](Self::try_wait).
    pub(crate) fn try_call<R>(
        &self,
        timeout: Option<Duration>,
        call: impl FnOnce(&mut S, &mut B) -> Option<R>,
    ) -> Result<Option<R>, Refusal> {
        Ok(self.try_turn(timeout)?.and_then(|held| held.call_last(call, drop)))
    }

    #[inline]
    fn hold<'a>(&'a self, me: usize, inner: MutexGuard<'a, Inner<S, B>>) -> Held<'a, S, B> {
        self.owner.0.store(me, Relaxed);
        Held { inner, leave: Leave(self) }
    }

    /// Ends it for everybody, without waiting for who is inside, and returns the source if nobody is: for the caller to
    /// drop, when those who wait have been told.
    #[must_use]
    pub(crate) fn close(&self) -> Option<S> {
        // What has ended is closed too, for those who would give something back.
        let close = |state| matches!(state & FATE, OPEN | FINISHED).then_some(state & !FATE | CLOSED | TO_BE_DROPPED);
        self.status.state.fetch_update(SeqCst, Relaxed, close).ok()?;
        self.reap()
    }

    /// Takes the source out of a closed lock, unless somebody is inside, who then does it on leaving.
    ///
    /// It is for the caller to drop: its destructor may use this very lock, and must then not find it taken.
    #[cold]
    fn reap(&self) -> Option<S> {
        if self.owner.0.load(Relaxed) == this_thread() {
            return None;
        }
        // What this thread writes to the mutex's word is to tell who reads it there what this thread knows.
        fence(SeqCst);
        // Not `try_lock`, which gives up on a mere read of the word; see the top of this file.
        self.inner.try_lock_for(Duration::ZERO)?.source.take()
    }

    /// Calls the source, by a `&mut` that makes the lock needless.
    #[inline]
    #[track_caller]
    pub(crate) fn call_mut<R>(
        &mut self,
        call: impl FnOnce(&mut S, &mut B) -> Option<R>,
        dispose: impl FnOnce(Option<S>),
    ) -> Option<R> {
        self.status.call(self.inner.get_mut(), call, dispose)
    }

    /// The source, unless it has ended.
    #[track_caller]
    pub(crate) fn source_mut(&mut self) -> Option<&mut S> {
        self.status.check()?;
        self.inner.get_mut().source.as_mut()
    }

    /// The source, unless it has ended.
    #[track_caller]
    pub(crate) fn into_source(self) -> Option<S> {
        self.status.check()?;
        self.inner.into_inner().source
    }
}

impl<S, B> fmt::Debug for Lock<S, B> {
    /// Says what can be said without waiting.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.status.fate() {
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
    fn fate(&self) -> u8 {
        self.state.load(Acquire) & FATE
    }

    /// Whether all there is to do is to ask the source: it has not ended, and nobody has given anything back.
    #[inline]
    pub(crate) fn is_plain(&self) -> bool {
        self.state.load(Acquire) == OPEN
    }

    pub(crate) fn is_finished(&self) -> bool {
        let state = self.state.load(Acquire);
        state == FINISHED || state & FATE == CLOSED
    }

    pub(crate) fn is_poisoned(&self) -> bool {
        self.fate() == POISONED
    }

    /// Whether the source has ended or been closed, whatever has been given back.
    pub(crate) fn source_is_gone(&self) -> bool {
        matches!(self.fate(), FINISHED | CLOSED)
    }

    /// Whether what is given back may still be asked for.
    pub(crate) fn takes_back(&self) -> bool {
        matches!(self.fate(), OPEN | FINISHED)
    }

    /// Whether something has been given back that may still be asked for.
    pub(crate) fn has_leftovers(&self) -> bool {
        self.state.load(Acquire) & LEFTOVERS != 0 && self.takes_back()
    }

    pub(crate) fn set_leftovers(&self, there_are: bool) {
        if there_are {
            self.state.fetch_or(LEFTOVERS, SeqCst);
        } else {
            self.state.fetch_and(!LEFTOVERS, SeqCst);
        }
    }

    /// `Some` as long as there may be more to ask for, `None` after the end.
    ///
    /// # Panics
    ///
    /// If the source has panicked.
    #[inline]
    #[track_caller]
    pub(crate) fn check(&self) -> Option<()> {
        if self.fate() == OPEN {
            return Some(());
        }
        self.over();
        None
    }

    /// After the end: returns if there is just nothing left.
    #[cold]
    #[track_caller]
    fn over(&self) {
        let message = || self.message.get().map_or("", |message| message);
        assert!(!self.is_poisoned(), "the {} panicked earlier: {}", self.noun, message());
    }

    fn ended<R>(&self) -> Option<Result<Option<R>, Refusal>> {
        match self.fate() {
            OPEN => None,
            POISONED => Some(Err(Refusal::Poisoned)),
            _ => Some(Ok(None)),
        }
    }

    /// Whether the fate was `OPEN`, and now is `fate`.
    fn leave_open(&self, fate: u8) -> bool {
        let leave = |state| (state & FATE == OPEN).then_some(state | fate);
        self.state.fetch_update(SeqCst, Relaxed, leave).is_ok()
    }

    /// Calls the source, if there still is one. Its `None` ends it; its panic poisons it and goes on to the caller.
    ///
    /// `inner` is the access to it, which is let go at the end: a turn, or a mere reference. While it is live nothing
    /// in here can unwind. If something could, the turn would have to be written to the stack for the landing pad, and
    /// between two atomic instructions each store counts. So the rare ends take `inner` by value.
    #[inline]
    #[track_caller]
    fn call<S, B, R>(
        &self,
        mut inner: impl DerefMut<Target = Inner<S, B>>,
        call: impl FnOnce(&mut S, &mut B) -> Option<R>,
        dispose: impl FnOnce(Option<S>),
    ) -> Option<R> {
        let (OPEN, Inner { source: Some(source), beside }) = (self.fate(), &mut *inner) else {
            self.let_go(inner);
            return None;
        };
        // Whatever a panic leaves behind in the source is dropped unseen.
        match catch_unwind(AssertUnwindSafe(|| call(source, beside))) {
            Ok(Some(item)) => Some(item),
            Ok(None) => {
                self.finish(inner, dispose);
                None
            }
            Err(payload) => self.poison(inner, payload, dispose),
        }
    }

    /// For a turn that came after the end.
    #[cold]
    #[track_caller]
    fn let_go(&self, inner: impl Sized) {
        drop(inner);
        self.over();
    }

    #[cold]
    fn finish<S, B>(&self, mut inner: impl DerefMut<Target = Inner<S, B>>, dispose: impl FnOnce(Option<S>)) {
        self.leave_open(FINISHED);
        let source = inner.source.take();
        // Let go before the destructor runs, which may use this lock, or wait for a thread that does.
        drop(inner);
        dispose(source);
    }

    /// Leaves `OPEN` for `state`, which is poisoned, after a panic of the source and under the lock.
    fn set_poisoned(&self, payload: &(dyn Any + Send), state: u8) {
        let message = if let Some(message) = payload.downcast_ref::<&str>() {
            message
        } else if let Some(message) = payload.downcast_ref::<String>() {
            message
        } else {
            "its message is not a string"
        };
        // Set once, by the one call that can still find the source.
        let _ = self.message.set(message.into());
        self.leave_open(state);
    }

    #[cold]
    fn poison<S, B>(
        &self,
        mut inner: impl DerefMut<Target = Inner<S, B>>,
        payload: Box<dyn Any + Send>,
        dispose: impl FnOnce(Option<S>),
    ) -> ! {
        self.set_poisoned(&*payload, POISONED);
        let source = inner.source.take();
        drop(inner);
        // The first panic is the one to report.
        quietly(|| dispose(source));
        resume_unwind(payload)
    }
}

/// The lock, taken: one thread's turn.
///
/// Dropping it leaves in this order: no longer the owner, the mutex let go, a look back.
pub(crate) struct Held<'a, S, B> {
    inner: MutexGuard<'a, Inner<S, B>>,
    leave: Leave<'a, S, B>,
}

impl<S, B> Held<'_, S, B> {
    /// Calls the source, and keeps the turn.
    #[inline]
    #[track_caller]
    pub(crate) fn call<R>(
        &mut self,
        call: impl FnOnce(&mut S, &mut B) -> Option<R>,
        dispose: impl FnOnce(Option<S>),
    ) -> Option<R> {
        self.leave.0.status.call(&mut *self.inner, call, dispose)
    }

    /// Calls the source, and ends the turn; see [`Lock::call_and`].
    #[inline]
    #[track_caller]
    pub(crate) fn call_last<R>(
        self,
        call: impl FnOnce(&mut S, &mut B) -> Option<R>,
        dispose: impl FnOnce(Option<S>),
    ) -> Option<R> {
        self.leave.0.status.call(self, call, dispose)
    }

    /// Calls the source by a shared reference, unless it has ended or is about to be dropped.
    ///
    /// A panic poisons the source, as one of [`call`](Self::call) does. The source is dropped when the lock is released.
    pub(crate) fn inspect<R>(&self, inspect: impl FnOnce(&S) -> R) -> Option<R> {
        let status = &self.leave.0.status;
        let source = self.inner.source.as_ref().filter(|_| status.fate() == OPEN)?;
        match catch_unwind(AssertUnwindSafe(|| inspect(source))) {
            Ok(result) => Some(result),
            Err(payload) => {
                status.set_poisoned(&*payload, POISONED | TO_BE_DROPPED);
                resume_unwind(payload);
            }
        }
    }
}

impl<S, B> DerefMut for Held<'_, S, B> {
    #[inline]
    fn deref_mut(&mut self) -> &mut Inner<S, B> {
        &mut self.inner
    }
}

impl<S, B> Deref for Held<'_, S, B> {
    type Target = Inner<S, B>;

    #[inline]
    fn deref(&self) -> &Inner<S, B> {
        &self.inner
    }
}

impl<S, B> Drop for Held<'_, S, B> {
    #[inline]
    fn drop(&mut self) {
        self.leave.0.owner.0.store(0, Relaxed);
    }
}

/// Looks back after the mutex has been let go.
struct Leave<'a, S, B>(&'a Lock<S, B>);

impl<S, B> Drop for Leave<'_, S, B> {
    #[inline]
    fn drop(&mut self) {
        fence(Acquire);
        if self.0.status.state.load(Relaxed) & TO_BE_DROPPED != 0 {
            // This thread is about to return an item, or to unwind: neither is to be lost to a destructor.
            drop_quietly(self.0.reap());
        }
    }
}

/// Drops what has something to be delivered beside it, which a panic of its destructor is not to take away.
pub(crate) fn drop_quietly<T>(value: T) {
    quietly(|| drop(value));
}

/// Does what may panic, as destructors do. The panic is printed, as every one is, and goes no further.
fn quietly(action: impl FnOnce()) {
    if let Err(payload) = catch_unwind(AssertUnwindSafe(action)) {
        // Its destructor could panic in its turn.
        mem::forget(payload);
    }
}

#[cold]
#[inline(never)]
#[track_caller]
fn already_executing() -> ! {
    panic!("generator already executing");
}
