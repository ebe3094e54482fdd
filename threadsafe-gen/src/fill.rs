//! [`Fill`]: the way in which a source fills a buffer.

use std::mem;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::Relaxed;

use parking_lot::Mutex;

/// The way in which a buffer is filled, chosen where the type of the iterator is known, and called once for many items.
///
/// No variant names the code of a generator's `next`, so that creating a `ThreadsafeIter` does not compile it.
pub(crate) enum Fill<I: Iterator> {
    /// By an iterator of which nothing is known.
    OneByOne,
    /// By a generator, whose [`Chunk`] the function returns.
    Generator(fn(&I) -> &dyn Chunk<I::Item>),
    /// By the function, which does what [`Fill::call`] does.
    Function(fn(&mut I, &mut Vec<I::Item>, usize) -> bool),
    /// By a [`Batched`](crate::boxed_iter::Batched) in a box, whose address the function returns.
    Batch(Arc<Batch<I::Item>>, fn(&I) -> usize),
}

impl<I: Iterator> Fill<I> {
    /// Moves up to `size` items into `buffer`, which is empty; returns `true` if the iterator ended first.
    ///
    /// If the iterator panics, the buffer has the items before the panic.
    pub(crate) fn call(&self, iter: &mut I, buffer: &mut Vec<I::Item>, size: usize) -> bool {
        match self {
            Self::OneByOne => one_by_one(iter, buffer, size),
            Self::Generator(chunk) => by_chunk(*chunk, iter, buffer, size),
            Self::Function(fill) => fill(iter, buffer, size),
            Self::Batch(batch, address) => batch.fill(address(iter), iter, buffer, size),
        }
    }
}

/// Fills a buffer by internal iteration, at which chains of adaptors are faster.
fn one_by_one<I: Iterator>(iter: &mut I, buffer: &mut Vec<I::Item>, size: usize) -> bool {
    // Reserves what the iterator can have, but no more than this at once, whatever `size` the caller asks for.
    const MOST_RESERVED: usize = 1024;
    buffer.reserve_exact(iter.size_hint().1.unwrap_or(0).min(size).min(MOST_RESERVED));
    iter.all(|item| {
        buffer.push(item);
        buffer.len() < size
    })
}

/// The place in a generator to which its body adds the items that it yields, and suspends only at the last one.
pub(crate) trait Chunk<T> {
    /// Adds the items of the next call of `next` to `buffer` until it has `size` items. `next` returns the last one. If
    /// `buffer` has a larger capacity, it stays as it is, and `next` returns a single item.
    fn start(&self, buffer: Vec<T>, size: usize);

    /// Returns the buffer, and lets the body suspend at every item again.
    fn take(&self) -> Vec<T>;
}

fn by_chunk<I: Iterator>(
    chunk: fn(&I) -> &dyn Chunk<I::Item>,
    iter: &mut I,
    buffer: &mut Vec<I::Item>,
    size: usize,
) -> bool {
    /// Takes the buffer back, also if `next` panics.
    struct TakeBack<'a, I: Iterator>(fn(&I) -> &dyn Chunk<I::Item>, &'a mut I, &'a mut Vec<I::Item>);

    impl<I: Iterator> Drop for TakeBack<'_, I> {
        fn drop(&mut self) {
            *self.2 = self.0(self.1).take();
        }
    }

    // A buffer with more capacity is not filled as a chunk.
    buffer.shrink_to(size);
    while buffer.len() < size {
        let last = if size == 1 {
            iter.next()
        } else {
            chunk(iter).start(mem::take(buffer), size);
            TakeBack(chunk, iter, buffer).1.next()
        };
        let Some(last) = last else { return true };
        buffer.reserve_exact(1);
        buffer.push(last);
    }
    false
}

/// A buffer on its way to the [`Batched`](crate::boxed_iter::Batched) in the box, and back.
pub(crate) struct Batch<T> {
    /// The address of the iterator that is to fill the buffer, or 0.
    recipient: AtomicUsize,
    /// The number of items that are asked for, and the buffer.
    request: Mutex<(usize, Vec<T>)>,
}

impl<T> Batch<T> {
    pub(crate) const fn new() -> Self {
        Self { recipient: AtomicUsize::new(0), request: Mutex::new((0, Vec::new())) }
    }

    /// Fills `buffer` as [`Fill::call`] does, by one call of `next` if the iterator at the address `recipient` is a
    /// `Batched` of this batch.
    pub(crate) fn fill<I>(&self, recipient: usize, iter: &mut I, buffer: &mut Vec<T>, size: usize) -> bool
    where
        I: Iterator<Item = T>,
    {
        /// Takes the buffer back, also if `next` panics.
        struct TakeBack<'a, T>(&'a Batch<T>, &'a mut Vec<T>);

        impl<T> Drop for TakeBack<'_, T> {
            fn drop(&mut self) {
                self.0.recipient.store(0, Relaxed);
                *self.1 = mem::take(&mut self.0.request.lock().1);
            }
        }

        *self.request.lock() = (size, mem::take(buffer));
        self.recipient.store(recipient, Relaxed);
        let _take_back = TakeBack(self, buffer);
        let mut next = iter.next();
        if self.recipient.load(Relaxed) == 0 {
            // A `Batched` has filled the buffer up to its last item.
            let ended = next.is_none();
            self.request.lock().1.extend(next);
            return ended;
        }
        while let Some(item) = next {
            let mut request = self.request.lock();
            request.1.push(item);
            if request.1.len() >= size {
                return false;
            }
            drop(request);
            next = iter.next();
        }
        true
    }

    /// Returns `true` if the buffer is for the iterator at this address.
    #[inline]
    pub(crate) fn is_for(&self, address: usize) -> bool {
        self.recipient.load(Relaxed) == address
    }

    /// Fills the buffer by `fill`, which gets the buffer and the number of items, and returns the last item apart.
    pub(crate) fn answer(&self, fill: impl FnOnce(&mut Vec<T>, usize) -> Option<T>) -> Option<T> {
        /// Puts the buffer back, also if the source panics.
        struct PutBack<'a, T>(&'a Batch<T>, Vec<T>);

        impl<T> Drop for PutBack<'_, T> {
            fn drop(&mut self) {
                self.0.request.lock().1 = mem::take(&mut self.1);
            }
        }

        self.recipient.store(0, Relaxed);
        let (size, buffer) = mem::take(&mut *self.request.lock());
        fill(&mut PutBack(self, buffer).1, size)
    }
}
