//! The source of all comparisons, the numbers from 1 to `items`, written for each crate.
//!
//! Each follows the documentation of its crate and has the same loop inside.

use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use futures_core::Stream;
use threadsafe_gen::{Generator, generator, threadsafe_generator};

use crate::work::Work;

/// The source as a hand-written iterator.
#[derive(Debug)]
pub struct Count<S> {
    last: u64,
    items: u64,
    work: S,
}

impl<S> Count<S> {
    /// Creates an iterator that counts from 1 to `items`.
    pub const fn new(items: u64, work: S) -> Self {
        Self { last: 0, items, work }
    }
}

impl<S: Work> Iterator for Count<S> {
    type Item = u64;

    #[inline]
    fn next(&mut self) -> Option<u64> {
        if self.last == self.items {
            return None;
        }
        self.work.run();
        self.last += 1;
        Some(self.last)
    }
}

/// The source as an annotated function, to be shared.
#[threadsafe_generator]
pub fn shared<S: Work>(items: u64, work: S) -> impl Iterator<Item = u64> {
    let mut i = 0;
    while i < items {
        work.run();
        i += 1;
        yield_!(i);
    }
}

/// The source by our function `generator`, not shared: for contenders with their own way of sharing.
pub fn bare<S: Work>(items: u64, work: S) -> Generator<u64, impl Future<Output = ()> + Send> {
    generator(async move |co| {
        let mut i = 0;
        while i < items {
            work.run();
            i += 1;
            co.yield_(i).await;
        }
    })
}

/// The source by `genawaiter::sync`. It is not fused: a contender that shares it must fuse it.
pub fn genawaiter_sync<S: Work>(items: u64, work: S) -> impl Iterator<Item = u64> + Send {
    genawaiter::sync::Gen::new(|co| async move {
        let mut i = 0;
        while i < items {
            work.run();
            i += 1;
            co.yield_(i).await;
        }
    })
    .into_iter()
}

/// The source by `genawaiter::rc`, which only one thread can use.
pub fn genawaiter_rc<S: Work>(items: u64, work: S) -> impl Iterator<Item = u64> {
    genawaiter::rc::Gen::new(|co| async move {
        let mut i = 0;
        while i < items {
            work.run();
            i += 1;
            co.yield_(i).await;
        }
    })
    .into_iter()
}

/// The source by fauxgen. It is not fused either.
pub fn fauxgen<S: Work>(items: u64, work: S) -> impl Iterator<Item = u64> + Send {
    #[fauxgen::generator(yield = u64)]
    fn count<S: Work>(items: u64, work: S) {
        let mut i = 0;
        while i < items {
            work.run();
            i += 1;
            r#yield!(i);
        }
    }
    Box::pin(count(items, work))
}

/// The source by async-stream, which makes streams. [`Polled`] makes it an iterator, because it is always ready.
pub fn async_stream<S: Work>(items: u64, work: S) -> impl Iterator<Item = u64> + Send {
    Polled(Box::pin(async_stream::stream! {
        let mut i = 0;
        while i < items {
            work.run();
            i += 1;
            yield i;
        }
    }))
}

/// An iterator over a stream that is always ready.
struct Polled<T>(Pin<Box<T>>);

impl<T: Stream> Iterator for Polled<T> {
    type Item = T::Item;

    #[inline]
    fn next(&mut self) -> Option<T::Item> {
        match self.0.as_mut().poll_next(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(item) => item,
            Poll::Pending => unreachable!("the stream awaits only its yields"),
        }
    }
}

#[cfg(nightly)]
pub use crate::gen_blocks::gen_block;
