//! `close` with `buffered` and `chunks`: a refill in progress is delivered, and items that are put back are dropped.

use std::sync::{Arc, Weak};
use std::thread;

use support::scripted::counted_items;
use support::{Source, gated, limited, settle, together};
use threadsafe_gen::{ThreadsafeExt, ThreadsafeIter, generator};

#[test]
fn close_drops_items_put_back_before_and_after_it() {
    limited(|| {
        let items = Arc::new(());
        let shared = counted_items(&items);
        let (mut first, mut second) = (shared.buffered(4), shared.buffered(4));
        drop((first.next(), second.next(), shared.buffered(3).next()));
        assert_eq!(Arc::strong_count(&items), 1 + 3 + 3 + 2);
        shared.close();
        assert_eq!(Arc::strong_count(&items), 1 + 3 + 3, "`close` drops the items that had been put back");
        assert!(shared.is_finished());
        drop(first);
        assert_eq!(Arc::strong_count(&items), 1 + 3, "items that are put back after `close` are dropped");
        assert!(shared.is_finished() && shared.next().is_none() && shared.buffered(2).next().is_none());
        assert_eq!(second.by_ref().count(), 3, "a consumer keeps the items in its buffer");
        drop(second);
        assert_eq!((Arc::strong_count(&items), shared.size_hint()), (1, (0, Some(0))));
    });
}

#[test]
fn close_after_the_end_drops_items_put_back_later() {
    let shared = (0..4).threadsafe();
    let mut consumer = shared.buffered(8);
    assert_eq!(consumer.next(), Some(0));
    assert_eq!(shared.next(), None);
    shared.close();
    drop(consumer);
    assert_eq!(shared.next(), None);
    assert!(shared.is_finished());
}

#[test]
fn items_are_dropped_when_close_races_with_putting_them_back() {
    limited(|| {
        for round in 0..3000_u32 {
            let items = Arc::new(());
            let shared = counted_items(&items);
            together(3, |index| match index {
                0 => {
                    (0..round % 64).for_each(|_| std::hint::spin_loop());
                    shared.close();
                }
                _ => drop(shared.buffered(5).next()),
            });
            assert_eq!(Arc::strong_count(&items), 1, "round {round}");
            assert!(shared.is_finished());
        }
    });
}

#[test]
fn a_refill_in_progress_during_a_close_is_delivered_in_full() {
    limited(|| {
        let (gate, source) = gated::<u64>();
        let shared = source.threadsafe();
        thread::scope(|scope| {
            let caller = scope.spawn(|| shared.buffered(3).collect::<Vec<_>>());
            gate.entered();
            let waiting = [scope.spawn(|| shared.buffered(3).count()), scope.spawn(|| shared.chunks(3).count())];
            settle();
            shared.close();
            for order in [|| Some(0), || Some(1), || Some(2)] {
                gate.let_in(order);
            }
            assert_eq!(caller.join().unwrap(), [0, 1, 2]);
            assert_eq!(waiting.map(|thread| thread.join().unwrap()), [0, 0]);
        });
    });
}

#[test]
fn a_body_that_closes_its_iterator_during_a_refill_completes_it() {
    limited(|| {
        let shared = Arc::new_cyclic(|me: &Weak<ThreadsafeIter<Source>>| {
            let me = me.clone();
            let source = generator(async move |co| {
                for n in 0_u64.. {
                    if n == 1 {
                        me.upgrade().unwrap().close();
                    }
                    co.yield_(n).await;
                }
            });
            (Box::new(source) as Source).threadsafe()
        });
        assert!(shared.buffered(3).eq(0..3));
        assert!(shared.is_finished());
    });
}
