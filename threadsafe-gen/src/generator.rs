//! A generator that is an iterator: an `async` body that suspends at each yield.
//!
//! # How an item travels
//!
//! The body and its [`Generator`] share a slot for one item. A yield fills the slot and suspends the body; the
//! generator, polling the body in `next`, finds it suspended and empties the slot. The slot's state is therefore also
//! the check that every item arrives: full when the body yields again or ends means that a yield was not awaited,
//! empty when the body suspends means that it awaited something else. Both panic, in release builds too.
//!
//! Who wants n items at a time gets them without n suspensions: `Generator::fill` says so in the slot, and for so long
//! a yield puts its item with the others and goes on. Only the nth suspends. The body runs no further than it would
//! have.
//!
//! Where something comes back for an item, the slot has a place for that too, a [`Reply`], and the yield is not over
//! before it is filled. Coroutines and streams are made of such generators: see [`Generator::poll_resume`].
//!
//! # Why a generator is `Send`
//!
//! The slot is an `Rc` of cells, which cost nothing to fill and empty and are not `Send`. Two `unsafe impl`s say that
//! it may move between threads all the same. The argument:
//!
//! 1. An `Rc` and cells may be used from several threads, provided that each use happens before the next: that no two
//!    threads use them, or a clone of the `Rc`, with nothing to order the two.
//! 2. A slot has two clones, both made in [`generator`] or [`coroutine`], on which all else is built: one in the
//!    `Generator`, one in the `Yielder`, a local of the body's future. The future is a field of the same `Generator`
//!    and is never moved out of it, so whoever moves the `Generator` moves both. (A third, in `Generator::fill`, does
//!    not outlive that call.)
//! 3. The user's code gets the yielder as `&'a mut Yielder<'id, ..>`, of lifetimes that it cannot name: the
//!    `AsyncFnOnce` of [`generator`] and [`coroutine`] is higher-ranked in both. By `'a` it can neither keep the
//!    reference in a place that outlives the body nor give it to a thread that might: `std::thread::spawn` asks for
//!    `'static` and is refused with "borrowed data escapes". A scoped thread can have it, alone or, within a lock, in
//!    turn with others; any scope that is sound has ended such threads when it returns or unwinds, which is before the
//!    body suspends or ends.
//! 4. By `'id`, in which the type is invariant, no body can tell its yielder's type to be that of another's. So a
//!    yielder cannot stay anywhere but where [`generator`] put it: to take its place there would have to be a second
//!    one of its type. (A `dyn Trait` forgets `'id`, but has no size to be swapped by; `Any` asks for `'static`. Two
//!    that were swapped would each be in another's body, and two threads could have a generator and its yielder at the
//!    same time: by a lock around the yielder of an outer body, in which an inner one has left its own.)
//! 5. So who touches a slot is its generator or its own body. The body runs, or is dropped, within a call that has the
//!    `Generator` by `&mut` or by value: `next`, `fill`, `poll_resume`, drop. It is in there too that the generator touches
//!    the slot. These calls exclude each other, and Rust orders what happens before a `&mut` on one thread with what
//!    follows on the next. While the body runs, in the call, the generator itself does nothing; that is when 3 allows
//!    other threads.
//! 6. What travels with the slot are items (`Y: Send`) and what comes back for them (`B: Send`), of which there is
//!    nothing else in it; what travels with the future are the closure and the user's own locals (`F: Send`), about
//!    which the compiler decides.
//!
//! Neither type is `Sync`: a `&Yielder` or `&Generator` on a second thread would break 5, and the `Rc` in each forbids
//! it.

#![allow(unsafe_code, reason = "the two `Send` implementations, argued above; the crate has no other unsafe code")]

use std::cell::{Cell, RefCell};
use std::fmt;
use std::iter::FusedIterator;
use std::marker::PhantomData;
use std::mem;
use std::pin::Pin;
use std::ptr;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use genawaiter::{Coroutine, GeneratorState};

use crate::{ThreadsafeCoroutine, ThreadsafeIter};

/// The place of the items that are between their yield and their delivery.
struct Slot<Y, B = ()> {
    /// The item at whose yield the body suspends.
    item: Cell<Option<Y>>,
    /// How many items the body may yield before that, without suspending.
    chunk_remaining: Cell<usize>,
    /// Those items.
    chunk: RefCell<Vec<Y>>,
    /// The place of what comes back for an item: nothing, or a [`Reply`].
    reply: B,
}

impl<Y, B> Slot<Y, B> {
    /// Puts the item at whose yield the body suspends.
    #[inline]
    fn put(&self, item: Y) {
        if self.item.replace(Some(item)).is_some() {
            not_awaited();
        }
    }

    /// Puts an item with those that are asked for at a time.
    #[inline]
    fn push_chunk(&self, item: Y) {
        self.chunk_remaining.set(self.chunk_remaining.get() - 1);
        let mut chunk = self.chunk.borrow_mut();
        if chunk.len() < chunk.capacity() {
            chunk.push(item);
        } else {
            drop(chunk);
            self.push_slow(item);
        }
    }

    /// Apart, and nothing to do after it: what it needs is not to be made ready at every yield.
    #[cold]
    #[inline(never)]
    fn push_slow(&self, item: Y) {
        self.chunk.borrow_mut().push(item);
    }

    /// Refuses to go on with an item that nobody will take.
    #[cold]
    fn assert_delivered(&self) {
        if self.item.take().is_some() {
            not_awaited();
        }
    }
}

/// The items that are asked for at a time, on their way into the buffer: by a panic too.
struct Chunk<'a, Y> {
    slot: &'a Slot<Y>,
    buffer: &'a mut Vec<Y>,
}

impl<'a, Y> Chunk<'a, Y> {
    /// Asks for `n` items at a time.
    fn ask(slot: &'a Slot<Y>, buffer: &'a mut Vec<Y>, n: usize) -> Self {
        slot.chunk.replace(mem::take(buffer));
        slot.chunk_remaining.set(n - 1);
        Self { slot, buffer }
    }

    /// Adds the item at which the body suspended, or says that the generator has ended.
    fn finish(self, last: Option<Y>) -> bool {
        let ended = last.is_none();
        self.slot.chunk.borrow_mut().extend(last);
        ended
    }
}

impl<Y> Drop for Chunk<'_, Y> {
    fn drop(&mut self) {
        self.slot.chunk_remaining.set(0);
        *self.buffer = self.slot.chunk.take();
    }
}

/// Makes a generator of an `async` closure that yields through the [`Yielder`] it is given.
///
/// This is what [`#[threadsafe_generator]`](macro@crate::threadsafe_generator) expands to, for use where there is no
/// function to annotate or no macro wanted. Nothing of the body runs before the first [`next`](Iterator::next).
///
/// The generator is `Send` if its items are and all that the body holds across a yield is. Making one costs two
/// allocations.
///
/// # Examples
///
/// ```
/// use threadsafe_gen::{ThreadsafeExt, generator};
///
/// let squares = generator(async |co| {
///     for i in 1_u64.. {
///         co.yield_(i * i).await;
///     }
/// });
/// let squares = squares.threadsafe();
/// assert_eq!(squares.next(), Some(1));
/// assert_eq!(squares.next(), Some(4));
/// ```
///
/// What the compiler infers from the first yield, the items' type, can be stated: `generator::<Box<dyn Error>, _>(..)`.
pub fn generator<Y, B>(body: B) -> Generator<Y, impl Future<Output = ()>>
where
    B: AsyncFnOnce(&mut Yielder<'_, Y>),
{
    let mut yielder = Yielder::new(());
    let slot = Rc::clone(&yielder.slot);
    let body = async move {
        body(&mut yielder).await;
        yielder.slot.assert_delivered();
    };
    Generator { body: Some(Box::pin(body)), slot }
}

/// Makes a coroutine of an `async` closure: a generator to whose every yield something comes back.
///
/// The closure gets, beside the [`Yielder`], what the coroutine is resumed with first. Each yield hands an item out and
/// returns what the coroutine is resumed with next; what the closure returns is what the coroutine is complete with.
/// Nothing of the body runs before the coroutine is first resumed.
///
/// It is resumed by [`Coroutine::resume_with`], or, by many threads, under the lock of a
/// [`ThreadsafeCoroutine`](crate::ThreadsafeCoroutine). With `#[threadsafe_generator]` a function that returns `impl Coroutine`
/// is one.
///
/// # Examples
///
/// ```
/// use std::ops::Range;
/// use threadsafe_gen::{GeneratorState, coroutine};
///
/// let ids = coroutine(async |co, mut how_many: u64| -> Range<u64> {
///     let mut next = 0;
///     while how_many > 0 {
///         let range = next..next + how_many;
///         next = range.end;
///         how_many = co.yield_(range).await;
///     }
///     0..next
/// });
/// let ids = ids.threadsafe();
/// assert_eq!(ids.resume_with(10), Some(GeneratorState::Yielded(0..10)));
/// assert_eq!(ids.resume_with(5), Some(GeneratorState::Yielded(10..15)));
/// assert_eq!(ids.resume_with(0), Some(GeneratorState::Complete(0..15)));
/// assert_eq!(ids.resume_with(5), None);
/// ```
pub fn coroutine<Y, R, C, B>(body: B) -> Generator<Y, impl Future<Output = C>, Reply<R>>
where
    B: AsyncFnOnce(&mut Yielder<'_, Y, Reply<R>>, R) -> C,
{
    let mut yielder = Yielder::new(Reply::new());
    let slot = Rc::clone(&yielder.slot);
    let body = async move {
        let first = ReplyFuture(&mut yielder).await;
        let end = body(&mut yielder, first).await;
        yielder.slot.assert_delivered();
        end
    };
    Generator { body: Some(Box::pin(body)), slot }
}

/// What the body of a generator yields through.
///
/// Only the body of a [`generator`] is given one, as `&mut Yielder<'_, Y>`, for as long as it runs. That of a
/// [`coroutine`] or a stream is given one to whose yields something comes back, a `&mut Yielder<'_, Y, Reply<R>>`. A
/// body may lend it to functions that yield for it:
///
/// ```
/// use threadsafe_gen::{Yielder, generator};
///
/// async fn twice(co: &mut Yielder<'_, u32>, item: u32) {
///     co.yield_(item).await;
///     co.yield_(item).await;
/// }
///
/// let items = generator(async |co| {
///     twice(co, 1).await;
///     twice(co, 2).await;
/// });
/// assert!(items.eq([1, 1, 2, 2]));
/// ```
///
/// The lifetime is another one in each body, so that the yielders of two cannot be mistaken for each other.
pub struct Yielder<'id, Y, B = ()> {
    slot: Rc<Slot<Y, B>>,
    /// Invariant, and another in every body: so no two yielders are of one type, and none can take another's place.
    id: PhantomData<fn(&'id ()) -> &'id ()>,
}

// SAFETY: 1 to 6 above. `generator` and `coroutine`, which alone make one, keep that the other clone of the slot moves
// along (2); the lifetimes in their signatures, checked by the compiler, keep that it stays in its body (3 and 4).
unsafe impl<Y: Send, B: Send> Send for Yielder<'_, Y, B> {}

impl<Y, B> Yielder<'_, Y, B> {
    fn new(reply: B) -> Self {
        let slot =
            Slot { item: Cell::new(None), chunk_remaining: Cell::new(0), chunk: RefCell::new(Vec::new()), reply };
        Self { slot: Rc::new(slot), id: PhantomData }
    }
}

impl<'id, Y> Yielder<'id, Y> {
    /// Yields `item`: suspends the body until the next item is asked for.
    ///
    /// The future that it returns must be awaited, at once and alone; the item is on its way as soon as it is called.
    ///
    /// # Panics
    ///
    /// If an earlier yield was not awaited, so that its item would be lost. The generator panics as well if the body
    /// ends with such an item.
    #[inline]
    pub fn yield_(&mut self, item: Y) -> impl Future<Output = ()> + use<'_, 'id, Y> {
        let suspended = self.slot.chunk_remaining.get() > 0;
        if suspended {
            self.slot.push_chunk(item);
        } else {
            self.slot.put(item);
        }
        YieldFuture { suspended, yielder: PhantomData::<&mut Self> }
    }

    /// Yields every item of `items`, as Python's `yield from`.
    ///
    /// # Examples
    ///
    /// ```
    /// let mut numbers = threadsafe_gen::generator(async |co| {
    ///     co.yield_(0).await;
    ///     co.yield_from([1, 2]).await;
    /// });
    /// assert!(numbers.eq([0, 1, 2]));
    /// ```
    pub async fn yield_from(&mut self, items: impl IntoIterator<Item = Y>) {
        for item in items {
            self.yield_(item).await;
        }
    }
}

impl<'id, Y, R> Yielder<'id, Y, Reply<R>> {
    /// Yields `item`, and returns what the coroutine is resumed with.
    ///
    /// The future that it returns must be awaited at once; the item is on its way as soon as it is called.
    ///
    /// # Panics
    ///
    /// If an earlier yield was not awaited, so that its item would be lost. The coroutine panics as well if the body
    /// ends with such an item.
    #[inline]
    pub fn yield_(&mut self, item: Y) -> impl Future<Output = R> + use<'_, 'id, Y, R> {
        // There is one if an earlier yield was given up half-way. It is not the reply to this one.
        drop(self.slot.reply.value.take());
        self.slot.put(item);
        ReplyFuture(self)
    }
}

impl<Y, B> fmt::Debug for Yielder<'_, Y, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Yielder").finish_non_exhaustive()
    }
}

/// What comes back at a yield, in the type of a [`Yielder`] and of a [`Generator`].
pub struct Reply<R> {
    value: Cell<Option<R>>,
    /// Identifies the waker that the body is polled with. A yield that is polled with this waker needs no wake-up: the
    /// generator itself polls the body again.
    poll: Cell<WakerId>,
    /// The waker of a yield that was polled with another one, as inside a `FuturesUnordered`, which polls a future again
    /// only after its waker was called.
    waiting: Cell<Option<Waker>>,
}

impl<R> Reply<R> {
    fn new() -> Self {
        Self { value: Cell::new(None), poll: Cell::new(WakerId::default()), waiting: Cell::new(None) }
    }
}

/// The addresses of a waker's data and of its vtable. Two wakers with one id at one time wake the same task.
#[derive(Clone, Copy, Default, PartialEq)]
struct WakerId(usize, usize);

impl WakerId {
    #[inline]
    fn of(waker: &Waker) -> Self {
        Self(waker.data().addr(), ptr::from_ref(waker.vtable()).addr())
    }
}

impl<R> fmt::Debug for Reply<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reply").finish_non_exhaustive()
    }
}

/// Suspends once, or is made as one that has been suspended.
///
/// It holds a mark of its own and no reference to the slot: a reference would have to be stored at each suspension,
/// and between two atomic instructions each store is a cycle.
struct YieldFuture<'a, 'id, Y> {
    suspended: bool,
    yielder: PhantomData<&'a mut Yielder<'id, Y>>,
}

impl<Y> Future for YieldFuture<'_, '_, Y> {
    type Output = ();

    #[inline]
    fn poll(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        if self.suspended {
            Poll::Ready(())
        } else {
            self.suspended = true;
            Poll::Pending
        }
    }
}

/// Suspends until there is a reply, which before the first yield there is.
struct ReplyFuture<'a, 'id, Y, R>(&'a mut Yielder<'id, Y, Reply<R>>);

impl<Y, R> Future for ReplyFuture<'_, '_, Y, R> {
    type Output = R;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<R> {
        let reply = &self.0.slot.reply;
        if let Some(value) = reply.value.take() {
            return Poll::Ready(value);
        }
        if reply.poll.get() != WakerId::of(cx.waker()) {
            reply.waiting.set(Some(cx.waker().clone()));
        }
        Poll::Pending
    }
}

/// An iterator over what an `async` body yields, made by [`generator`].
///
/// With a [`Reply`] for its third parameter it is not an iterator but a coroutine, made by [`coroutine`].
///
/// It is lazy, fused (after its end the body is dropped, and never run again), and `Send` if its items and its body
/// are. Dropping it half-way drops the locals of its body, as closing a Python generator runs its `finally`.
///
/// To share one between threads, wrap it: [`threadsafe`](Self::threadsafe).
///
/// # Panics
///
/// `next` lets a panic of the body through, and after it panics again. It panics as well if the body ends with a yield
/// that was not awaited, and whenever it finds the body awaiting anything but a yield.
#[must_use = "a generator does nothing unless it is iterated over"]
pub struct Generator<Y, F, B = ()> {
    // Before the slot, so that locals of the body that yield when they are dropped find it.
    body: Option<Pin<Box<F>>>,
    slot: Rc<Slot<Y, B>>,
}

// SAFETY: 1 to 6 above. `generator` and `coroutine`, which alone make one, keep that the slot's other clone is in
// `body`; the `&mut self` of all that touches the slot keeps that one thread at a time does.
unsafe impl<Y: Send, F: Send, B: Send> Send for Generator<Y, F, B> {}

impl<Y, F, B> Generator<Y, F, B> {
    pub(crate) fn is_finished(&self) -> bool {
        self.body.is_none()
    }
}

impl<Y, F: Future<Output = ()>> Generator<Y, F> {
    /// Shares the generator between threads.
    pub fn threadsafe(self) -> ThreadsafeIter<Self> {
        ThreadsafeIter::with_fill(self, Self::fill)
    }

    #[cold]
    fn end(&mut self) {
        // Before the body is dropped: asked again, it is to panic again.
        self.slot.assert_delivered();
        self.body = None;
    }

    /// Puts up to `n` items into `buffer`, which is empty, and says whether the generator ended before.
    ///
    /// If the body panics, the items that it yielded before are there.
    fn fill(&mut self, buffer: &mut Vec<Y>, n: usize) -> bool {
        let slot = Rc::clone(&self.slot);
        let chunk = Chunk::ask(&slot, buffer, n);
        let last = self.next();
        chunk.finish(last)
    }
}

impl<Y, F: Future<Output = ()>> Iterator for Generator<Y, F> {
    type Item = Y;

    #[inline]
    fn next(&mut self) -> Option<Y> {
        let Some(body) = &mut self.body else { return None };
        match body.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Pending => match self.slot.item.take() {
                None => generator_awaited_something_else(),
                item => item,
            },
            Poll::Ready(()) => {
                self.end();
                None
            }
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (0, if self.body.is_some() { None } else { Some(0) })
    }
}

impl<Y, F: Future<Output = ()>> FusedIterator for Generator<Y, F> {}

/// A generator can take the place of a [`genawaiter::rc::Gen`] in code that is generic over coroutines.
///
/// Unlike that one it may be resumed after its end, and is complete again.
impl<Y, F: Future<Output = ()>> Coroutine for Generator<Y, F> {
    type Yield = Y;
    type Resume = ();
    type Return = ();

    fn resume_with(self: Pin<&mut Self>, (): ()) -> GeneratorState<Y, ()> {
        match self.get_mut().next() {
            Some(item) => GeneratorState::Yielded(item),
            None => GeneratorState::Complete(()),
        }
    }
}

impl<Y, F: Future, R> Generator<Y, F, Reply<R>> {
    /// Shares the coroutine between threads.
    pub fn threadsafe(self) -> ThreadsafeCoroutine<Self> {
        ThreadsafeCoroutine::new(self)
    }

    /// Runs the body on, with a `reply` for the yield at which it has suspended.
    ///
    /// Ready when it suspends at a yield or is complete, pending when it awaits something else.
    pub(crate) fn poll_resume(&mut self, reply: R, cx: &mut Context<'_>) -> Poll<GeneratorState<Y, F::Output>> {
        let body = self.body.as_mut().expect("coroutine resumed after completion");
        let slot = &self.slot.reply;
        slot.value.set(Some(reply));
        slot.poll.set(WakerId::of(cx.waker()));
        if let Some(waiting) = slot.waiting.take() {
            waiting.wake();
        }
        match body.as_mut().poll(cx) {
            Poll::Pending => {
                self.slot.item.take().map_or(Poll::Pending, |item| Poll::Ready(GeneratorState::Yielded(item)))
            }
            Poll::Ready(end) => {
                self.body = None;
                Poll::Ready(GeneratorState::Complete(end))
            }
        }
    }
}

/// What [`coroutine`] makes.
///
/// # Panics
///
/// `resume_with` lets a panic of the body through, and after it, as after the end, panics again. It panics as well
/// whenever it finds the body awaiting anything but a yield.
impl<Y, F: Future, R> Coroutine for Generator<Y, F, Reply<R>> {
    type Yield = Y;
    type Resume = R;
    type Return = F::Output;

    #[inline]
    fn resume_with(self: Pin<&mut Self>, reply: R) -> GeneratorState<Y, F::Output> {
        match self.get_mut().poll_resume(reply, &mut Context::from_waker(Waker::noop())) {
            Poll::Ready(state) => state,
            Poll::Pending => coroutine_awaited_something_else(),
        }
    }
}

impl<Y, F, B> fmt::Debug for Generator<Y, F, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Generator").field("finished", &self.is_finished()).finish_non_exhaustive()
    }
}

#[cold]
#[inline(never)]
fn not_awaited() -> ! {
    panic!("an item was yielded and not awaited: write `.yield_(item).await`");
}

#[cold]
#[inline(never)]
fn generator_awaited_something_else() -> ! {
    // A yield of a generator keeps no waker, which would cost every item.
    panic!(
        "a generator awaited something other than a yield, which nothing would ever wake: await each yield by itself, \
         not inside a combinator that waits for wake-ups, such as `FuturesUnordered`"
    );
}

#[cold]
#[inline(never)]
fn coroutine_awaited_something_else() -> ! {
    panic!("a coroutine awaited something other than a yield, which nothing would ever wake");
}
