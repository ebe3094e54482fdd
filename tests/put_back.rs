//! Items that were put back and are never taken: `close` drops each, outside every lock, and no hint counts them.

use std::iter;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Weak};

use support::{limited, message_of};
use threadsafe_gen::{ThreadsafeExt, ThreadsafeIter};

/// Takes `n` items from `iter` at a time, keeps none of them, and puts back all but the first.
fn put_back_all_but_one<I: Iterator>(iter: &ThreadsafeIter<I>, n: usize) {
    drop(iter.buffered(n).next());
}

#[test]
fn close_drops_what_was_put_back_though_the_source_panics_when_it_is_dropped() {
    struct Repeat(Arc<()>);

    impl Iterator for Repeat {
        type Item = Arc<()>;

        fn next(&mut self) -> Option<Arc<()>> {
            Some(Arc::clone(&self.0))
        }
    }

    impl Drop for Repeat {
        fn drop(&mut self) {
            panic!("the source is dropped");
        }
    }

    let item = Arc::new(());
    let iter = Repeat(Arc::clone(&item)).threadsafe();
    put_back_all_but_one(&iter, 4);
    assert_eq!(Arc::strong_count(&item), 1 + 1 + 3);
    assert_eq!(message_of(|| iter.close()), "the source is dropped");
    assert_eq!(Arc::strong_count(&item), 1, "an item outlives `close`");
}

#[test]
fn no_hint_after_close_counts_what_was_put_back_before() {
    let iter = iter::repeat(7).threadsafe();
    let consumer = iter.buffered(2);
    put_back_all_but_one(&iter, 4);
    assert_eq!(Iterator::size_hint(&iter).0, usize::MAX);
    iter.close();
    // The consumer is counted, and so there is no upper bound.
    assert_eq!(Iterator::size_hint(&iter), (0, None));
    drop(consumer);
    assert_eq!(Iterator::size_hint(&iter), (0, Some(0)));
}

/// Items that use their own iterator when they are dropped.
struct Items {
    iter: Weak<ThreadsafeIter<Items>>,
    dropped: Arc<AtomicUsize>,
    /// The number of items before the source panics.
    left: usize,
}

struct Item {
    iter: Weak<ThreadsafeIter<Items>>,
    dropped: Arc<AtomicUsize>,
}

impl Items {
    fn shared(left: usize) -> (Arc<ThreadsafeIter<Self>>, Arc<AtomicUsize>) {
        let dropped = Arc::new(AtomicUsize::new(0));
        let source = |iter: &Weak<_>| Self { iter: Weak::clone(iter), dropped: Arc::clone(&dropped), left };
        (Arc::new_cyclic(|iter| source(iter).threadsafe()), dropped)
    }
}

impl Iterator for Items {
    type Item = Item;

    fn next(&mut self) -> Option<Item> {
        self.left = self.left.checked_sub(1).expect("the source panics");
        Some(Item { iter: Weak::clone(&self.iter), dropped: Arc::clone(&self.dropped) })
    }
}

impl Drop for Item {
    fn drop(&mut self) {
        if let Some(iter) = self.iter.upgrade() {
            iter.close();
            assert_ne!(iter.is_finished(), iter.is_poisoned());
            // Asks for what was put back, and for how much that is.
            let (_, upper) = iter.size_hint();
            assert!(upper.is_none_or(|upper| upper == 0));
            assert!(iter.try_next().map_or(true, |item| item.is_none()));
            drop(iter.buffered(1));
        }
        self.dropped.fetch_add(1, SeqCst);
    }
}

#[test]
fn items_that_close_drops_may_use_the_iterator() {
    limited(|| {
        let (iter, dropped) = Items::shared(9);
        let first = {
            let mut consumer = iter.buffered(4);
            consumer.next()
        };
        iter.close();
        assert_eq!(dropped.load(SeqCst), 3);
        drop(first);
        assert_eq!(dropped.load(SeqCst), 4);
    });
}

#[test]
fn items_that_come_back_after_close_may_use_the_iterator() {
    limited(|| {
        let (iter, dropped) = Items::shared(9);
        let mut consumer = iter.buffered(4);
        let first = consumer.next();
        iter.close();
        assert_eq!(dropped.load(SeqCst), 0);
        drop(consumer);
        assert_eq!(dropped.load(SeqCst), 3);
        drop(first);
    });
}

#[test]
fn items_that_come_back_after_a_panic_may_use_the_iterator() {
    limited(|| {
        let (iter, dropped) = Items::shared(3);
        let mut consumer = iter.buffered(3);
        let first = consumer.next();
        assert_eq!(message_of(|| iter.next()), "the source panics");
        drop(consumer);
        assert_eq!(dropped.load(SeqCst), 2);
        drop(first);
        assert!(iter.is_poisoned());
    });
}
