//! `prefetch`: the source runs ahead on a thread of its own, in order and within its bound, and calls wait for items
//! and not for the source.

use std::any::Any;
use std::iter;
use std::mem;
use std::panic::panic_any;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex};
use std::thread::{self, ThreadId};
use std::time::{Duration, Instant};

use support::{gated, limited, message_of, panic_of, settle, together};
use threadsafe_gen::{
    BoxThreadsafeIter, Prefetch, Tee, ThreadsafeExt, ThreadsafeIter, TryNextError, threadsafe_generator,
};

/// A source of `0..items` that counts its calls.
fn counted(items: u64) -> (Arc<AtomicUsize>, impl Iterator<Item = u64> + Send) {
    let calls = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&calls);
    let mut numbers = 0..items;
    let source = iter::from_fn(move || {
        count.fetch_add(1, SeqCst);
        numbers.next()
    });
    (calls, source)
}

/// Waits until `condition` holds.
fn eventually(condition: impl Fn() -> bool) {
    while !condition() {
        thread::sleep(Duration::from_micros(100));
    }
}

/// A source that sends the id of the thread that drops it.
struct ReportsDrop<I>(I, Sender<ThreadId>);

impl<I: Iterator> Iterator for ReportsDrop<I> {
    type Item = I::Item;

    fn next(&mut self) -> Option<I::Item> {
        self.0.next()
    }
}

impl<I> Drop for ReportsDrop<I> {
    fn drop(&mut self) {
        let _ = self.1.send(thread::current().id());
    }
}

fn reports_drop<I: Iterator>(source: I) -> (Receiver<ThreadId>, ReportsDrop<I>) {
    let (sender, dropped) = mpsc::channel();
    (dropped, ReportsDrop(source, sender))
}

#[test]
fn all_items_come_in_order_for_every_number_of_items_ahead() {
    limited(|| {
        for ahead in [1, 2, 3, 7, 8, 9, 64, 1000, usize::MAX] {
            for items in [0, 1, 2, 100, 3000] {
                assert!((0..items).prefetch(ahead).eq(0..items), "{items} items, {ahead} ahead");
                let shared = (0..items).prefetch(ahead);
                assert!(shared.iter().eq(0..items), "{items} items, {ahead} ahead");
                assert_eq!((shared.next(), shared.taken(), shared.is_finished()), (None, items, true));
            }
        }
    });
}

#[test]
fn every_item_goes_to_one_of_the_threads() {
    limited(|| {
        // With few items ahead, threads sleep and wake for each.
        for (ahead, items) in [(1, 2000), (2, 4000), (16, 20_000), (1000, 20_000)] {
            let numbers = (0..items).prefetch(ahead);
            let mut all: Vec<_> = together(4, |thread| match thread {
                0 => numbers.buffered(7).collect::<Vec<_>>(),
                1 => iter::from_fn(|| numbers.next_timeout(Duration::from_secs(60)).unwrap()).collect(),
                2 => numbers.chunks(5).flatten().collect(),
                _ => numbers.iter().collect(),
            })
            .into_iter()
            .inspect(|part| assert!(part.is_sorted()))
            .flatten()
            .collect();
            all.sort_unstable();
            assert!(all.into_iter().eq(0..items), "{ahead} ahead");
        }
    });
}

#[test]
fn the_source_starts_at_once_and_is_called_only_while_fewer_items_wait() {
    limited(|| {
        for ahead in 1..=40 {
            let (calls, source) = counted(1000);
            let numbers = source.prefetch(ahead);
            eventually(|| calls.load(SeqCst) == ahead);
            for taken in 1..=100 {
                assert_eq!(numbers.next(), Some(taken as u64 - 1));
                assert!(calls.load(SeqCst) <= taken + ahead, "{ahead} ahead, {taken} taken");
                // From 9 items on, up to one half can be missing.
                let least = if ahead <= 8 { taken + ahead } else { taken + ahead / 2 };
                eventually(|| calls.load(SeqCst) >= least);
            }
            if ahead > 20 {
                thread::sleep(Duration::from_millis(1));
                assert!(calls.load(SeqCst) <= 100 + ahead);
            }
        }
    });
}

#[test]
#[should_panic(expected = "the number of items to prefetch must be non-zero")]
fn to_prefetch_no_items_panics() {
    let _ = (0..9).prefetch(0);
}

#[test]
fn the_source_runs_on_a_thread_with_a_name_and_is_dropped_there() {
    limited(|| {
        let main = thread::current().id();
        let (dropped, source) = reports_drop(iter::repeat_with(|| thread::current().name().map(str::to_owned)).take(3));
        assert!(source.prefetch(2).all(|name| name.as_deref() == Some("prefetch")));
        assert_ne!(dropped.recv().unwrap(), main);
    });
}

/// A place for an iterator that its own source or items use.
type Own<T> = Arc<Mutex<Option<Arc<ThreadsafeIter<Prefetch<T>>>>>>;

/// A payload that is not a string.
#[derive(Debug, PartialEq)]
struct Payload(u64);

fn panics_at(n: u64) -> impl Iterator<Item = u64> + Send {
    (0..).inspect(move |i| {
        if *i == n {
            panic_any(Payload(n))
        }
    })
}

#[test]
fn a_panic_of_the_source_comes_after_the_items_before_it_and_poisons() {
    limited(|| {
        for ahead in [1, 3, 8, 100] {
            for n in [0, 1, 5, 50] {
                let numbers = panics_at(n).prefetch(ahead);
                for i in 0..n {
                    assert_eq!(numbers.next(), Some(i));
                }
                let payload = panic_of(|| numbers.next());
                assert_eq!(payload.downcast_ref(), Some(&Payload(n)));
                assert!(numbers.is_poisoned());
                assert_eq!(numbers.try_next(), Err(TryNextError::Poisoned));
                let message = message_of(|| numbers.next());
                assert_eq!(message, "the iterator panicked earlier: its message is not a string");

                let owned = panics_at(n).prefetch(ahead);
                let (mut taken, mut count) = (owned, 0);
                let payload = panic_of(|| taken.by_ref().for_each(|_| count += 1));
                assert_eq!((payload.downcast_ref(), count), (Some(&Payload(n)), n));

                let numbers = panics_at(n).prefetch(ahead);
                let mut buffered = numbers.buffered(4);
                assert!(buffered.by_ref().take(usize::try_from(n).unwrap()).eq(0..n));
                assert_eq!(panic_of(|| buffered.next()).downcast_ref(), Some(&Payload(n)));
            }
        }
    });
}

#[test]
fn every_waiting_caller_learns_of_the_panic() {
    limited(|| {
        for _ in 0..50 {
            let (gate, source) = gated::<u64>();
            let numbers = source.prefetch(4);
            gate.entered();
            thread::scope(|scope| {
                let waiting: Vec<_> = (0..4).map(|_| scope.spawn(|| message_of(|| numbers.next()))).collect();
                thread::yield_now();
                gate.let_in(|| panic!("out of ink"));
                let mut messages: Vec<_> = waiting.into_iter().map(|thread| thread.join().unwrap()).collect();
                messages.sort_unstable();
                let earlier = "the iterator panicked earlier: out of ink";
                assert_eq!(messages, ["out of ink", earlier, earlier, earlier]);
            });
        }
    });
}

#[test]
fn close_wakes_every_waiting_caller_while_the_source_is_in_a_call() {
    limited(|| {
        for round in 0..50 {
            let (gate, source) = gated::<u64>();
            let numbers = source.prefetch(4);
            gate.entered();
            thread::scope(|scope| {
                let waiting = [
                    scope.spawn(|| numbers.next()),
                    scope.spawn(|| numbers.next_indexed().map(|(_, item)| item)),
                    scope.spawn(|| numbers.next_timeout(Duration::MAX).unwrap()),
                    scope.spawn(|| numbers.buffered(3).next()),
                    scope.spawn(|| numbers.chunks(3).next().map(|chunk| chunk[0])),
                    scope.spawn(|| numbers.lock().next()),
                ];
                if round == 0 {
                    settle();
                }
                if round % 2 == 0 {
                    numbers.close();
                } else {
                    drop(numbers.close_on_drop());
                }
                for thread in waiting {
                    assert_eq!(thread.join().unwrap(), None);
                }
                assert!(numbers.is_finished());
            });
            // The source has been in its only call all the time.
            gate.let_in(|| Some(1));
        }
    });
}

#[test]
fn close_wakes_a_caller_that_holds_the_guard() {
    limited(|| {
        let (gate, source) = gated::<u64>();
        let numbers = source.prefetch(4);
        gate.entered();
        thread::scope(|scope| {
            let holder = scope.spawn(|| numbers.lock().next());
            let behind = scope.spawn(|| numbers.next());
            settle();
            numbers.close();
            assert_eq!((holder.join().unwrap(), behind.join().unwrap()), (None, None));
        });
    });
}

#[test]
fn an_item_goes_to_the_caller_that_holds_the_guard_before_others() {
    limited(|| {
        let (gate, source) = gated::<u64>();
        let numbers = source.prefetch(4);
        gate.entered();
        thread::scope(|scope| {
            let behind = scope.spawn(|| numbers.next());
            settle();
            // Would sleep for ever if the item woke the other caller, which then blocks on the lock.
            let holder = scope.spawn(|| numbers.lock().next());
            settle();
            gate.let_in(|| Some(1));
            assert_eq!(holder.join().unwrap(), Some(1));
            gate.let_in(|| Some(2));
            assert_eq!(behind.join().unwrap(), Some(2));
        });
    });
}

#[test]
fn a_time_limit_bounds_the_whole_call() {
    limited(|| {
        let (gate, source) = gated();
        let numbers = source.prefetch(4);
        gate.entered();
        let start = Instant::now();
        assert_eq!(numbers.next_timeout(Duration::from_millis(20)), Err(TryNextError::TimedOut));
        assert!(start.elapsed() >= Duration::from_millis(20));
        assert_eq!(numbers.next_timeout(Duration::ZERO), Err(TryNextError::TimedOut));
        gate.let_in(|| Some(7));
        assert_eq!(numbers.next_timeout(Duration::MAX), Ok(Some(7)));
        gate.let_in(|| None);
        assert_eq!(numbers.next_timeout(Duration::from_secs(60)), Ok(None));
    });
}

#[test]
fn callers_with_a_time_limit_wait_beside_callers_without() {
    limited(|| {
        let (gate, source) = gated();
        let numbers = source.prefetch(4);
        gate.entered();
        thread::scope(|scope| {
            let patient = scope.spawn(|| numbers.next());
            settle();
            // The patient caller does not hold the lock while it waits.
            assert_eq!(numbers.next_timeout(Duration::from_millis(1)), Err(TryNextError::TimedOut));
            assert_eq!(numbers.try_next(), Err(TryNextError::WouldBlock));
            drop(numbers.lock());
            gate.let_in(|| Some(7));
            assert_eq!(patient.join().unwrap(), Some(7));
        });
    });
}

#[test]
fn try_next_takes_what_is_ready_and_never_waits() {
    limited(|| {
        let (gate, source) = gated();
        let numbers = source.prefetch(4);
        gate.entered();
        assert_eq!(numbers.try_next(), Err(TryNextError::WouldBlock));
        gate.let_in(|| Some(7));
        gate.entered();
        assert_eq!(numbers.try_next(), Ok(Some(7)));
        assert_eq!(numbers.try_next(), Err(TryNextError::WouldBlock));
        let guard = numbers.lock();
        assert_eq!(numbers.try_next(), Err(TryNextError::Reentrant));
        drop(guard);
        gate.let_in(|| None);
        let mut tried = numbers.try_next();
        while tried == Err(TryNextError::WouldBlock) {
            thread::yield_now();
            tried = numbers.try_next();
        }
        assert_eq!(tried, Ok(None));
    });
}

#[test]
fn the_owner_waits_for_items_also_after_calls_that_share_them() {
    limited(|| {
        let (gate, source) = gated();
        let mut numbers = source.prefetch(4);
        gate.let_in(|| Some(7));
        assert_eq!(numbers.next(), Some(7));
        thread::scope(|scope| {
            let owner = scope.spawn(|| {
                assert_eq!(numbers.try_next(), Err(TryNextError::WouldBlock));
                Iterator::next(&mut numbers)
            });
            settle();
            gate.let_in(|| Some(8));
            assert_eq!(owner.join().unwrap(), Some(8));
        });
        gate.let_in(|| None);
        assert_eq!(Iterator::next(&mut numbers), None);
    });
}

#[test]
fn batches_are_of_the_items_that_are_ready() {
    fn five_ready() -> (support::Gate<u64>, ThreadsafeIter<Prefetch<u64>>) {
        let (gate, source) = gated();
        let numbers = source.prefetch(100);
        for _ in 0..5 {
            gate.let_in(|| Some(7));
            gate.entered();
        }
        gate.entered();
        (gate, numbers)
    }

    limited(|| {
        let (gate, numbers) = five_ready();
        assert_eq!(numbers.chunks(3).map(|chunk| chunk.len()).take(2).collect::<Vec<_>>(), [3, 2]);
        gate.let_in(|| Some(8));
        assert_eq!(numbers.chunks(3).next(), Some(vec![8]));

        let (_gate, numbers) = five_ready();
        let mut buffered = numbers.buffered(64);
        assert_eq!(buffered.next(), Some(7));
        assert_eq!(buffered.size_hint().0, 4);
        // They are put back, and taken from there.
        drop(buffered);
        assert_eq!(numbers.iter().take(4).count(), 4);
        assert_eq!(numbers.try_next(), Err(TryNextError::WouldBlock));
        assert_eq!(numbers.taken(), 5);

        let (_gate, numbers) = five_ready();
        let boxed = numbers.boxed();
        assert_eq!(boxed.chunks(64).next().map(|chunk| chunk.len()), Some(5));
    });
}

#[test]
fn an_item_that_is_put_back_goes_to_a_caller_that_waits() {
    limited(|| {
        for _ in 0..100 {
            let (gate, source) = gated::<u64>();
            let numbers = source.prefetch(8);
            for _ in 0..2 {
                gate.let_in(|| Some(7));
            }
            (0..3).for_each(|_| gate.entered());
            let mut buffered = numbers.buffered(2);
            assert_eq!(buffered.next(), Some(7));
            thread::scope(|scope| {
                let waiting = scope.spawn(|| numbers.next());
                thread::yield_now();
                drop(buffered);
                assert_eq!(waiting.join().unwrap(), Some(7));
            });
        }
    });
}

#[test]
fn dropped_or_closed_the_thread_stops_after_its_call_and_nothing_waits_for_it() {
    limited(|| {
        for close in [false, true] {
            let (gate, source) = gated::<u64>();
            let (dropped, source) = reports_drop(source);
            let numbers = source.prefetch(4);
            gate.entered();
            if close {
                numbers.close();
            } else {
                drop(numbers);
            }
            assert!(dropped.try_recv().is_err(), "the source was dropped during its call");
            gate.let_in(|| Some(1));
            assert_ne!(dropped.recv().unwrap(), thread::current().id());
        }
        // While it waits for room.
        let (calls, source) = counted(100);
        let (dropped, source) = reports_drop(source);
        let numbers = source.prefetch(3);
        eventually(|| calls.load(SeqCst) == 3);
        drop(numbers);
        dropped.recv().unwrap();
        assert_eq!(calls.load(SeqCst), 3);
    });
}

#[test]
fn every_item_is_dropped_once_whenever_the_consumer_leaves() {
    limited(|| {
        for taken in 0..30 {
            let alive = Arc::new(());
            let held = Arc::clone(&alive);
            let (dropped, source) = reports_drop(iter::repeat_with(move || Arc::clone(&held)));
            let items = source.prefetch(8);
            assert_eq!(items.iter().take(taken).count(), taken);
            drop(items);
            dropped.recv().unwrap();
            eventually(|| Arc::strong_count(&alive) == 1);
        }
    });
}

#[test]
fn it_can_borrow_in_a_scope() {
    limited(|| {
        let text = String::from("so it goes");
        let numbers = (0..1000).threadsafe();
        thread::scope(|scope| {
            assert!(text.split(' ').prefetch_scoped(scope, 2).eq(["so", "it", "goes"]));
            let ahead = (&numbers).prefetch_scoped(scope, 4);
            assert!(ahead.iter().take(10).eq(0..10));
        });
        // The thread has ended with the scope, and has taken no more than its bound.
        let next = numbers.next().unwrap();
        assert!((10..=14).contains(&next), "{next}");
    });
}

#[test]
fn a_panic_in_the_scope_ends_the_thread_too() {
    limited(|| {
        let message = message_of(|| {
            thread::scope(|scope| {
                let numbers = (0..).prefetch_scoped(scope, 4);
                assert_eq!(numbers.next(), None::<u64>, "not the end");
            });
        });
        assert!(message.contains("not the end"));
    });
}

#[threadsafe_generator]
fn squares(to: u64) -> impl Iterator<Item = u64> {
    for n in 0..to {
        yield_!(n * n);
    }
}

#[test]
fn it_is_a_source_for_everything_else() {
    limited(|| {
        let expected = || (0..500_u64).map(|n| n * n);
        assert!(squares(500).prefetch(8).prefetch(8).eq(expected()));
        let boxed: BoxThreadsafeIter<'static, u64> = squares(500).prefetch(8).boxed();
        assert!(boxed.iter().eq(expected()));
        assert!(squares(500).boxed().prefetch(3).eq(expected()));
        assert!(squares(500).boxed().prefetch(8).boxed().buffered(7).eq(expected()));

        let tee = Tee::new(squares(500).prefetch(8));
        let other = tee.clone();
        assert!(tee.eq(expected()) && other.eq(expected()));

        let shared = squares(500).prefetch(8);
        let mapped = shared.iter().map(|n| n + 1).threadsafe();
        assert_eq!(mapped.iter().sum::<u64>(), expected().sum::<u64>() + 500);
    });
}

#[test]
fn rayon_takes_its_items() {
    use rayon::prelude::*;

    limited(|| {
        let sum = squares(2000).prefetch(16).into_par_iter().sum::<u64>();
        assert_eq!(sum, (0..2000).map(|n| n * n).sum::<u64>());
        let boxed = squares(2000).prefetch(16).boxed();
        assert_eq!((&boxed).into_par_iter().count(), 2000);
    });
}

#[test]
fn in_a_box_calls_wait_for_items_and_not_for_the_source() {
    limited(|| {
        let (gate, source) = gated::<u64>();
        let numbers = source.prefetch(4).boxed();
        gate.entered();
        assert_eq!(numbers.try_next(), Err(TryNextError::WouldBlock));
        assert_eq!(numbers.next_timeout(Duration::from_millis(1)), Err(TryNextError::TimedOut));
        thread::scope(|scope| {
            let waiting = [scope.spawn(|| numbers.next()), scope.spawn(|| numbers.buffered(4).next())];
            settle();
            numbers.close();
            assert!(waiting.into_iter().all(|thread| thread.join().unwrap().is_none()));
        });
    });
}

#[test]
fn two_that_are_swapped_through_get_mut_stay_whole() {
    limited(|| {
        let (gate, source) = gated::<u64>();
        let (mut one, mut other) = (source.prefetch(4), (0..3).prefetch(4));
        gate.entered();
        std::mem::swap(one.get_mut().unwrap(), other.get_mut().unwrap());
        assert!(one.iter().eq(0..3));
        // The other one now waits like any other source, and ends with it. It is called by the thread that has called
        // the first one, whose attempts must be over.
        thread::scope(|scope| {
            let lets_in = scope.spawn(move || {
                settle();
                one.close();
                gate.let_in(|| Some(7));
                gate
            });
            assert_eq!(other.next(), Some(7));
            lets_in.join().unwrap().let_in(|| None);
            assert_eq!(other.next(), None);
        });
    });
}

#[test]
fn an_adaptor_in_the_box_takes_no_wait_for_the_end() {
    type Boxed = Box<dyn Iterator<Item = u64> + Send>;
    let adaptors: [fn(Boxed) -> Boxed; 3] = [
        |source| Box::new(source.fuse()),
        |source| Box::new(source.chain(iter::once(100))),
        |source| Box::new((50..).zip(source).map(|(count, item)| count + item)),
    ];
    let expected = [vec![7, 8], vec![7, 8, 100], vec![57, 59]];
    for (adaptor, expected) in adaptors.into_iter().zip(expected) {
        limited(move || {
            let (gate, source) = gated::<u64>();
            let mut numbers = source.prefetch(4).boxed();
            let source = numbers.get_mut().unwrap();
            *source = adaptor(mem::replace(source, Box::new(iter::empty())));
            thread::scope(|scope| {
                let taken = scope.spawn(|| numbers.iter().collect::<Vec<_>>());
                settle();
                gate.let_in(|| Some(7));
                settle();
                gate.let_in(|| Some(8));
                gate.let_in(|| None);
                assert_eq!(taken.join().unwrap(), expected);
            });
        });
    }
}

#[test]
fn size_hint_counts_down_from_that_of_the_source() {
    limited(|| {
        let mut numbers = (0..10).prefetch(4);
        assert_eq!(Iterator::size_hint(&numbers), (10, Some(10)));
        numbers.by_ref().take(4).for_each(drop);
        assert_eq!((Iterator::size_hint(&numbers), numbers.size_hint()), ((6, Some(6)), (0, Some(6))));
        numbers.by_ref().for_each(drop);
        assert_eq!(Iterator::size_hint(&numbers), (0, Some(0)));
        assert_eq!(Iterator::size_hint(&(0_u64..).prefetch(4)).1, None);
    });
}

#[test]
fn close_beside_callers_and_the_source_ends_all_of_them() {
    limited(|| {
        for round in 0..300_u64 {
            let (dropped, source) = reports_drop(0_u64..);
            let numbers = source.prefetch(1 + usize::try_from(round % 5).unwrap());
            together(4, |thread| match thread {
                0 => {
                    (0..round % 7).for_each(|_| thread::yield_now());
                    numbers.close();
                }
                1 => numbers.iter().for_each(drop),
                2 => {
                    while let Ok(Some(_)) | Err(TryNextError::TimedOut) =
                        numbers.next_timeout(Duration::from_micros(50))
                    {}
                }
                _ => numbers.buffered(3).for_each(drop),
            });
            dropped.recv().unwrap();
        }
    });
}

#[test]
fn no_wake_up_is_lost_between_callers_that_give_up_and_callers_that_stay() {
    limited(|| {
        for round in 0..100 {
            let (sender, receiver) = mpsc::channel();
            let numbers = receiver.into_iter().prefetch(1 + round % 9);
            let sum = Mutex::new(0);
            together(5, |thread| match thread {
                0 => {
                    for n in 0..200_u64 {
                        sender.send(n).unwrap();
                        if n % 16 == 0 {
                            thread::sleep(Duration::from_micros(20));
                        }
                    }
                }
                1 | 2 => loop {
                    match numbers.next_timeout(Duration::from_micros(10)) {
                        Ok(Some(n)) => *sum.lock().unwrap() += n,
                        Ok(None) => break,
                        Err(error) => assert_eq!(error, TryNextError::TimedOut),
                    }
                    if *sum.lock().unwrap() == 19_900 {
                        numbers.close();
                    }
                },
                _ => {
                    for n in &numbers {
                        let mut sum = sum.lock().unwrap();
                        *sum += n;
                        if *sum == 19_900 {
                            numbers.close();
                        }
                    }
                }
            });
            assert_eq!(sum.into_inner().unwrap(), 19_900);
        }
    });
}

#[test]
fn a_source_that_uses_its_own_items_does_not_hang() {
    limited(|| {
        // The source closes the iterator that it runs ahead for.
        let numbers: Own<u64> = Arc::default();
        let own = Arc::clone(&numbers);
        let source = (0..).inspect(move |n| {
            if *n == 3 {
                own.lock().unwrap().as_ref().unwrap().close();
            }
        });
        let mut start = numbers.lock().unwrap();
        let shared = Arc::new(source.prefetch(8));
        *start = Some(Arc::clone(&shared));
        drop(start);
        assert!(shared.iter().count() <= 3);
        numbers.lock().unwrap().take();
    });
}

#[test]
fn destructors_that_use_the_iterator_do_not_hang() {
    struct Closes(Own<Closes>);

    impl Drop for Closes {
        fn drop(&mut self) {
            let iter = self.0.lock().unwrap().clone();
            if let Some(iter) = iter {
                iter.close();
                assert!(iter.next().is_none());
            }
        }
    }

    limited(|| {
        let slot = Arc::new(Mutex::new(None));
        let own = Arc::clone(&slot);
        let items = Arc::new(iter::repeat_with(move || Closes(Arc::clone(&own))).prefetch(4));
        *slot.lock().unwrap() = Some(Arc::clone(&items));
        drop(items.next());
        assert!(items.next().is_none());
        slot.lock().unwrap().take();
    });
}

#[test]
fn the_payload_of_a_panic_that_no_call_returns_is_dropped() {
    limited(|| {
        let alive = Arc::new(());
        let held = Arc::clone(&alive);
        let numbers = iter::once_with(move || -> u64 { panic_any(held) }).prefetch(2);
        thread::sleep(Duration::from_millis(5));
        drop(numbers);
        eventually(|| Arc::strong_count(&alive) == 1);
    });
}

#[test]
fn types_are_send_sync_and_debug() {
    fn check<T: Send + Sync + std::fmt::Debug + Any>(_: &T) {}

    let numbers = (0..3_u64).prefetch(2);
    check(&numbers);
    let prefetch = numbers.into_inner().unwrap();
    assert_eq!(format!("{prefetch:?}"), "Prefetch { capacity: 2, .. }");
    assert!(prefetch.eq(0..3));
}
