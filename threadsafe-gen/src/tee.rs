//! [`Tee`]: every consumer gets every item.
//!
//! The items that some branch has yet to read form a linked list of nodes. Each node is owned by the node before it and
//! by the branches whose next item it holds. The last node is empty. A branch that reaches the last node acquires the
//! lock, pulls an item and stores it there. A branch that reads an earlier node acquires no lock. A node that all
//! branches have passed has no owner left and is dropped.

use std::convert::identity;
use std::fmt;
use std::iter::FusedIterator;

use crate::lock::Lock;
use crate::sync::{Arc, OnceLock};

/// A branch of an iterator. Every branch gets every item, as with `threading.concurrent_tee` of `CPython` 3.15.
///
/// **Memory is not bounded.** An item is kept until the slowest branch has read it, and the fastest branch does not
/// wait for the slowest: if one branch makes no progress while another one does, memory grows.
///
/// A clone starts at its parent's position. Each branch is for one consumer. To share a branch between consumers, put
/// it into a [`ThreadsafeIter`]. Each branch gets its own clone of an item.
///
/// Reading an item that another branch has already read acquires no lock. Pulling a new item acquires the lock, and
/// blocks as [`ThreadsafeIter::next`] does.
///
/// [`ThreadsafeIter`]: crate::ThreadsafeIter
/// [`ThreadsafeIter::next`]: crate::ThreadsafeIter::next
///
/// # Panics
///
/// If the iterator panics, the panic propagates to the branch that pulled. Every other branch first returns the items
/// before the panic, and then panics with "the iterator panicked earlier: " and the message. An iterator that pulls a
/// new item from one of its own branches panics with "generator already executing".
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
    /// The node of the next item. `None` after the end.
    node: Option<Arc<Node<I::Item>>>,
}

/// An item and the node after it. Empty until the item is pulled.
struct Node<T>(OnceLock<(T, Arc<Node<T>>)>);

impl<I: Iterator> Tee<I> {
    /// Creates the first branch of `iter`.
    ///
    /// # Examples
    ///
    /// ```
    /// use threadsafe_gen::Tee;
    ///
    /// let log = Tee::new(["start", "error", "stop"].into_iter());
    /// let errors = log.clone().filter(|line| line.contains("error"));
    /// assert_eq!(log.count(), 3);
    /// assert!(errors.eq(["error"]));
    /// ```
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
        // The items ahead in the list are certain. The number of items still in the source is unknown without the lock.
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
    /// Stores a new item in the last node, unless another branch did so first or the source has ended.
    #[track_caller]
    fn pull(&self, node: &Node<I::Item>) {
        // Nodes are filled only under the lock, so an empty node cannot be filled concurrently.
        let held = self.source.lock();
        if node.0.get().is_none() {
            let pull = |iter: &mut I, (): &mut ()| {
                let item = iter.next()?;
                // Cannot fail: the node is empty, see above.
                let _ = node.0.set((item, Arc::new(Node(OnceLock::new()))));
                Some(())
            };
            // The source's destructor runs after the lock is released, because it may use another branch, or wait for a
            // thread that does.
            held.call_and_unlock(pull, identity, drop);
        }
    }
}

impl<I: Iterator<Item: Clone>> FusedIterator for Tee<I> {}

/// The new branch starts at this branch's position.
impl<I: Iterator> Clone for Tee<I> {
    fn clone(&self) -> Self {
        Self { source: Arc::clone(&self.source), node: self.node.clone() }
    }
}

impl<T> Drop for Node<T> {
    /// Drops the nodes that only this node owns in a loop. Recursion would overflow the stack.
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
