//! `Tee`: every branch gets every item; an item is pulled once and kept until the slowest branch has read it.

use std::cell::Cell;
use std::iter;
use std::panic::{AssertUnwindSafe, catch_unwind, panic_any};
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::sync::mpsc;
use std::sync::{Arc, Mutex, Weak};
use std::thread;

use static_assertions::{assert_impl_all, assert_not_impl_any};
use support::{Source, gated, limited, message_of, panic_of, settle, together};
use threadsafe_gen::{Tee, ThreadsafeExt, ThreadsafeIter, generator, threadsafe_generator};

#[threadsafe_generator]
fn annotated(end: u64) -> impl Iterator<Item = u64> {
    for n in 0..end {
        yield_!(n);
    }
}

/// Sources of every kind that yield the numbers below `end`.
fn sources(end: u64) -> [(&'static str, Source); 5] {
    [
        ("generator", Box::new(generator(async move |co| co.yield_from(0..end).await))),
        ("annotated", Box::new(annotated(end))),
        ("plain", Box::new(0..end)),
        ("boxed", Box::new(Box::new((0..end).filter(|_| true)) as Source)),
        ("branch", Box::new(Tee::new(0..end))),
    ]
}

assert_impl_all!(Tee<Source>: Send, Sync, Unpin, Clone);
// With a source that is not `Send`, or items that are not `Sync`, a `Tee` stays on one thread.
assert_not_impl_any!(Tee<Box<dyn Iterator<Item = u64>>>: Send, Sync);
assert_not_impl_any!(Tee<std::vec::IntoIter<Cell<u8>>>: Send, Sync);
assert_not_impl_any!(Tee<std::vec::IntoIter<Rc<u8>>>: Send, Sync);

#[test]
fn every_branch_gets_every_item_in_order_from_any_source() {
    limited(|| {
        for threads in [2, 4, 16] {
            for (kind, source) in sources(2000) {
                let root = Tee::new(source);
                let seen = together(threads, |_| root.clone().collect::<Vec<_>>());
                assert!(seen.iter().all(|items| items.iter().copied().eq(0..2000)), "{kind}, {threads} threads");
                assert!(root.eq(0..2000), "{kind}: the branch that started last");
            }
        }
        // Without a box the compiler knows the type of the source.
        let root = Tee::new(annotated(2000));
        assert!(together(4, |_| root.clone().eq(0..2000)).into_iter().all(|equal| equal));
        let root = Tee::new(generator(async |co| co.yield_from(0..2000).await));
        assert!(together(4, |_| root.clone().eq(0..2000)).into_iter().all(|equal| equal));
    });
}

#[test]
fn each_item_is_pulled_once_and_only_on_demand() {
    limited(|| {
        let pulled = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&pulled);
        let root = Tee::new((0..1000).inspect(move |_| _ = count.fetch_add(1, SeqCst)));
        let mut branch = root.clone();
        assert_eq!(pulled.load(SeqCst), 0);
        assert!(branch.by_ref().take(3).eq(0..3));
        assert_eq!(pulled.load(SeqCst), 3);
        assert!(root.clone().take(3).eq(0..3));
        assert_eq!(pulled.load(SeqCst), 3);
        together(8, |index| assert!(if index == 0 { branch.clone().eq(3..1000) } else { root.clone().eq(0..1000) }));
        assert_eq!(pulled.load(SeqCst), 1000);
    });
}

#[test]
fn a_clone_starts_at_the_position_of_its_parent() {
    for (kind, source) in sources(10) {
        let mut parent = Tee::new(source);
        assert_eq!(parent.nth(2), Some(2));
        let mut child = parent.clone();
        assert_eq!(parent.nth(3), Some(6));
        let grandchild = child.clone();
        assert_eq!(child.next(), Some(3));
        // A branch can itself be the source of a `Tee`.
        let nested = Tee::new(child.clone());
        assert!(nested.clone().eq(4..10), "{kind}");
        assert!(child.eq(4..10) && grandchild.eq(3..10) && nested.eq(4..10), "{kind}");
        let late = parent.clone();
        assert!(parent.eq(7..10) && late.clone().eq(7..10), "{kind}");
        let mut after_the_end = late;
        assert!(after_the_end.by_ref().eq(7..10));
        assert_eq!(after_the_end.clone().next(), None, "{kind}");
    }
}

#[test]
fn branches_cloned_midway_on_several_threads_miss_no_item() {
    limited(|| {
        for _ in 0..20 {
            let root = Tee::new((0..500_usize).threadsafe());
            together(4, |index| {
                let mut branch = root.clone();
                let mut next = 0;
                while let Some(item) = branch.next() {
                    assert_eq!(item, next);
                    next += 1;
                    if next % 100 == index {
                        assert!(branch.clone().eq(next..500));
                        // Continues with a clone, so that the original branch is dropped before the end.
                        branch = branch.clone();
                    }
                }
                assert_eq!(next, 500);
            });
            assert!(root.eq(0..500));
        }
    });
}

#[test]
fn a_slow_branch_reads_existing_items_without_the_lock() {
    limited(|| {
        let (gate, source) = gated();
        let mut fast = Tee::new(source);
        let mut slow = fast.clone();
        for order in [|| Some(0), || Some(1), || Some(2)] {
            gate.let_in(order);
            fast.next();
            gate.entered();
        }
        thread::scope(|scope| {
            let caller = scope.spawn(|| fast.next());
            gate.entered();
            // The fast branch is in the source, and holds the lock until the gate opens below.
            assert!(slow.by_ref().take(3).eq(0..3));
            assert_eq!((slow.size_hint(), format!("{slow:?}").contains("executing")), ((0, None), true));
            let waiting = scope.spawn(|| slow.next());
            settle();
            gate.let_in(|| Some(3));
            assert_eq!((caller.join().unwrap(), waiting.join().unwrap()), (Some(3), Some(3)));
        });
        drop(gate);
        assert_eq!((fast.next(), slow.next()), (None, None));
    });
}

#[test]
fn branches_of_different_speed_get_the_same_items() {
    limited(|| {
        let root = Tee::new(generator(async |co| co.yield_from(0..3000_usize).await));
        together(6, |index| {
            let mut branch = root.clone();
            for expected in 0..3000 {
                assert_eq!(branch.next(), Some(expected));
                if expected % (50 * (index + 1)) == 0 {
                    thread::yield_now();
                }
            }
            assert_eq!((branch.next(), branch.next()), (None, None));
        });
    });
}

/// Runs `action` on a thread with a small stack.
fn with_little_stack(action: impl FnOnce() + Send + 'static) {
    thread::Builder::new().stack_size(64 * 1024).spawn(action).unwrap().join().unwrap();
}

#[test]
fn a_million_items_behind_are_dropped_without_overflowing_the_stack() {
    const MILLION: u64 = 1_000_000;
    /// Uses and drops two branches, the second a million items behind the first.
    type Finish = fn(Tee<Source>, Tee<Source>);
    let finishes: [(&str, Finish); 4] = [
        ("the slow branch is dropped first", |fast, slow| drop((slow, fast))),
        ("the fast branch is dropped first", |fast, slow| drop((fast, slow))),
        ("the slow branch reads all items", |fast, slow| assert_eq!((slow.count(), fast.count()), (1_000_000, 0))),
        ("the fast branch is dropped, the slow branch reads half", |fast, mut slow| {
            drop(fast);
            assert_eq!(slow.nth(499_999), Some(499_999));
        }),
    ];
    limited(move || {
        for (_, finish) in finishes {
            let mut fast = Tee::new(Box::new(0..MILLION) as Source);
            let slow = fast.clone();
            assert_eq!(fast.by_ref().count(), 1_000_000);
            with_little_stack(move || finish(fast, slow));
        }
    });
}

#[test]
fn several_threads_can_drop_the_last_branches_at_the_same_time() {
    limited(|| {
        for _ in 0..20 {
            let alive = Arc::new(());
            let local = Arc::clone(&alive);
            let mut fast = Tee::new(iter::repeat_n((), 5000).map(move |()| Arc::clone(&local)));
            let branches: Vec<_> = (0..4).map(|_| Mutex::new(Some(fast.clone()))).collect();
            fast.by_ref().for_each(drop);
            drop(fast);
            together(4, |index| {
                let mut branch = branches[index].lock().unwrap().take().unwrap();
                drop(branch.nth(index * 100));
                drop(branch);
            });
            assert_eq!(Arc::strong_count(&alive), 1);
        }
    });
}

#[test]
fn an_item_is_freed_when_the_slowest_branch_has_read_it() {
    let alive = Arc::new(());
    let local = Arc::clone(&alive);
    // Two of the references are those of the source and of this test.
    let kept = || Arc::strong_count(&alive) - 2;
    let mut fast = Tee::new(iter::repeat_with(move || Arc::clone(&local)));
    for _ in 0..1000 {
        drop(fast.next());
        assert_eq!(kept(), 0, "there is no other branch");
    }
    let mut slow = fast.clone();
    let mut middle = fast.clone();
    fast.by_ref().take(100).for_each(drop);
    assert_eq!(kept(), 100);
    middle.by_ref().take(50).for_each(drop);
    assert_eq!(kept(), 100, "the slowest branch has read no item");
    for read in 1..=30 {
        drop(slow.next());
        assert_eq!(kept(), 100 - read);
    }
    drop(slow);
    assert_eq!(kept(), 50, "a dropped branch keeps no item alive");
    let late = middle.clone();
    drop(middle);
    assert_eq!(kept(), 50);
    drop(fast);
    assert_eq!(kept(), 50);
    drop(late);
    assert_eq!(Arc::strong_count(&alive), 1, "the source is dropped with the last branch");
}

#[test]
fn memory_stays_flat_while_branches_keep_up() {
    limited(|| {
        let alive = Arc::new(());
        let local = Arc::clone(&alive);
        let root = Tee::new(iter::repeat_with(move || Arc::clone(&local)));
        let mut branches = [(); 4].map(|()| root.clone());
        drop(root);
        for _ in 0..100_000 {
            for branch in &mut branches {
                drop(branch.next());
            }
            assert_eq!(Arc::strong_count(&alive), 2, "an item is kept although every branch has read it");
        }
    });
}

#[test]
fn dropping_a_branch_takes_no_item_from_the_others() {
    for (kind, source) in sources(10) {
        let mut first = Tee::new(source);
        let second = first.clone();
        assert_eq!(first.nth(4), Some(4));
        drop(first);
        assert!(second.clone().eq(0..10), "{kind}");
        let third = second.clone();
        drop(second);
        assert!(third.eq(0..10), "{kind}");
    }
}

#[test]
fn the_end_is_final_for_each_branch_and_drops_the_source() {
    let alive = Arc::new(());
    let local = Arc::clone(&alive);
    let mut calls = 0;
    let source = iter::from_fn(move || {
        let _ = &local;
        calls += 1;
        assert!(calls <= 4, "`next` was called after the end");
        (calls < 4).then_some(calls)
    });
    let mut fast = Tee::new(source);
    let mut slow = fast.clone();
    assert!(fast.by_ref().eq(1..4));
    assert_eq!(Arc::strong_count(&alive), 1, "the exhausted source was not dropped");
    assert_eq!((fast.next(), fast.size_hint()), (None, (0, Some(0))));
    assert_eq!(slow.size_hint().0, 3);
    assert!(slow.by_ref().eq(1..4));
    assert_eq!((slow.next(), slow.size_hint()), (None, (0, Some(0))));
    assert_eq!(Tee::new(iter::empty::<u8>()).next(), None);
}

#[test]
fn size_hints_bound_the_remaining_items() {
    for (kind, source) in sources(10) {
        let mut fast = Tee::new(source);
        let mut slow = fast.clone();
        for read in 0..=10 {
            for branch in [&fast, &slow] {
                let left = branch.clone().count();
                let (lower, upper) = branch.size_hint();
                assert!(
                    lower <= left && upper.is_none_or(|upper| left <= upper),
                    "{kind}, {read}: {left} items are left"
                );
            }
            fast.next();
            if read % 3 == 0 {
                slow.next();
            }
        }
    }
}

/// The payload that a source panics with.
#[derive(Debug, PartialEq)]
struct Boom(u8);

#[test]
fn every_branch_panics_after_the_items_before_a_panic_of_the_source() {
    limited(|| {
        let mut fast = Tee::new(generator(async |co| {
            co.yield_from(0..5_u8).await;
            panic_any(Boom(5));
        }));
        let slow = fast.clone();
        assert!(fast.by_ref().take(5).eq(0..5));
        assert_eq!(panic_of(|| fast.next()).downcast_ref(), Some(&Boom(5)));
        let earlier = "the iterator panicked earlier: its message is not a string";
        assert_eq!(message_of(|| fast.next()), earlier);
        assert_eq!(message_of(|| fast.clone().next()), earlier);
        together(4, |_| {
            let mut branch = slow.clone();
            assert!(branch.by_ref().take(5).eq(0..5));
            assert_eq!((message_of(|| branch.next()), message_of(|| branch.next())), (earlier.into(), earlier.into()));
        });
        // Dropping poisoned branches does not panic.
        drop((fast, slow));
    });
}

#[test]
fn one_branch_gets_the_panic_and_the_others_panic_with_its_message() {
    limited(|| {
        for at in [0, 1, 300] {
            let root = Tee::new((0..).inspect(move |n| assert!(*n < at, "bad source")));
            let messages = together(8, |_| {
                let mut branch = root.clone();
                assert!(branch.by_ref().take(at).eq(0..at));
                message_of(|| branch.next())
            });
            assert_eq!(messages.iter().filter(|message| *message == "bad source").count(), 1, "{messages:?}");
            let others = messages.iter().filter(|message| *message == "the iterator panicked earlier: bad source");
            assert_eq!(others.count(), 7, "{messages:?}");
        }
    });
}

#[test]
fn branches_that_wait_for_an_item_panic_if_the_source_does() {
    limited(|| {
        let (gate, source) = gated::<u8>();
        let root = Tee::new(source);
        thread::scope(|scope| {
            let caller = scope.spawn(|| message_of(|| root.clone().next()));
            gate.entered();
            let waiting = [(); 3].map(|()| scope.spawn(|| message_of(|| root.clone().next())));
            settle();
            gate.let_in(|| panic!("bad source"));
            assert_eq!(caller.join().unwrap(), "bad source");
            for thread in waiting {
                assert_eq!(thread.join().unwrap(), "the iterator panicked earlier: bad source");
            }
        });
    });
}

#[test]
fn a_source_that_pulls_from_its_own_branch_panics() {
    limited(|| {
        let own: Arc<Mutex<Option<Tee<Source>>>> = Arc::default();
        let weak: Weak<_> = Arc::downgrade(&own);
        let mut n = 0;
        let source = iter::from_fn(move || {
            n += 1;
            if n > 3 {
                // The source's own branch is behind: it can read the existing items, but cannot pull a new one.
                let own = weak.upgrade().unwrap();
                let mut own = own.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
                return own.as_mut().unwrap().next();
            }
            Some(n)
        });
        let mut branch = Tee::new(Box::new(source) as Source);
        let mut other = branch.clone();
        *own.lock().unwrap() = Some(branch.clone());
        // The source yields 1, 2 and 3, and then what its own branch reads: these three, then the items made of them.
        assert!(branch.by_ref().take(20).eq([1, 2, 3].into_iter().cycle().take(20)));
        // Now the source's own branch catches up.
        own.lock().unwrap().as_mut().unwrap().by_ref().take(3).for_each(drop);
        assert_eq!(message_of(|| branch.next()), "generator already executing");
        let earlier = "the iterator panicked earlier: generator already executing";
        assert_eq!(message_of(|| branch.next()), earlier);
        assert!(other.by_ref().take(20).eq([1, 2, 3].into_iter().cycle().take(20)));
        assert_eq!(message_of(|| other.next()), earlier);
    });
}

#[test]
fn a_branch_can_be_shared_by_threads() {
    limited(|| {
        for (kind, source) in sources(3000) {
            let root = Tee::new(source);
            let shared = root.clone().threadsafe();
            let other = ThreadsafeIter::new(root.clone());
            let items = together(6, |index| -> Vec<u64> {
                match index {
                    0 | 1 => shared.iter().collect(),
                    2 => shared.buffered(7).collect(),
                    3 | 4 => other.chunks(10).flatten().collect(),
                    _ => root.clone().collect(),
                }
            });
            let [mut first, mut second] = [items[..3].concat(), items[3..5].concat()];
            first.sort_unstable();
            second.sort_unstable();
            assert!(first.into_iter().eq(0..3000) && second.into_iter().eq(0..3000), "{kind}");
            assert!(items[5].iter().copied().eq(0..3000), "{kind}");
        }
    });
}

#[test]
fn a_source_and_items_that_are_not_send_can_be_teed_on_one_thread() {
    let count = Rc::new(Cell::new(0));
    let local = Rc::clone(&count);
    let first = Tee::new(iter::from_fn(move || {
        local.set(local.get() + 1);
        (local.get() <= 3).then(|| Rc::new(local.get()))
    }));
    let second = first.clone();
    assert!(first.map(|n| *n).eq(1..4));
    assert!(second.map(|n| *n).eq(1..4));
    assert_eq!((count.get(), Rc::strong_count(&count)), (4, 1));
}

#[test]
fn a_borrowing_source_can_be_teed_on_scoped_threads() {
    let words = String::from("so it goes");
    let root = Tee::new(words.split(' '));
    thread::scope(|scope| {
        let branches = [(); 2].map(|()| root.clone());
        let threads = branches.map(|branch| scope.spawn(move || branch.collect::<Vec<_>>()));
        for thread in threads {
            assert_eq!(thread.join().unwrap(), ["so", "it", "goes"]);
        }
    });
}

static CLONES_PANIC: AtomicBool = AtomicBool::new(false);

/// An item whose clone panics while [`CLONES_PANIC`] is set.
#[derive(Debug, PartialEq)]
struct Fussy(u8);

impl Clone for Fussy {
    fn clone(&self) -> Self {
        assert!(!CLONES_PANIC.load(SeqCst), "bad clone");
        Self(self.0)
    }
}

#[test]
fn an_item_whose_clone_panics_is_not_lost() {
    let mut branch = Tee::new((0..3).map(Fussy));
    let mut other = branch.clone();
    assert_eq!(branch.next(), Some(Fussy(0)));
    CLONES_PANIC.store(true, SeqCst);
    // `other` reads an existing item, `branch` pulls a new one, and then reads it again.
    assert_eq!(message_of(|| other.next()), "bad clone");
    assert_eq!(message_of(|| branch.next()), "bad clone");
    assert_eq!(message_of(|| branch.next()), "bad clone");
    CLONES_PANIC.store(false, SeqCst);
    assert!(branch.eq([Fussy(1), Fussy(2)]));
    assert!(other.eq([Fussy(0), Fussy(1), Fussy(2)]));
}

#[test]
fn an_item_whose_clone_reads_another_branch_works() {
    thread_local!(static OTHER: Cell<Option<Tee<Asking>>> = const { Cell::new(None) });

    /// Yields items that read the next item of another branch when they are cloned.
    struct Asking(u8);
    struct Item(u8);

    impl Iterator for Asking {
        type Item = Item;

        fn next(&mut self) -> Option<Item> {
            self.0 += 1;
            (self.0 <= 3).then_some(Item(self.0))
        }
    }

    impl Clone for Item {
        fn clone(&self) -> Self {
            if let Some(mut other) = OTHER.take() {
                other.next();
                OTHER.set(Some(other));
            }
            Self(self.0)
        }
    }

    limited(|| {
        let branch = Tee::new(Asking(0));
        OTHER.set(Some(branch.clone()));
        assert!(branch.map(|item| item.0).eq(1..4));
        assert!(OTHER.take().unwrap().next().is_none());
    });
}

#[test]
fn a_branch_can_be_sent_to_another_thread_midway() {
    limited(|| {
        let mut branch = Tee::new(generator(async |co| co.yield_from(0..1000_u32).await));
        let other = branch.clone();
        let (send, receive) = mpsc::channel();
        thread::scope(|scope| {
            scope.spawn(move || {
                assert!(branch.by_ref().take(500).eq(0..500));
                send.send(branch).unwrap();
            });
            scope.spawn(move || assert!(receive.recv().unwrap().eq(500..1000)));
            assert!(other.eq(0..1000));
        });
    });
}

/// A source that ends, or panics, after `items`, and whose destructor then calls `on_drop`.
struct WithDestructor {
    items: u64,
    panics: bool,
    on_drop: Option<Box<dyn FnOnce() + Send>>,
}

impl Iterator for WithDestructor {
    type Item = u64;

    fn next(&mut self) -> Option<u64> {
        assert!(self.items > 0 || !self.panics, "out of paper");
        self.items = self.items.checked_sub(1)?;
        Some(self.items)
    }
}

impl Drop for WithDestructor {
    fn drop(&mut self) {
        self.on_drop.take().into_iter().for_each(|on_drop| on_drop());
    }
}

#[test]
fn a_destructor_of_the_source_may_wait_for_a_thread_that_waits_at_another_branch() {
    for panics in [false, true] {
        limited(move || {
            let (start, started) = mpsc::channel::<()>();
            let (give, branch) = mpsc::channel::<Tee<WithDestructor>>();
            let waiting = thread::spawn(move || {
                let mut branch = branch.recv().unwrap();
                started.recv().unwrap();
                catch_unwind(AssertUnwindSafe(|| branch.next())).map_err(drop)
            });
            let (said, heard) = mpsc::channel();
            let on_drop = move || {
                start.send(()).unwrap();
                said.send(waiting.join().unwrap()).unwrap();
            };
            let mut tee = Tee::new(WithDestructor { items: 0, panics, on_drop: Some(Box::new(on_drop)) });
            give.send(tee.clone()).unwrap();
            if panics {
                assert_eq!(message_of(|| tee.next()), "out of paper");
                assert_eq!(heard.recv().unwrap(), Err(()));
            } else {
                assert_eq!(tee.next(), None);
                assert_eq!(heard.recv().unwrap(), Ok(None));
            }
        });
    }
}

#[test]
fn a_destructor_of_the_source_may_use_another_branch() {
    for panics in [false, true] {
        limited(move || {
            let own: Arc<Mutex<Option<Tee<WithDestructor>>>> = Arc::default();
            let in_destructor = Arc::clone(&own);
            let (said, heard) = mpsc::channel();
            let on_drop = move || {
                let mut branch = in_destructor.lock().unwrap().take().unwrap();
                let first = branch.next();
                said.send((first, catch_unwind(AssertUnwindSafe(|| branch.next())).map_err(drop))).unwrap();
            };
            let mut tee = Tee::new(WithDestructor { items: 1, panics, on_drop: Some(Box::new(on_drop)) });
            *own.lock().unwrap() = Some(tee.clone());
            assert_eq!(tee.next(), Some(0));
            if panics {
                assert_eq!(message_of(|| tee.next()), "out of paper");
                assert_eq!(heard.recv().unwrap(), (Some(0), Err(())));
            } else {
                assert_eq!(tee.next(), None);
                assert_eq!(heard.recv().unwrap(), (Some(0), Ok(None)));
            }
        });
    }
}
