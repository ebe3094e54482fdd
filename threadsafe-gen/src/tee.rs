//! [`Tee`]: every item to every consumer.
//!
//! The items that some branch has yet to read are a list of nodes, each of which is owned by the node before it and by
//! the branches that stand at it. The last node is empty. A branch that reads past the end of the list takes the lock,
//! pulls an item and makes it the last node's; a branch that reads within the list takes none. A node that all branches
//! have passed has no owner left and is gone.

use std::fmt;
use std::iter::FusedIterator;

use crate::lock::Lock;
use crate::sync::{Arc, OnceLock};

/// A branch of an iterator of which every branch sees every item, as those of `threading.concurrent_tee` of `CPython`
/// 3.15.
///
/// A clone starts where its parent stands. Each branch is for one consumer; put one in a [`ThreadsafeIter`] for several
/// to share it. The items are cloned for each branch.
///
/// An item is kept until the slowest branch has read it. There is no limit to how many these can be: the fastest branch
/// does not wait for the slowest, so if one stands still while another goes on, memory grows.
///
/// To read an item that another branch has read before takes no lock. To pull a new one takes the lock and waits as
/// [`ThreadsafeIter::next`] does.
///
/// [`ThreadsafeIter`]: crate::ThreadsafeIter
/// [`ThreadsafeIter::next`]: crate::ThreadsafeIter::next
///
/// # Panics
///
/// A panic of the iterator comes out of the branch that pulled. Every other branch panics too, with "the iterator
/// panicked earlier: " and the message, once it has read what was there before. An iterator that asks one of its own
/// branches for a new item panics with "generator already executing".
///
/// # Examples
///
/// ```
/// use std::thread;
/// use threadsafe_gen::Tee;
///
/// let numbers = Tee::new(1..=1000_u32);
/// let squares = numbers.clone();
/// thread::scope(|s| {
///     let sum = s.spawn(|| numbers.sum::<u32>());
///     let sum_of_squares = s.spawn(|| squares.map(|n| n * n).sum::<u32>());
///     assert_eq!(sum.join().unwrap(), 500_500);
///     assert_eq!(sum_of_squares.join().unwrap(), 333_833_500);
/// });
/// ```
#[must_use = "iterators are lazy and do nothing unless consumed"]
pub struct Tee<I: Iterator> {
    source: Arc<Lock<I, ()>>,
    /// The node of the next item; `None` after the end.
    node: Option<Arc<Node<I::Item>>>,
}

/// An item and the node after it, or nothing as yet.
struct Node<T>(OnceLock<(T, Arc<Node<T>>)>);

impl<I: Iterator> Tee<I> {
    /// Makes the first branch of `iter`.
    pub fn new(iter: I) -> Self {
        Self { source: Arc::new(Lock::new("iterator", iter, ())), node: Some(Arc::new(Node(OnceLock::new()))) }
    }
}

impl<I: Iterator<Item: Clone>> Iterator for Tee<I> {
    type Item = I::Item;

    #[track_caller]
    fn next(&mut self) -> Option<I::Item> {
        let node = self.node.as_ref()?;
        if node.0.get().is_none() {
            self.pull(node);
        }
        let Some((item, next)) = node.0.get() else {
            self.node = None;
            return None;
        };
        let item = item.clone();
        let next = Arc::clone(next);
        self.node = Some(next);
        Some(item)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        // What is ahead in the list, and what the iterator has yet to give.
        let mut listed = 0;
        let mut node = self.node.as_ref();
        while let Some((_, next)) = node.and_then(|node| node.0.get()) {
            listed += 1;
            node = Some(next);
        }
        (listed, if self.node.is_some() { None } else { Some(0) })
    }
}

impl<I: Iterator> Tee<I> {
    /// Gives the last node an item, unless another branch does so first, or the source has ended.
    #[track_caller]
    fn pull(&self, node: &Node<I::Item>) {
        // Items are put into the list under the lock only, so what is not there now is not on its way.
        let held = self.source.lock();
        if node.0.get().is_none() {
            let pull = |iter: &mut I, (): &mut ()| {
                let item = iter.next()?;
                // It was empty a moment ago.
                let _ = node.0.set((item, Arc::new(Node(OnceLock::new()))));
                Some(())
            };
            // The source's destructor runs after the lock is released: it may use another branch, or wait for a thread that does.
            held.call_and_unlock(pull, drop);
        }
    }
}

impl<I: Iterator<Item: Clone>> FusedIterator for Tee<I> {}

/// A branch that starts where this one stands.
impl<I: Iterator> Clone for Tee<I> {
    fn clone(&self) -> Self {
        Self { source: Arc::clone(&self.source), node: self.node.clone() }
    }
}

impl<T> Drop for Node<T> {
    /// Drops the nodes that only this one owns one after the other, where one within the other would overflow the
    /// stack.
    fn drop(&mut self) {
        let mut next = self.0.take().map(|(_, next)| next);
        while let Some(mut node) = next.and_then(Arc::into_inner) {
            next = node.0.take().map(|(_, next)| next);
        }
    }
}

impl<I: Iterator> fmt::Debug for Tee<I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tee").field("state", &*self.source).finish_non_exhaustive()
    }
}
