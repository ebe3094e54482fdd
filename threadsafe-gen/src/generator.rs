//! [`Generator`]: an iterator over the items that an `async` body yields.
//!
//! # How an item travels
//!
//! A generator has one allocation, its frame: the body, and a slot for one item. A yield fills the slot and suspends
//! the body. `next` polls the body, finds it suspended, and empties the slot. The state of the slot therefore also
//! shows whether every item arrives. If the slot is full when the body yields again or ends, a yield was not awaited.
//! If the slot is empty when the body suspends, the body awaited something else. Both panic, in release builds too.
//!
//! To take several items per resumption, `ThreadsafeIter` puts a buffer for a [`Chunk`] into the slot before it calls
//! `next`. As long as the chunk has room for more than one item, a yield appends its item to the chunk and continues.
//! The last item of the chunk suspends the body as usual, so the body runs no further than it would for single items.
//!
//! The yields of a coroutine return a value, the reply. The slot then also has a place for the reply, a [`Reply`], and
//! a yield completes when the reply is there. Coroutines and streams are such generators: see `Generator::poll_resume`.
//!
//! # Why the unsafe code is sound
//!
//! The [`Yielder`] has a pointer to the slot, which consists of cells. A pointer and cells cost nothing to follow and
//! little to fill and empty; they are not `Send`. Two `unsafe impl`s state that a generator and a yielder may move
//! between threads nevertheless. Three `unsafe` expressions follow the pointer, pin the body, and borrow the cells to
//! which a yield writes. The argument:
//!
//! 1. Cells may be used from several threads if each use happens before the next. No two threads may use them without
//!    something that orders the two uses. They may be used as long as the frame lives.
//! 2. The frame is created in `Generator::new`, on which [`generator`], [`generator_by_value`], [`coroutine`] and all
//!    other constructors are built. The `Generator` owns it, so that the frame lives as long as the `Generator` and
//!    moves to other threads with it. There is one pointer to its slot, in the `Yielder`, which the body owns. The body
//!    is in the frame. `Generator::drop` drops it, and only then is the frame dropped, with the slot.
//! 3. The user's code gets the yielder with lifetimes that it cannot name: as `&'a mut Yielder<'id, ..>` from
//!    [`generator`] and [`coroutine`], and as `Yielder<'id, ..>` from [`generator_by_value`]. The `AsyncFnOnce` of each
//!    is higher-ranked in these lifetimes, so the code cannot show that they outlive any lifetime from outside the
//!    body. (Only the bound protects, and not the lifetime that this crate chooses.) It can therefore neither store the
//!    reference or the yielder in a place that outlives the body nor pass it to a thread that might outlive the body:
//!    `std::thread::spawn` requires `'static`, and rustc reports "borrowed data escapes". A scoped thread can have it,
//!    alone or, behind a lock, in turn with other threads. Every sound scope has ended such threads when it returns or
//!    unwinds, which is before the body suspends or ends: a scope that suspends could be forgotten with the body, and
//!    so lends its threads nothing that is not `'static`. (A forgotten yielder is not used again.)
//! 4. Because the type is invariant in `'id`, no body can show that its yielder has the same type as another body's. A
//!    yielder therefore stays with its body: only a second yielder of the same type could replace it, and there is
//!    none. (A `dyn Trait` erases `'id`. Behind a reference it is unsized and cannot be swapped. A box of it can be
//!    swapped, but is still bound to a lifetime that the yielder's type outlives, and so cannot leave the body. `Any`
//!    requires `'static`. If two yielders were swapped, each would be in the other's body. Two threads could then use a
//!    generator and its yielder at the same time, by a lock around the yielder of an outer body, in which an inner body
//!    has left its own yielder. A yielder could also outlive its slot.)
//! 5. Therefore only the slot's generator and that generator's own body use a slot. The body runs, or is dropped,
//!    within a call that has the `Generator` by `&mut` or by value: `next`, `poll_resume`, the drop, and
//!    `Generator::new`, in which a body that is no `async` function runs in part. The generator itself uses the slot
//!    within these calls too, and in `is_finished` and the methods of [`Chunk`], which have it by `&`: it is not
//!    `Sync`, so that the `&` is on the thread of the last `&mut`, or ordered after it. The calls exclude each other,
//!    and Rust orders everything that happens before a `&mut` on one thread with everything that follows on the next.
//!    While the body or a destructor of its locals runs within the call, the generator itself does not use the slot.
//!    Only while the body or such a destructor runs does point 3 allow other threads to use the slot.
//! 6. Everything that moves with a generator is `Send`. The slot holds items (`Y: Send`), the place of a reply
//!    (`B: Send`), a number and a flag. A `Reply<R>` may hold a reply (`R: Send`) and a `Waker`, which is `Send`. The
//!    future holds the closure and the user's own locals (`F: Send`), which the compiler checks. A waker is foreign
//!    code. It is woken by `poll_resume`, before the poll of the body, cloned and dropped in the poll of a yield, and
//!    dropped with the slot, each time with no content of a cell borrowed. So it runs within a call of point 5, as the
//!    body does, and has no access to the slot.
//! 7. A yielder follows its pointer only in the calls of point 5, when the frame is alive: its `Generator` is borrowed,
//!    or not yet returned, or in its drop, which drops the body before the slot. The pointer stays valid until then:
//!    the frame is in a pinned box and is `!Unpin`, as in the example of a self-referential type in [`std::pin`], and
//!    until the body is dropped there is never a `&mut` to the frame or the slot, which would claim that no pointer to
//!    it is used.
//! 8. The body is pinned: it is moved into the pinned frame before it is first polled, and `Generator::next`,
//!    `poll_resume` or `drop` drops it there. No body is moved out of its cell, and none is moved in again. If a
//!    generator is leaked, so is its frame. A reference to the body exists only within a call of point 5, one at a
//!    time. It does not overlap with the slot.
//! 9. `Slot::put` writes an item to one of two cells, by a `&mut` to the content of each. There are no other references
//!    to these contents: every other function takes them out of their cells or replaces them. No other code runs while
//!    the references are live. The first write replaces an `Item::None`, so that nothing is dropped. The second is a
//!    push to a `Vec` that has room: it neither allocates, nor panics, nor drops anything. If `put` calls `put_slow`,
//!    the references are dead before the call.
//!
//! All of this relies on lifetimes. rustc has known holes by which safe code can extend a lifetime. `SAFETY.md` names
//! those that would defeat points 3 and 4.
//!
//! Neither type is `Sync`: a `&Yielder` or a `&Generator` on a second thread would break point 5. The pointer in the
//! one and the cells of the other prevent that.

#![allow(
    unsafe_code,
    reason = "two `Send` implementations and three expressions, argued above; the crate has no other unsafe code"
)]

use std::cell::Cell;
use std::fmt;
use std::iter::FusedIterator;
use std::marker::{PhantomData, PhantomPinned};
use std::mem::ManuallyDrop;
use std::pin::Pin;
use std::ptr;
use std::task::{Context, Poll, Waker};

use genawaiter::{Coroutine, GeneratorState};

use crate::ThreadsafeIter;
use crate::fill::{Chunk, Fill};

/// Holds the items between their yield and their delivery.
struct Slot<Y, B = ()> {
    item: Cell<Item<Y>>,
    /// The items that were yielded without suspending. Has a capacity only from the start of a chunk on, unless items
    /// have no size, and room for more than the last item only while `item` is `Item::InChunk`.
    chunk: Cell<Vec<Y>>,
    /// A chunk that is complete and has room for more, or a buffer that is not filled as a chunk.
    filled: Cell<Vec<Y>>,
    /// The capacity up to which the chunk grows, or 0 if it has that capacity from the start.
    chunk_limit: Cell<usize>,
    is_finished: Cell<bool>,
    /// The place of the reply to an item: `()` if there are no replies, or a [`Reply`].
    reply: B,
}

/// The item at whose yield the body suspends.
#[derive(Default)]
enum Item<Y> {
    /// There is none. The next yield stores one here.
    #[default]
    None,
    /// There is none, and a chunk is being filled: the next yield appends its item to it, unless that is the last one.
    InChunk,
    Some(Y),
}

impl<Y, B> Slot<Y, B> {
    /// Items of no size are yielded one by one: the capacity of a `Vec` of them says nothing.
    const HAS_CHUNKS: bool = size_of::<Y>() > 0;

    fn new(reply: B) -> Self {
        Self {
            item: Cell::new(Item::None),
            chunk: Cell::new(Vec::new()),
            filled: Cell::new(Vec::new()),
            chunk_limit: Cell::new(0),
            is_finished: Cell::new(false),
            reply,
        }
    }

    /// Takes the item of a yield. Returns `true` if it is in the chunk, and the body continues.
    #[inline]
    fn put(&self, new: Y) -> bool {
        // SAFETY: point 9 above. One thread at a time uses the slot (5). All other code takes or replaces the contents
        // of these cells as a whole. The references end before any other code runs: the assignment drops nothing, and
        // the push has room.
        let (item, chunk) = unsafe { (&mut *self.item.as_ptr(), &mut *self.chunk.as_ptr()) };
        if let Item::None = item {
            *item = Item::Some(new);
            false
        } else if Self::HAS_CHUNKS && chunk.len() + 1 < chunk.capacity() {
            chunk.push(new);
            true
        } else {
            self.put_slow(new)
        }
    }

    /// Takes the last item of a chunk, or one for which the chunk has to grow first.
    ///
    /// Outlined tail call: keeps its prologue off the hot path.
    #[cold]
    #[inline(never)]
    fn put_slow(&self, new: Y) -> bool {
        match self.item.replace(Item::Some(new)) {
            Item::InChunk => self.chunk_limit.get() > 0 && self.grow(),
            // The slot stays full: if the body catches this panic, it panics again at its end.
            item @ (Item::None | Item::Some(_)) => {
                drop(item);
                not_awaited();
            }
        }
    }

    /// Moves the item into the chunk, which grows first. Returns `false` if the item is the last one, and stays.
    #[cold]
    #[inline(never)]
    fn grow(&self) -> bool {
        let (mut chunk, limit) = (self.chunk.take(), self.chunk_limit.get());
        if chunk.capacity() < limit {
            let capacity = chunk.capacity().saturating_mul(2).max(4).min(limit);
            chunk.reserve_exact(capacity - chunk.len());
        }
        // A larger capacity, which is not what was asked for, would let the body run too far.
        if chunk.len() + 1 == chunk.capacity() || chunk.capacity() > limit {
            self.filled.set(chunk);
            return false;
        }
        if let Item::Some(item) = self.item.replace(Item::InChunk) {
            chunk.push(item);
        }
        self.chunk.set(chunk);
        true
    }

    /// Stores the item of a coroutine, whose body suspends at every yield.
    #[inline]
    fn put_single(&self, item: Y) {
        if !matches!(self.item.replace(Item::Some(item)), Item::None) {
            not_awaited();
        }
    }

    /// Marks the end. Panics if there is an item in the slot, which would never be delivered.
    #[cold]
    fn finish(&self) {
        if let Item::Some(_) = self.item.take() {
            not_awaited();
        }
        self.is_finished.set(true);
        // Items that destructors of the body's locals yield from here on do not get into the chunk.
        if let Some(chunk) = self.take_chunk() {
            self.filled.set(chunk);
        }
    }

    /// Takes the chunk, if one was started.
    #[inline]
    fn take_chunk(&self) -> Option<Vec<Y>> {
        let chunk = self.chunk.take();
        (Self::HAS_CHUNKS && chunk.capacity() > 0).then_some(chunk)
    }
}

/// The items that a body yields without suspending. `ThreadsafeIter` starts a chunk, calls `next` once, and takes it.
impl<Y> Chunk<Y> for Slot<Y> {
    fn start(&self, buffer: Vec<Y>, size: usize) {
        let capacity = buffer.capacity();
        match self.item.take() {
            Item::None if Self::HAS_CHUNKS && capacity <= size => {
                self.item.set(Item::InChunk);
                self.chunk.set(buffer);
                self.chunk_limit.set(if capacity < size { size } else { 0 });
            }
            // The body would run too far, or has yielded before it was first polled. It suspends at the next item.
            item => {
                self.item.set(item);
                self.filled.set(buffer);
            }
        }
    }

    fn take(&self) -> Vec<Y> {
        match self.item.take() {
            // The item of a yield that was not awaited before a panic, or of a destructor at the end of the body. It is
            // dropped with the slot.
            item @ Item::Some(_) => self.item.set(item),
            Item::None | Item::InChunk => {}
        }
        self.take_chunk().unwrap_or_else(|| self.filled.take())
    }
}

/// Creates a generator from an `async` closure that yields through a [`Yielder`].
///
/// [`#[threadsafe_generator]`](macro@crate::threadsafe_generator) expands to a call of this function. Call it directly
/// where there is no function to annotate, or to do without macros. The body starts to run at the first
/// [`next`](Iterator::next).
///
/// The generator is `Send` if its items, and all values that the body holds across a yield, are. **A lock guard still
/// counts as held after `drop(guard)`** if the body used it before: end its scope with a block instead. Creating a
/// generator makes one allocation.
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
/// The compiler infers the type of the items from the first yield. To state it: `generator::<Box<dyn Error>, _>(..)`.
pub fn generator<Y, B>(body: B) -> Generator<Y, impl Future<Output = ()>>
where
    B: AsyncFnOnce(&mut Yielder<'_, Y>),
{
    Generator::new((), |mut yielder| async move { body(&mut yielder).await })
}

/// [`generator`] for the macros, whose closures take the yielder by value.
///
/// A body that borrowed its yielder would need a second future around its own, to hold the yielder: one more state to
/// look at for each item, and one more future to compile for each generator.
///
/// `body` is called here and not at the first `next`. It must be an `async` closure, which runs none of its code then.
pub fn generator_by_value<Y, B>(body: B) -> Generator<Y, impl Future<Output = ()>>
where
    B: AsyncFnOnce(Yielder<'_, Y>),
{
    Generator::new((), |yielder| body(yielder))
}

/// Creates a coroutine from an `async` closure: a generator whose `yield_` returns the argument of the next resume.
///
/// The closure gets the [`Yielder`] and the argument of the first resume. Its return value becomes
/// [`Complete`](GeneratorState::Complete). The body starts to run when the coroutine is first resumed.
///
/// [`Coroutine::resume_with`] resumes the coroutine. To resume it from several threads, put it under the lock of a
/// [`ThreadsafeCoroutine`](crate::ThreadsafeCoroutine). With `#[threadsafe_generator]`, a function that returns `impl
/// Coroutine` creates a coroutine.
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
    Generator::new(Reply::new(), |mut yielder| async move {
        let first = ReplyFuture(&mut yielder).await;
        body(&mut yielder, first).await
    })
}

/// Yields items from the body of a generator.
///
/// The body of a [`generator`] borrows one while it runs, as `&mut Yielder<'_, Y>`. The body of a [`coroutine`] or of a
/// stream borrows a `&mut Yielder<'_, Y, Reply<R>>`, whose yields return an `R`. There is no other way to get one. A
/// body can lend it to functions that yield on its behalf:
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
/// Each body has its own invariant lifetime `'id`, so that the yielders of different bodies cannot be swapped.
pub struct Yielder<'id, Y, B = ()> {
    slot: *const Slot<Y, B>,
    /// Invariant, and different in each body, so that no two yielders have the same type.
    id: PhantomData<fn(&'id ()) -> &'id ()>,
}

// SAFETY: points 1 to 6 above. Only `Generator::new` creates a yielder, and gives it to the body in the frame of the
// slot (2). The lifetimes in the signatures of `generator`, `generator_by_value` and `coroutine`, which the compiler
// checks, ensure that the yielder stays in its body (3 and 4).
unsafe impl<Y: Send, B: Send> Send for Yielder<'_, Y, B> {}

impl<Y, B> Yielder<'_, Y, B> {
    #[inline]
    fn slot(&self) -> &Slot<Y, B> {
        // SAFETY: point 7 above. The body that has this yielder is in the frame of the slot (2 to 4), and is dropped
        // before the slot, by `Generator::drop`.
        unsafe { &*self.slot }
    }
}

impl<'id, Y> Yielder<'id, Y> {
    /// Yields `item`: suspends the body until the next item is requested.
    ///
    /// **Await the future immediately and by itself**, as in `co.yield_(item).await`. The item is stored by the call,
    /// not by the first poll. Inside a combinator that waits for wake-ups, such as `FuturesUnordered`, the generator
    /// panics.
    ///
    /// # Panics
    ///
    /// If an earlier yield was not awaited, because its item would be lost. The generator also panics if the body ends
    /// with such an item.
    ///
    /// # Examples
    ///
    /// ```
    /// let squares = threadsafe_gen::generator(async |co| {
    ///     for i in 1.. {
    ///         co.yield_(i * i).await;
    ///     }
    /// });
    /// assert!(squares.take(3).eq([1, 4, 9]));
    /// ```
    #[inline]
    pub fn yield_(&mut self, item: Y) -> impl Future<Output = ()> + use<'_, 'id, Y> {
        let suspended = self.put(item);
        YieldFuture { suspend: Suspend { suspended }, yielder: PhantomData::<&mut Self> }
    }

    /// Stores `item`. Returns `true` if the body continues, and `false` if it has to await [`suspend`].
    ///
    /// For `yield_!`: no future is there, nor has a mark to be stored, if the body continues.
    #[doc(hidden)]
    #[inline]
    pub fn put(&mut self, item: Y) -> bool {
        self.slot().put(item)
    }

    /// Yields every item of `items`, as Python's `yield from` does.
    ///
    /// If `items` is a generator that itself yields from a generator, and so on, each item passes through all levels,
    /// and the calls nest. **Deep recursion overflows the stack.** In a release build a level of an annotated function
    /// takes some 1.3 KiB of stack: 6,500 levels fit on the 8 MiB of a usual main thread, and 1,600 on the 2 MiB of a
    /// spawned thread. In a debug build a level takes some 4.7 KiB.
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
    /// Yields `item`, and returns the argument of the next resume.
    ///
    /// **Await the future immediately**, as in `co.yield_(item).await`. The item is stored by the call, not by the
    /// first poll.
    ///
    /// # Panics
    ///
    /// If an earlier yield was not awaited, because its item would be lost. The coroutine also panics if the body ends
    /// with such an item.
    ///
    /// # Examples
    ///
    /// ```
    /// use threadsafe_gen::{GeneratorState::Yielded, coroutine};
    ///
    /// let length = coroutine(async |co, mut word: &str| loop {
    ///     word = co.yield_(word.len()).await;
    /// });
    /// assert_eq!(length.threadsafe().resume_with("four"), Some(Yielded(4)));
    /// ```
    #[inline]
    pub fn yield_(&mut self, item: Y) -> impl Future<Output = R> + use<'_, 'id, Y, R> {
        // A cancelled earlier yield may have left its reply here: discard it.
        drop(self.slot().reply.value.take());
        self.slot().put_single(item);
        ReplyFuture(self)
    }
}

impl<Y, B> fmt::Debug for Yielder<'_, Y, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Yielder").finish_non_exhaustive()
    }
}

/// Marks a [`Yielder`] or a [`Generator`] whose body receives an `R` at each yield.
pub struct Reply<R> {
    value: Cell<Option<R>>,
    /// Identifies the waker that the body is polled with. A yield that is polled with this waker needs no wake-up,
    /// because the generator itself polls the body again.
    poll: Cell<WakerId>,
    /// The waker of a yield that was polled with another waker. A `FuturesUnordered`, for example, polls a future again
    /// only after the future's own waker was called.
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

/// Suspends once, or not at all if `suspended` is set from the start.
///
/// It holds a mark of its own and no reference to the slot: a reference would have to be stored at each suspension, and
/// between two atomic instructions each store is a cycle.
#[derive(Debug)]
#[must_use = "futures do nothing unless they are awaited"]
pub struct Suspend {
    suspended: bool,
}

/// Suspends the body of a generator, after [`Yielder::put`].
#[inline]
pub fn suspend() -> Suspend {
    Suspend { suspended: false }
}

impl Future for Suspend {
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

/// [`Suspend`], with a borrow of the yielder.
struct YieldFuture<'a, 'id, Y> {
    suspend: Suspend,
    yielder: PhantomData<&'a mut Yielder<'id, Y>>,
}

impl<Y> Future for YieldFuture<'_, '_, Y> {
    type Output = ();

    #[inline]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        Pin::new(&mut self.suspend).poll(cx)
    }
}

/// Resolves once a reply is present. Before the first yield, the reply is the initial argument.
struct ReplyFuture<'a, 'id, Y, R>(&'a mut Yielder<'id, Y, Reply<R>>);

impl<Y, R> Future for ReplyFuture<'_, '_, Y, R> {
    type Output = R;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<R> {
        let reply = &self.0.slot().reply;
        if let Some(value) = reply.value.take() {
            return Poll::Ready(value);
        }
        if reply.poll.get() != WakerId::of(cx.waker()) {
            reply.waiting.set(Some(cx.waker().clone()));
        }
        Poll::Pending
    }
}

/// An iterator over the items that an `async` body yields, created by [`generator`].
///
/// With a [`Reply`] as its third parameter it is a coroutine, created by [`coroutine`], and not an iterator.
///
/// A generator is lazy and fused: at its end the body is dropped, and never runs again. It is `Send` if its items and
/// its body are. Dropping a generator before its end drops the locals of its body, as closing a Python generator runs
/// its `finally`.
///
/// To share a generator between threads, call [`threadsafe`](Self::threadsafe).
///
/// # Panics
///
/// `next` propagates a panic of the body. Later calls panic too. `next` also panics if the body ends with a yield that
/// was not awaited, and if the body awaits anything other than a yield.
#[must_use = "a generator does nothing unless it is iterated over"]
pub struct Generator<Y, F, B = ()> {
    frame: Pin<Box<Frame<Y, F, B>>>,
}

/// The part of a generator that is on the heap, and does not move. It consists of cells, so that there is no `&mut` to
/// it as a whole until it is dropped.
struct Frame<Y, F, B> {
    /// `None` before the body is there and after its end. Dropped by the `Generator`, so that no code to drop a body is
    /// compiled wherever a generator is created.
    body: Cell<ManuallyDrop<Option<F>>>,
    slot: Slot<Y, B>,
    /// The yielder in the body points to the slot.
    _pinned: PhantomPinned,
}

// SAFETY: points 1 to 6 above. Only `Generator::new` creates a generator, with its body's yielder in its frame (2). One
// thread at a time uses the slot and the body (5): every method that does takes `&mut self`, except for `is_finished`
// and `chunk`, whose caller has the generator by `&mut`; and a generator is not `Sync`.
unsafe impl<Y: Send, F: Send, B: Send> Send for Generator<Y, F, B> {}

impl<Y, F, B> Generator<Y, F, B> {
    /// Creates a generator from the function that makes its body. Leaks the frame if that function panics.
    fn new<'id>(reply: B, start: impl FnOnce(Yielder<'id, Y, B>) -> F) -> Self {
        let body = const { Cell::new(ManuallyDrop::new(None)) };
        let frame = Box::pin(Frame { body, slot: Slot::new(reply), _pinned: PhantomPinned });
        // Without this, code to drop a frame would be compiled wherever a generator is created, for that panic.
        let frame = ManuallyDrop::new(frame);
        frame.body.set(ManuallyDrop::new(Some(start(Yielder { slot: &raw const frame.slot, id: PhantomData }))));
        Self { frame: ManuallyDrop::into_inner(frame) }
    }

    /// Returns the body and the slot.
    #[inline]
    fn parts(&mut self) -> (Pin<&mut Option<F>>, &Slot<Y, B>) {
        let Frame { body, slot, .. } = &*self.frame;
        // SAFETY: point 8 above. This reference borrows the generator, so that there is no other. The frame is pinned.
        (unsafe { Pin::new_unchecked(&mut *body.as_ptr()) }, slot)
    }

    pub(crate) fn is_finished(&self) -> bool {
        self.frame.slot.is_finished.get()
    }
}

/// Drops the body before the slot: a destructor of the body's locals may still yield.
impl<Y, F, B> Drop for Generator<Y, F, B> {
    fn drop(&mut self) {
        self.parts().0.set(None);
    }
}

impl<Y, F: Future<Output = ()>> Generator<Y, F> {
    /// Puts a lock around the generator, so that threads can share it.
    ///
    /// # Examples
    ///
    /// ```
    /// use threadsafe_gen::generator;
    ///
    /// let squares = generator(async |co| {
    ///     for i in 1..=100_u32 {
    ///         co.yield_(i * i).await;
    ///     }
    /// });
    /// let squares = squares.threadsafe();
    /// let (one, other) = std::thread::scope(|scope| {
    ///     let one = scope.spawn(|| squares.iter().sum::<u32>());
    ///     let other = scope.spawn(|| squares.iter().sum::<u32>());
    ///     (one.join().unwrap(), other.join().unwrap())
    /// });
    /// assert_eq!(one + other, 338_350);
    /// ```
    pub fn threadsafe(self) -> ThreadsafeIter<Self> {
        ThreadsafeIter::with_fill(self, Fill::Generator(Self::chunk))
    }

    fn chunk(&self) -> &dyn Chunk<Y> {
        &self.frame.slot
    }
}

impl<Y, F: Future<Output = ()>> Iterator for Generator<Y, F> {
    type Item = Y;

    #[inline]
    fn next(&mut self) -> Option<Y> {
        let (mut body, slot) = self.parts();
        match body.as_mut().as_pin_mut()?.poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Pending => match slot.item.take() {
                Item::Some(item) => Some(item),
                Item::None | Item::InChunk => generator_awaited_something_else(),
            },
            Poll::Ready(()) => {
                // Before the body is dropped, so that later calls panic again if this does.
                slot.finish();
                body.set(None);
                None
            }
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (0, if self.is_finished() { Some(0) } else { None })
    }
}

impl<Y, F: Future<Output = ()>> FusedIterator for Generator<Y, F> {}

/// A generator can replace a [`genawaiter::rc::Gen`] in code that is generic over coroutines.
///
/// Unlike a `Gen`, it can be resumed after its end, and is then complete again.
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
    /// Resumes the body, with `reply` as the result of the yield at which it is suspended.
    ///
    /// Ready when the body suspends at a yield or completes, pending while it awaits something else.
    pub(crate) fn poll_resume(&mut self, reply: R, cx: &mut Context<'_>) -> Poll<GeneratorState<Y, F::Output>> {
        let (mut body, slot) = self.parts();
        let running = body.as_mut().as_pin_mut().expect("coroutine resumed after completion");
        slot.reply.value.set(Some(reply));
        slot.reply.poll.set(WakerId::of(cx.waker()));
        // Called with no cell borrowed, and before the poll: a combinator polls the yield again only if it was woken.
        if let Some(waiting) = slot.reply.waiting.take() {
            waiting.wake();
        }
        match running.poll(cx) {
            Poll::Pending => match slot.item.take() {
                Item::Some(item) => Poll::Ready(GeneratorState::Yielded(item)),
                Item::None | Item::InChunk => Poll::Pending,
            },
            Poll::Ready(end) => {
                slot.finish();
                body.set(None);
                Poll::Ready(GeneratorState::Complete(end))
            }
        }
    }
}

/// The coroutines that [`coroutine`] creates.
///
/// # Panics
///
/// `resume_with` propagates a panic of the body. Later calls panic too, as calls after the end do. `resume_with` also
/// panics if the body awaits anything other than a yield.
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
    // A yield of a generator stores no waker, because that would cost time at every item.
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
