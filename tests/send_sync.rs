//! A table of the types that are `Send` and `Sync`, and of the other traits that they implement.

use std::cell::Cell;
use std::error::Error;
use std::fmt::{Debug, Display};
use std::future::Ready;
use std::hash::Hash;
use std::iter::{Empty, FusedIterator, Repeat};
use std::marker::PhantomData;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::MutexGuard;
use std::task::{Context, Poll};

use futures::stream::FusedStream;
use static_assertions::{assert_impl_all, assert_not_impl_any};
use threadsafe_gen::GeneratorState::{Complete, Yielded};
use threadsafe_gen::{
    AsyncGenerator, Coroutine, CoroutineGuard, Generator, GeneratorState, IterGuard, ParallelMap, Prefetch, Reply,
    Stream, ThreadsafeCoroutine, ThreadsafeExt, ThreadsafeIter, ThreadsafeStream, TryNextError, TryPollError,
    TryResumeError, Yielder, coroutine, generator, stream,
};

/// A future, iterator, coroutine and stream that is `Send` and `Sync` exactly if `T` is.
struct As<T>(PhantomData<T>);

impl<T> Iterator for As<T> {
    type Item = u8;

    fn next(&mut self) -> Option<u8> {
        None
    }
}

impl<T> Future for As<T> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        Poll::Ready(())
    }
}

impl<T> Coroutine for As<T> {
    type Yield = u8;
    type Resume = u8;
    type Return = u8;

    fn resume_with(self: Pin<&mut Self>, n: u8) -> GeneratorState<u8, u8> {
        GeneratorState::Complete(n)
    }
}

impl<T> Stream for As<T> {
    type Item = u8;

    fn poll_next(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<u8>> {
        Poll::Ready(None)
    }
}

/// Neither `Send` nor `Sync`.
type Neither = Rc<u8>;
/// `Send`, but not `Sync`.
type SendOnly = Cell<u8>;
/// `Sync`, but not `Send`.
type SyncOnly = MutexGuard<'static, u8>;

// The lock makes a `Send` source `Sync`. It requires `Send`.
assert_impl_all!(ThreadsafeIter<As<u8>>: Send, Sync);
assert_impl_all!(ThreadsafeIter<As<SendOnly>>: Send, Sync);
assert_not_impl_any!(ThreadsafeIter<As<SyncOnly>>: Send, Sync);
assert_not_impl_any!(ThreadsafeIter<As<Neither>>: Send, Sync);
assert_not_impl_any!(ThreadsafeIter<Repeat<Rc<u8>>>: Send, Sync);
assert_impl_all!(ThreadsafeIter<Box<dyn Iterator<Item = u8> + Send>>: Send, Sync);
assert_not_impl_any!(ThreadsafeIter<Box<dyn Iterator<Item = u8>>>: Send, Sync);
assert_not_impl_any!(ThreadsafeIter<Box<dyn Iterator<Item = u8> + Sync>>: Send, Sync);
// An item that one thread takes and puts back can reach another thread, so the items must be `Send` too.
assert_not_impl_any!(ThreadsafeIter<Empty<Rc<u8>>>: Send, Sync);

// The items of a source that runs ahead, and results in order, come from another thread. A consumer owns either alone:
// through a shared reference there is no item to be had from a `ParallelMap`, and those in a `Prefetch` are not behind
// a lock.
assert_impl_all!(Prefetch<u8>: Send, Sync, Unpin, FusedIterator, Debug);
assert_impl_all!(Prefetch<SendOnly>: Send);
assert_not_impl_any!(Prefetch<SendOnly>: Sync, Clone);
assert_not_impl_any!(Prefetch<SyncOnly>: Send);
assert_not_impl_any!(Prefetch<Neither>: Send, Sync);
assert_impl_all!(ThreadsafeIter<Prefetch<SendOnly>>: Send, Sync);
assert_not_impl_any!(ThreadsafeIter<Prefetch<SyncOnly>>: Send, Sync);
assert_impl_all!(ParallelMap<u8>: Send, Sync, Unpin, FusedIterator, Debug);
assert_impl_all!(ParallelMap<SendOnly>: Send, Sync);
assert_not_impl_any!(ParallelMap<SyncOnly>: Send, Sync, Clone);
assert_not_impl_any!(ParallelMap<Neither>: Send, Sync);

// A guard must be released on the thread that took it.
assert_not_impl_any!(IterGuard<'static, As<u8>>: Send);
assert_not_impl_any!(IterGuard<'static, As<SendOnly>>: Send, Sync);
assert_not_impl_any!(IterGuard<'static, As<SyncOnly>>: Send);
assert_not_impl_any!(IterGuard<'static, As<Neither>>: Send, Sync);

// A generator is `Send` if its items and its body are. It is never `Sync`.
assert_impl_all!(Generator<u8, Ready<()>>: Send, Unpin);
assert_impl_all!(Generator<SendOnly, As<SendOnly>>: Send);
assert_not_impl_any!(Generator<u8, Ready<()>>: Sync);
assert_not_impl_any!(Generator<Neither, Ready<()>>: Send, Sync);
assert_not_impl_any!(Generator<SyncOnly, Ready<()>>: Send, Sync);
assert_not_impl_any!(Generator<u8, As<Neither>>: Send, Sync);
assert_not_impl_any!(Generator<u8, As<SyncOnly>>: Send, Sync);
assert_not_impl_any!(Generator<u8, Pin<Box<dyn Future<Output = ()>>>>: Send, Sync);

// A coroutine contains its argument, which must be `Send` as well. It does not contain its return value.
assert_impl_all!(Generator<u8, Ready<()>, Reply<u8>>: Send, Unpin);
assert_impl_all!(Generator<SendOnly, As<SendOnly>, Reply<SendOnly>>: Send);
assert_not_impl_any!(Generator<u8, Ready<()>, Reply<u8>>: Sync, Iterator);
assert_not_impl_any!(Generator<u8, Ready<()>, Reply<Neither>>: Send, Sync);
assert_not_impl_any!(Generator<u8, Ready<()>, Reply<SyncOnly>>: Send, Sync);
assert_not_impl_any!(Generator<Neither, Ready<()>, Reply<u8>>: Send, Sync);
assert_not_impl_any!(Generator<u8, As<Neither>, Reply<u8>>: Send, Sync);
assert_not_impl_any!(Generator<u8, As<SyncOnly>, Reply<u8>>: Send, Sync);

assert_impl_all!(AsyncGenerator<u8, Ready<()>>: Send, Unpin);
assert_not_impl_any!(AsyncGenerator<u8, Ready<()>>: Sync);
assert_not_impl_any!(AsyncGenerator<Neither, Ready<()>>: Send, Sync);
assert_not_impl_any!(AsyncGenerator<SyncOnly, Ready<()>>: Send, Sync);
assert_not_impl_any!(AsyncGenerator<u8, As<Neither>>: Send, Sync);
assert_not_impl_any!(AsyncGenerator<u8, As<SyncOnly>>: Send, Sync);

// The lock around a coroutine or a stream stores none of its values, so only the coroutine or the stream must be
// `Send`.
assert_impl_all!(ThreadsafeCoroutine<As<u8>>: Send, Sync);
assert_impl_all!(ThreadsafeCoroutine<As<SendOnly>>: Send, Sync);
assert_not_impl_any!(ThreadsafeCoroutine<As<SyncOnly>>: Send, Sync);
assert_not_impl_any!(ThreadsafeCoroutine<As<Neither>>: Send, Sync);
assert_impl_all!(ThreadsafeCoroutine<Generator<u8, Ready<()>, Reply<u8>>>: Send, Sync);
assert_not_impl_any!(ThreadsafeCoroutine<Generator<u8, Ready<()>, Reply<Neither>>>: Send, Sync);
assert_impl_all!(ThreadsafeStream<As<u8>>: Send, Sync);
assert_impl_all!(ThreadsafeStream<As<SendOnly>>: Send, Sync);
assert_not_impl_any!(ThreadsafeStream<As<SyncOnly>>: Send, Sync);
assert_not_impl_any!(ThreadsafeStream<As<Neither>>: Send, Sync);
assert_impl_all!(ThreadsafeStream<AsyncGenerator<u8, Ready<()>>>: Send, Sync);
assert_impl_all!(ThreadsafeStream<Pin<Box<dyn Stream<Item = u8> + Send>>>: Send, Sync);
assert_not_impl_any!(ThreadsafeStream<Pin<Box<dyn Stream<Item = u8>>>>: Send, Sync);

assert_not_impl_any!(CoroutineGuard<'static, As<u8>>: Send);
assert_not_impl_any!(CoroutineGuard<'static, As<SendOnly>>: Send, Sync);
assert_not_impl_any!(CoroutineGuard<'static, As<SyncOnly>>: Send);
assert_not_impl_any!(CoroutineGuard<'static, As<Neither>>: Send, Sync);

assert_impl_all!(Yielder<'static, u8>: Send);
assert_impl_all!(Yielder<'static, SendOnly>: Send);
assert_not_impl_any!(Yielder<'static, u8>: Sync, Clone, Default);
assert_not_impl_any!(Yielder<'static, Neither>: Send, Sync);
assert_not_impl_any!(Yielder<'static, SyncOnly>: Send, Sync);

assert_impl_all!(Yielder<'static, u8, Reply<u8>>: Send);
assert_impl_all!(Yielder<'static, SendOnly, Reply<SendOnly>>: Send);
assert_not_impl_any!(Yielder<'static, u8, Reply<u8>>: Sync, Clone, Default);
assert_not_impl_any!(Yielder<'static, Neither, Reply<u8>>: Send, Sync);
assert_not_impl_any!(Yielder<'static, u8, Reply<Neither>>: Send, Sync);
assert_not_impl_any!(Yielder<'static, u8, Reply<SyncOnly>>: Send, Sync);

assert_impl_all!(Reply<u8>: Send, Debug);
assert_impl_all!(Reply<SendOnly>: Send);
assert_not_impl_any!(Reply<u8>: Sync, Clone, Default);
assert_not_impl_any!(Reply<SyncOnly>: Send, Sync);
assert_not_impl_any!(Reply<Neither>: Send, Sync);

// Poisoning makes the types unwind safe, whatever the source is.
assert_impl_all!(ThreadsafeIter<As<SendOnly>>: UnwindSafe, RefUnwindSafe);
assert_impl_all!(ThreadsafeIter<Generator<u8, Ready<()>>>: UnwindSafe, RefUnwindSafe);
assert_impl_all!(ThreadsafeIter<As<&'static mut u8>>: UnwindSafe, RefUnwindSafe);

assert_impl_all!(ThreadsafeCoroutine<As<&'static mut u8>>: UnwindSafe, RefUnwindSafe);
assert_impl_all!(ThreadsafeCoroutine<Generator<u8, Ready<()>, Reply<u8>>>: UnwindSafe, RefUnwindSafe);
assert_impl_all!(ThreadsafeStream<As<&'static mut u8>>: UnwindSafe, RefUnwindSafe);
assert_impl_all!(ThreadsafeStream<AsyncGenerator<u8, Ready<()>>>: UnwindSafe, RefUnwindSafe);

assert_impl_all!(ThreadsafeIter<As<u8>>: FusedIterator, From<As<u8>>, Debug, Unpin);
// A reference is not fused: items may be put back after the end.
assert_impl_all!(&ThreadsafeIter<As<u8>>: Iterator, Copy);
assert_not_impl_any!(&ThreadsafeIter<As<u8>>: FusedIterator);
assert_impl_all!(IterGuard<'static, As<u8>>: Iterator, Debug);
assert_impl_all!(Generator<u8, Ready<()>>: FusedIterator, Coroutine, Debug);
assert_impl_all!(Yielder<'static, u8>: Debug);
assert_impl_all!(Generator<u8, Ready<Neither>, Reply<Neither>>: Coroutine, Debug, Unpin);
assert_impl_all!(Yielder<'static, u8, Reply<Neither>>: Debug);
assert_impl_all!(AsyncGenerator<u8, Ready<()>>: Stream, FusedStream, Debug);
assert_impl_all!(ThreadsafeCoroutine<As<u8>>: Coroutine, From<As<u8>>, Debug, Unpin);
assert_impl_all!(ThreadsafeStream<As<u8>>: Stream, From<As<u8>>, Debug, Unpin);
assert_not_impl_any!(ThreadsafeCoroutine<As<u8>>: Clone);
assert_not_impl_any!(ThreadsafeStream<As<u8>>: Clone);
assert_impl_all!(CoroutineGuard<'static, As<u8>>: Debug);
assert_impl_all!(As<u8>: ThreadsafeExt);
assert_not_impl_any!(ThreadsafeIter<As<u8>>: Clone);
// `Debug` has no requirements on the source or its items.
assert_impl_all!(ThreadsafeIter<As<Neither>>: Debug);
assert_impl_all!(ThreadsafeCoroutine<As<Neither>>: Debug);
assert_impl_all!(ThreadsafeStream<As<Neither>>: Debug);

assert_impl_all!(TryNextError: Error, Display, Debug, Send, Sync, Unpin, UnwindSafe, RefUnwindSafe, Copy, Eq, Hash);
assert_impl_all!(TryPollError: Error, Display, Debug, Send, Sync, Unpin, UnwindSafe, RefUnwindSafe, Copy, Eq, Hash);
assert_impl_all!(TryResumeError<u8>: Error, Display, Debug, Send, Sync, Unpin, UnwindSafe, RefUnwindSafe);
assert_impl_all!(TryResumeError<u8>: Copy, Eq, Hash);
// The error contains the argument that was not sent, and has the traits that the argument's type allows.
assert_impl_all!(TryResumeError<Neither>: Error, Display, Debug, Clone, Eq);
assert_impl_all!(TryResumeError<SyncOnly>: Error, Sync);
assert_not_impl_any!(TryResumeError<SyncOnly>: Send, Clone, PartialEq);
assert_not_impl_any!(TryResumeError<Neither>: Send, Sync, Copy);

fn send<T: Send>(value: T) -> T {
    value
}

fn sync<T: Sync>(value: T) -> T {
    value
}

#[test]
fn a_generator_is_send_if_the_values_held_across_yields_are() {
    let outside = Cell::new(1);
    let numbers = send(generator(async move |co| {
        let held = Cell::new(outside.get());
        co.yield_(held.get()).await;
        co.yield_from([held.get() + 1]).await;
        // This value is not held across a yield.
        let rc = Rc::new(held.get() + 2);
        drop(rc);
    }));
    assert!(sync(send(numbers.threadsafe())).eq([1, 2]));
    // The item is an `Rc`, so this generator is not `Send`. It works on one thread.
    let local = generator(async |co| co.yield_(Rc::new(1)).await).threadsafe();
    assert_eq!(local.next(), Some(Rc::new(1)));
}

#[test]
fn a_coroutine_or_stream_is_send_if_the_values_held_across_yields_are() {
    let outside = Cell::new(1);
    let sums = send(coroutine(async move |co, first: u32| {
        let held = Cell::new(outside.get() + first);
        // The first `Rc` is not held across a yield, and the second is returned directly to the caller.
        drop(Rc::new(held.get()));
        Rc::new(held.get() + co.yield_(held.get()).await)
    }));
    let sums = sync(send(sums.threadsafe()));
    assert_eq!((sums.resume_with(1), sums.resume_with(3)), (Some(Yielded(2)), Some(Complete(Rc::new(5)))));
    let local = coroutine(async |co, first: Rc<u8>| co.yield_(first).await).threadsafe();
    assert_eq!(local.resume_with(Rc::new(1)), Some(Yielded(Rc::new(1))));

    let numbers = send(stream(async |co| {
        let held = Cell::new(1);
        co.yield_(std::future::ready(held.get()).await).await;
    }));
    assert_eq!(sync(send(numbers.threadsafe())).poll_once(), Ok(Some(1)));
}

#[test]
fn errors_convert_into_boxed_errors() {
    let boxed: Box<dyn Error + Send + Sync> = TryNextError::WouldBlock.into();
    assert_eq!(boxed.to_string(), "generator already executing");
    assert!(boxed.is::<TryNextError>() && boxed.source().is_none());
    let boxed: Box<dyn Error + Send + Sync> = TryPollError::WouldBlock.into();
    assert_eq!(boxed.to_string(), "generator already executing");
    let boxed: Box<dyn Error + Send + Sync> = TryResumeError::WouldBlock(1).into();
    assert_eq!(boxed.to_string(), "generator already executing");
    assert!(boxed.is::<TryResumeError<i32>>() && boxed.source().is_none());
}
