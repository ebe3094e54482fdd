//! Which of the types may go to another thread, which may be used from several, and what else they are.

use std::cell::Cell;
use std::error::Error;
use std::fmt::{Debug, Display};
use std::future::Ready;
use std::hash::Hash;
use std::iter::{Empty, FusedIterator, Repeat};
use std::marker::PhantomData;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::rc::Rc;
use std::sync::MutexGuard;

use genawaiter::Coroutine;
use static_assertions::{assert_impl_all, assert_not_impl_any};
use threadsafe_gen::{Generator, IterGuard, ThreadsafeExt, ThreadsafeIter, TryNextError, Yielder, generator};

/// A future, or a source of `u8`, that is as `Send` and as `Sync` as `T`.
struct As<T>(PhantomData<T>);

impl<T> Iterator for As<T> {
    type Item = u8;

    fn next(&mut self) -> Option<u8> {
        None
    }
}

impl<T> Future for As<T> {
    type Output = ();

    fn poll(self: std::pin::Pin<&mut Self>, _: &mut std::task::Context<'_>) -> std::task::Poll<()> {
        std::task::Poll::Ready(())
    }
}

/// Neither.
type Neither = Rc<u8>;
/// `Send`, and not `Sync`.
type SendOnly = Cell<u8>;
/// `Sync`, and not `Send`.
type SyncOnly = MutexGuard<'static, u8>;

// The lock makes `Sync` of `Send`, and of nothing less.
assert_impl_all!(ThreadsafeIter<As<u8>>: Send, Sync);
assert_impl_all!(ThreadsafeIter<As<SendOnly>>: Send, Sync);
assert_not_impl_any!(ThreadsafeIter<As<SyncOnly>>: Send, Sync);
assert_not_impl_any!(ThreadsafeIter<As<Neither>>: Send, Sync);
assert_not_impl_any!(ThreadsafeIter<Repeat<Rc<u8>>>: Send, Sync);
assert_impl_all!(ThreadsafeIter<Box<dyn Iterator<Item = u8> + Send>>: Send, Sync);
assert_not_impl_any!(ThreadsafeIter<Box<dyn Iterator<Item = u8>>>: Send, Sync);
assert_not_impl_any!(ThreadsafeIter<Box<dyn Iterator<Item = u8> + Sync>>: Send, Sync);
// An item that one thread takes and gives back reaches another.
assert_not_impl_any!(ThreadsafeIter<Empty<Rc<u8>>>: Send, Sync);

// A guard is let go on the thread that took it.
assert_not_impl_any!(IterGuard<'static, As<u8>>: Send);
assert_not_impl_any!(IterGuard<'static, As<SendOnly>>: Send, Sync);
assert_not_impl_any!(IterGuard<'static, As<SyncOnly>>: Send);
assert_not_impl_any!(IterGuard<'static, As<Neither>>: Send, Sync);

// A generator goes to another thread if its items and its body do; nothing of it is shared.
assert_impl_all!(Generator<u8, Ready<()>>: Send, Unpin);
assert_impl_all!(Generator<SendOnly, As<SendOnly>>: Send);
assert_not_impl_any!(Generator<u8, Ready<()>>: Sync);
assert_not_impl_any!(Generator<Neither, Ready<()>>: Send, Sync);
assert_not_impl_any!(Generator<SyncOnly, Ready<()>>: Send, Sync);
assert_not_impl_any!(Generator<u8, As<Neither>>: Send, Sync);
assert_not_impl_any!(Generator<u8, As<SyncOnly>>: Send, Sync);
assert_not_impl_any!(Generator<u8, std::pin::Pin<Box<dyn Future<Output = ()>>>>: Send, Sync);

assert_impl_all!(Yielder<'static, u8>: Send);
assert_impl_all!(Yielder<'static, SendOnly>: Send);
assert_not_impl_any!(Yielder<'static, u8>: Sync, Clone, Default);
assert_not_impl_any!(Yielder<'static, Neither>: Send, Sync);
assert_not_impl_any!(Yielder<'static, SyncOnly>: Send, Sync);

// The poison is what makes it unwind safe, whatever the source is.
assert_impl_all!(ThreadsafeIter<As<SendOnly>>: UnwindSafe, RefUnwindSafe);
assert_impl_all!(ThreadsafeIter<Generator<u8, Ready<()>>>: UnwindSafe, RefUnwindSafe);
assert_impl_all!(ThreadsafeIter<As<&'static mut u8>>: UnwindSafe, RefUnwindSafe);

assert_impl_all!(ThreadsafeIter<As<u8>>: FusedIterator, From<As<u8>>, Debug, Unpin);
// Others may give items back after the end.
assert_impl_all!(&ThreadsafeIter<As<u8>>: Iterator, Copy);
assert_not_impl_any!(&ThreadsafeIter<As<u8>>: FusedIterator);
assert_impl_all!(IterGuard<'static, As<u8>>: Iterator, Debug);
assert_impl_all!(Generator<u8, Ready<()>>: FusedIterator, Coroutine, Debug);
assert_impl_all!(Yielder<'static, u8>: Debug);
assert_impl_all!(As<u8>: ThreadsafeExt);
assert_not_impl_any!(ThreadsafeIter<As<u8>>: Clone);
// Debug asks nothing of the source or its items.
assert_impl_all!(ThreadsafeIter<As<Neither>>: Debug);

assert_impl_all!(TryNextError: Error, Display, Debug, Send, Sync, Unpin, UnwindSafe, RefUnwindSafe, Copy, Eq, Hash);

fn send<T: Send>(value: T) -> T {
    value
}

fn sync<T: Sync>(value: T) -> T {
    value
}

#[test]
fn what_generator_returns_is_send_if_what_the_body_holds_is() {
    let outside = Cell::new(1);
    let numbers = send(generator(async move |co| {
        let held = Cell::new(outside.get());
        co.yield_(held.get()).await;
        co.yield_from([held.get() + 1]).await;
        // Not held across a yield, so nobody else's business.
        let rc = Rc::new(held.get() + 2);
        drop(rc);
    }));
    assert!(sync(send(numbers.threadsafe())).eq([1, 2]));
    // `send` is not asked here, and need not be.
    let local = generator(async |co| co.yield_(Rc::new(1)).await).threadsafe();
    assert_eq!(local.next(), Some(Rc::new(1)));
}

#[test]
fn an_error_fits_into_a_box_that_goes_anywhere() {
    let boxed: Box<dyn Error + Send + Sync> = TryNextError::AlreadyExecuting.into();
    assert_eq!(boxed.to_string(), "generator already executing");
    assert!(boxed.is::<TryNextError>() && boxed.source().is_none());
}
