//! A generator that is an iterator: an `async` body that suspends at each yield.
//!
//! # How an item travels
//!
//! The body and its [`Generator`] share a slot for one item. A yield fills the slot and suspends the body; the
//! generator, polling the body in `next`, finds it suspended and empties the slot. The slot's state is therefore also
//! the check that every item arrives: full when the body yields again or ends means that a yield was not awaited,
//! empty when the body suspends means that it awaited something else. Both panic, in release builds too.
//!
//! Who wants n items at a time gets them without n suspensions: `Generator::fill` says so in the slot, and for so long a
//! yield puts its item with the others and goes on. Only the nth suspends. The body runs no further than it would have.
//!
//! # Why a generator is `Send`
//!
//! The slot is an `Rc` of cells, which cost nothing to fill and empty and are not `Send`. Two `unsafe impl`s say that it
//! may move between threads all the same. The argument:
//!
//! 1. An `Rc` may be used from several threads in turn, provided that all its clones are handed over together and
//!    that each hand-over happens before the next use. What must not be is two threads that use it at a time.
//! 2. A slot has two clones, both made in [`generator`]: one in the `Generator`, one in the `Yielder` that is a local
//!    of the body's future. The future is a field of the same `Generator` and is never moved out of it, so whoever
//!    moves the `Generator` moves both.
//! 3. The body gets the yielder as `&mut Yielder<Y>` of a lifetime that it cannot name (`AsyncFnOnce(&mut Yielder<Y>)` is
//!    higher-ranked). It can neither keep it in a place that outlives the call nor give it to a thread that might:
//!    `std::thread::spawn` asks for `'static` and is refused with "borrowed data escapes". A scoped thread can borrow
//!    it, and has ended when the scope returns, which is before the body suspends or ends, since scopes do not await.
//! 4. There is no way to make or to clone a `Yielder` but `generator`, so all that safe code can do with two of them is
//!    to swap them, in a body that borrows another body's yielder. The borrow then keeps the inner generator within
//!    the outer body, so the clones of both slots stay within the outer `Generator`, as in 2.
//! 5. The slot is touched by the body while it runs, which is within `Generator::next` or within drop, and by the
//!    generator in those same two. Each takes the `Generator` by `&mut` or by value, so they exclude each other, and
//!    Rust orders what happens before a `&mut` on one thread with what follows on the next.
//! 6. What travels with the slot is an item (`Y: Send`) and what travels with the future are the user's own locals
//!    (`F: Send`), about which the compiler decides.
//!
//! Neither type is `Sync`: a `&Yielder` or `&Generator` on a second thread would break 5, and the `Rc` in each forbids it.

#![allow(unsafe_code, reason = "the two `Send` implementations, argued above; the crate has no other unsafe code")]

use std::cell::{Cell, RefCell};
use std::fmt;
use std::iter::FusedIterator;
use std::marker::PhantomData;
use std::mem;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use genawaiter::{Coroutine, GeneratorState};

use crate::ThreadsafeIter;

/// The place of the items that are between their yield and their delivery.
struct Slot<Y> {
    /// The item at whose yield the body suspends.
    item: Cell<Option<Y>>,
    /// How many items the body may yield before that, without suspending.
    ahead: Cell<usize>,
    /// Those items.
    chunk: RefCell<Vec<Y>>,
}

impl<Y> Slot<Y> {
    /// Puts an item with those that are asked for at a time.
    #[inline]
    fn put_ahead(&self, item: Y) {
        self.ahead.set(self.ahead.get() - 1);
        let mut chunk = self.chunk.borrow_mut();
        if chunk.len() < chunk.capacity() {
            chunk.push(item);
        } else {
            drop(chunk);
            self.put_and_grow(item);
        }
    }

    /// Apart, and nothing to do after it: what it needs is not to be made ready at every yield.
    #[cold]
    #[inline(never)]
    fn put_and_grow(&self, item: Y) {
        self.chunk.borrow_mut().push(item);
    }

    /// Refuses to go on with an item that nobody will take.
    #[cold]
    fn check_empty(&self) {
        if self.item.take().is_some() {
            not_awaited();
        }
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
    B: AsyncFnOnce(&mut Yielder<Y>),
{
    let slot = Rc::new(Slot { item: Cell::default(), ahead: Cell::new(0), chunk: RefCell::default() });
    let mut yielder = Yielder { slot: Rc::clone(&slot) };
    let body = async move {
        body(&mut yielder).await;
        // Its own slot, or that of another generator whose body has swapped the two.
        yielder.slot.check_empty();
    };
    Generator { body: Some(Box::pin(body)), slot }
}

/// Makes a generator of an `async` closure that can fail: its error is the last item.
///
/// For bodies with `?` in them. The items are `Result<T, E>`; an `Err` that the body returns is delivered as one more
/// item, after which the generator has ended.
///
/// # Examples
///
/// ```
/// use std::num::ParseIntError;
/// use threadsafe_gen::try_generator;
///
/// let mut numbers = try_generator(async |co| {
///     for word in "1 2 x 4".split(' ') {
///         let n: u32 = word.parse()?;
///         co.yield_(Ok(n)).await;
///     }
///     Ok::<(), ParseIntError>(())
/// });
/// assert_eq!(numbers.next(), Some(Ok(1)));
/// assert_eq!(numbers.next(), Some(Ok(2)));
/// assert!(matches!(numbers.next(), Some(Err(_))));
/// assert_eq!(numbers.next(), None);
/// ```
pub fn try_generator<T, E, B>(body: B) -> Generator<Result<T, E>, impl Future<Output = ()>>
where
    B: AsyncFnOnce(&mut Yielder<Result<T, E>>) -> Result<(), E>,
{
    fallible(body, Err)
}

/// [`try_generator`] for the attribute, which knows the items' type only by a name that may be an alias.
pub fn fallible<Y, E, B>(body: B, from_error: fn(E) -> Y) -> Generator<Y, impl Future<Output = ()>>
where
    B: AsyncFnOnce(&mut Yielder<Y>) -> Result<(), E>,
{
    generator(async move |co: &mut Yielder<Y>| {
        if let Err(error) = body(co).await {
            co.yield_(from_error(error)).await;
        }
    })
}

/// A `Result` by whatever name.
#[diagnostic::on_unimplemented(
    message = "`?` in a generator makes the error an item, and its items are `{Self}`",
    label = "write `Item = Result<{Self}, E>`, or do without `?` in the body"
)]
pub trait Fallible {
    /// The `E` of `Result<T, E>`.
    type Error;

    /// The item that an error is.
    fn from_error(error: Self::Error) -> Self;
}

impl<T, E> Fallible for Result<T, E> {
    type Error = E;

    fn from_error(error: E) -> Self {
        Err(error)
    }
}

/// What the body of a generator yields through.
///
/// Only the body of a [`generator`] is given one, as `&mut Yielder<Y>`, for as long as it runs.
pub struct Yielder<Y> {
    slot: Rc<Slot<Y>>,
}

// SAFETY: 1 to 6 above. `generator` keeps that the other clone of the slot moves along (2); the higher-ranked lifetime in
// its signature, checked by the compiler, keeps that the yielder stays within its body (3).
unsafe impl<Y: Send> Send for Yielder<Y> {}

impl<Y> Yielder<Y> {
    /// Yields `item`: suspends the body until the next item is asked for.
    ///
    /// The future that it returns must be awaited, at once and alone; the item is on its way as soon as it is called.
    ///
    /// # Panics
    ///
    /// If an earlier yield was not awaited, so that its item would be lost. The generator panics as well if the body
    /// ends with such an item.
    #[inline]
    pub fn yield_(&mut self, item: Y) -> impl Future<Output = ()> + use<'_, Y> {
        let suspended = self.slot.ahead.get() > 0;
        if suspended {
            self.slot.put_ahead(item);
        } else if self.slot.item.replace(Some(item)).is_some() {
            not_awaited();
        }
        Yielding { suspended, yielder: PhantomData::<&mut Self> }
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

impl<Y> fmt::Debug for Yielder<Y> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Yielder").finish_non_exhaustive()
    }
}

/// Suspends once, or is made as one that has been suspended.
///
/// It holds a mark of its own and no reference to the slot: a reference would have to be stored at each suspension,
/// and between two atomic instructions each store is a cycle.
struct Yielding<'a, Y> {
    suspended: bool,
    yielder: PhantomData<&'a mut Yielder<Y>>,
}

impl<Y> Future for Yielding<'_, Y> {
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

/// An iterator over what an `async` body yields, made by [`generator`].
///
/// It is lazy, fused (after its end the body is dropped, and never run again), and `Send` if its items and its body are.
/// Dropping it half-way drops the locals of its body, as closing a Python generator runs its `finally`.
///
/// To share one between threads, wrap it: [`threadsafe`](Self::threadsafe).
///
/// # Panics
///
/// `next` lets a panic of the body through, and after it panics again. It panics as well if the body ends with a yield that
/// was not awaited, and whenever it finds the body awaiting anything but a yield.
#[must_use = "a generator does nothing unless it is iterated over"]
pub struct Generator<Y, F> {
    // Before the slot, so that locals of the body that yield when they are dropped find it.
    body: Option<Pin<Box<F>>>,
    slot: Rc<Slot<Y>>,
}

// SAFETY: 1 to 6 above. `generator`, which alone makes one, keeps that the slot's other clone is in `body`; the `&mut
// self` of all that touches the slot keeps that one thread at a time does.
unsafe impl<Y: Send, F: Send> Send for Generator<Y, F> {}

impl<Y, F: Future<Output = ()>> Generator<Y, F> {
    /// Shares the generator between threads.
    pub fn threadsafe(self) -> ThreadsafeIter<Self> {
        ThreadsafeIter::with_fill(self, Self::fill)
    }

    #[cold]
    fn end(&mut self) {
        // Before the body is dropped: asked again, it is to panic again.
        self.slot.check_empty();
        self.body = None;
    }

    /// Puts up to `n` items into `buffer`, which is empty, and says whether the generator ended before.
    ///
    /// If the body panics, the items that it yielded before are there.
    fn fill(&mut self, buffer: &mut Vec<Y>, n: usize) -> bool {
        /// Takes the items back out of the slot, by a panic too.
        struct Chunk<'a, Y>(Rc<Slot<Y>>, &'a mut Vec<Y>);

        impl<Y> Drop for Chunk<'_, Y> {
            fn drop(&mut self) {
                self.0.ahead.set(0);
                *self.1 = self.0.chunk.take();
            }
        }

        let chunk = Chunk(Rc::clone(&self.slot), buffer);
        self.slot.chunk.replace(mem::take(chunk.1));
        self.slot.ahead.set(n - 1);
        let last = self.next();
        drop(chunk);
        let ended = last.is_none();
        buffer.extend(last);
        ended
    }
}

impl<Y, F: Future<Output = ()>> Iterator for Generator<Y, F> {
    type Item = Y;

    #[inline]
    fn next(&mut self) -> Option<Y> {
        let body = self.body.as_mut()?.as_mut();
        match body.poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Pending => Some(self.slot.item.take().unwrap_or_else(|| awaited_something_else())),
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

impl<Y, F> fmt::Debug for Generator<Y, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Generator").field("finished", &self.body.is_none()).finish_non_exhaustive()
    }
}

#[cold]
#[inline(never)]
fn not_awaited() -> ! {
    panic!("an item was yielded and not awaited: write `.yield_(item).await`");
}

#[cold]
#[inline(never)]
fn awaited_something_else() -> ! {
    panic!("a generator awaited something other than a yield, which nothing here would ever wake");
}
