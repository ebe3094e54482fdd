//! The one source of all comparisons, the numbers from 1 to `items`, in the words of each crate.
//!
//! Each is written as its crate's documentation would have it, with the same loop inside.

use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use futures_core::Stream;
use threadsafe_gen::{Generator, generator, threadsafe_generator};

use crate::work::Work;

/// The source that needs no generator, written by hand.
#[derive(Debug)]
pub struct Count<S> {
    last: u64,
    items: u64,
    work: S,
}

impl<S> Count<S> {
    /// Counts to `items`.
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

/// By our attribute: shared.
#[threadsafe_generator]
pub fn shared<S: Work>(items: u64, work: S) -> impl Iterator<Item = u64> {
    let mut i = 0;
    while i < items {
        work.run();
        i += 1;
        yield_!(i);
    }
}

/// By our function: not shared, and so for those who bring their own way of sharing.
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

/// `genawaiter::sync`. Not fused: whoever shares it has to see to that.
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

/// `genawaiter::rc`, which one thread alone can use.
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

/// fauxgen. Not fused either.
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

/// async-stream, which makes streams: polled in a loop by [`Polled`], since this one never waits.
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

/// The iterator that a stream is if it is always ready.
struct Polled<T>(Pin<Box<T>>);

impl<T: Stream> Iterator for Polled<T> {
    type Item = T::Item;

    #[inline]
    fn next(&mut self) -> Option<T::Item> {
        match self.0.as_mut().poll_next(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(item) => item,
            Poll::Pending => unreachable!("the stream awaits nothing but its yields"),
        }
    }
}

#[cfg(nightly)]
pub use crate::gen_blocks::gen_block;
