//! `close`: any caller can end the iteration for all callers, without waiting, and the source is always dropped.

use std::hint;
use std::iter;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Weak};
use std::thread;
use std::time::{Duration, Instant};

use support::{PULLS, Source, gated, limited, message_of, settle, together};
use threadsafe_gen::{ThreadsafeExt, ThreadsafeIter, TryNextError, generator};

/// An endless source, and an `Arc` that has a second reference as long as the source lives.
fn endless() -> (Arc<()>, ThreadsafeIter<Source>) {
    let alive = Arc::new(());
    let local = Arc::clone(&alive);
    let source = generator(async move |co| {
        let _ = &local;
        for n in 0_u64.. {
            co.yield_(n).await;
        }
    });
    (alive, (Box::new(source) as Source).threadsafe())
}

#[track_caller]
fn assert_closed(alive: &Arc<()>, shared: &ThreadsafeIter<Source>) {
    assert_eq!(Arc::strong_count(alive), 1, "the source was not dropped");
    assert!(shared.is_finished() && !shared.is_poisoned());
    assert_eq!(shared.size_hint(), (0, Some(0)));
    for (way, pull) in PULLS {
        assert_eq!(pull(shared), None, "{way}");
    }
    assert_eq!(shared.lock().count(), 0);
}

#[test]
fn close_finishes_the_iterator_and_drops_the_source() {
    let (alive, mut shared) = endless();
    assert_eq!(shared.next(), Some(0));
    shared.close();
    assert_closed(&alive, &shared);
    shared.close();
    assert_closed(&alive, &shared);
    assert!(format!("{shared:?}").contains("closed"));
    assert_eq!(Iterator::next(&mut shared), None);
    assert_eq!(Iterator::size_hint(&shared), (0, Some(0)));
    assert!(shared.get_mut().is_none());
    assert!(shared.into_inner().is_none());
}

#[test]
fn close_before_the_first_item_does_not_call_the_source() {
    let shared = iter::from_fn(|| -> Option<u8> { panic!("the source was called") }).threadsafe();
    shared.close();
    assert_eq!(shared.next(), None);
}

#[test]
fn close_of_a_finished_iterator_changes_nothing() {
    let numbers = (0..1).threadsafe();
    assert_eq!((numbers.next(), numbers.next()), (Some(0), None));
    numbers.close();
    assert_eq!((numbers.next(), numbers.is_finished()), (None, true));
}

#[test]
fn close_does_not_wait_for_the_call_in_progress_which_still_delivers() {
    limited(|| {
        for (way, pull) in PULLS {
            let alive = Arc::new(());
            let (gate, source) = gated::<u64>();
            let local = Arc::clone(&alive);
            let shared = (Box::new(source.inspect(move |_| _ = &local)) as Source).threadsafe();
            thread::scope(|scope| {
                let shared = &shared;
                let caller = scope.spawn(move || pull(shared));
                gate.entered();
                let waiting = PULLS.map(|(other, pull)| (other, scope.spawn(move || pull(shared))));
                settle();
                // The source blocks at the gate, which only this thread opens, further down: if `close` waited for the
                // source, the test would hang.
                shared.close();
                shared.close();
                assert!(shared.is_finished());
                assert_eq!((shared.next(), shared.try_next()), (None, Ok(None)), "{way}");
                assert_eq!(Arc::strong_count(&alive), 2, "{way}: the source is in use");
                gate.let_in(|| Some(1));
                assert_eq!(caller.join().unwrap(), Some(1), "{way}");
                for (other, thread) in waiting {
                    assert_eq!(thread.join().unwrap(), None, "{way}, {other}");
                }
            });
            assert_closed(&alive, &shared);
        }
    });
}

#[test]
fn close_while_a_guard_is_held_lets_the_guard_drop_the_source() {
    limited(|| {
        for closed_by_holder in [true, false] {
            let (alive, shared) = endless();
            let mut guard = shared.lock();
            assert_eq!(guard.next(), Some(0));
            if closed_by_holder {
                shared.close();
            } else {
                thread::scope(|scope| scope.spawn(|| shared.close()).join().unwrap());
            }
            assert_eq!((guard.next(), guard.next()), (None, None));
            assert_eq!((shared.next(), shared.try_next()), (None, Ok(None)));
            drop(guard);
            assert_closed(&alive, &shared);
        }
    });
}

#[test]
fn a_body_that_closes_its_iterator_delivers_its_last_item() {
    limited(|| {
        for (way, pull) in PULLS {
            let alive = Arc::new(());
            let shared = Arc::new_cyclic(|me: &Weak<ThreadsafeIter<Source>>| {
                let (me, local) = (Weak::clone(me), Arc::clone(&alive));
                let source = generator(async move |co| {
                    let _ = &local;
                    co.yield_(1_u64).await;
                    me.upgrade().unwrap().close();
                    co.yield_(2).await;
                    panic!("the body was resumed after `close`");
                });
                (Box::new(source) as Source).threadsafe()
            });
            assert_eq!((pull(&shared), pull(&shared)), (Some(1), Some(2)), "{way}");
            assert_closed(&alive, &shared);
        }
    });
}

/// Races `close` on one thread with `others` on the remaining ones, and asserts that the source is dropped afterwards,
/// without a further call. Stops after two seconds, so that a busy machine runs fewer rounds.
fn race(rounds: usize, threads: usize, others: impl Fn(&ThreadsafeIter<Source>, usize) + Sync) {
    let start = Instant::now();
    for round in (0..rounds).take_while(|_| start.elapsed() < Duration::from_secs(2)) {
        let (alive, shared) = endless();
        let ready = AtomicUsize::new(0);
        together(threads, |index| {
            // A barrier wakes one thread after another, so that the first would be done before the second starts.
            ready.fetch_add(1, SeqCst);
            while ready.load(SeqCst) < threads {
                thread::yield_now();
            }
            if index == 0 {
                // The delay varies, because the other threads may not have started their calls yet.
                (0..round % 64).for_each(|_| hint::spin_loop());
                shared.close();
            } else {
                others(&shared, index);
            }
        });
        assert_eq!(Arc::strong_count(&alive), 1, "round {round}: the source was not dropped");
        assert!(shared.is_finished());
    }
}

#[test]
fn the_source_is_dropped_when_close_races_with_any_call() {
    limited(|| {
        for (_, pull) in PULLS {
            race(2000, 2, |shared, _| _ = iter::from_fn(|| pull(shared)).take(50).count());
        }
    });
}

#[test]
fn the_source_is_dropped_when_close_races_with_a_last_call() {
    limited(|| {
        // The thread that leaves last must drop the source, because no later call would.
        race(4000, 2, |shared, _| _ = shared.next());
        race(4000, 2, |shared, _| _ = shared.try_next());
        race(4000, 2, |shared, _| _ = shared.lock().take(2).count());
        race(4000, 2, |shared, _| _ = shared.next_timeout(Duration::from_micros(1)));
        race(4000, 2, |shared, _| _ = shared.size_hint());
        race(4000, 2, |shared, _| shared.close());
    });
}

#[test]
fn the_source_is_dropped_when_close_races_with_many_threads() {
    limited(|| {
        race(2000, 5, |shared, index| {
            for _ in 0..20 {
                match index {
                    1 => _ = shared.next(),
                    2 => _ = shared.try_next(),
                    3 => _ = shared.lock().take(3).count(),
                    _ => _ = shared.next_timeout(Duration::from_nanos(1)),
                }
            }
        });
    });
}

#[test]
fn items_delivered_before_a_close_have_no_gaps() {
    limited(|| {
        for _ in 0..50 {
            let (_, shared) = endless();
            let mut taken: Vec<u64> = together(3, |index| {
                if index > 0 {
                    return shared.iter().collect();
                }
                let items: Vec<_> = shared.iter().take(50).collect();
                shared.close();
                items
            })
            .concat();
            taken.sort_unstable();
            assert!(taken.iter().copied().eq(0..taken.len() as u64), "{taken:?}");
        }
    });
}

#[test]
fn next_timeout_returns_the_end_of_a_closed_iterator_while_a_call_is_in_progress() {
    limited(|| {
        let (gate, source) = gated();
        let shared = source.threadsafe();
        thread::scope(|scope| {
            let caller = scope.spawn(|| shared.next());
            gate.entered();
            assert_eq!(shared.next_timeout(Duration::from_millis(1)), Err(TryNextError::TimedOut));
            shared.close();
            assert_eq!(shared.next_timeout(Duration::from_millis(1)), Ok(None));
            gate.let_in(|| Some(1));
            assert_eq!(caller.join().unwrap(), Some(1));
        });
    });
}

/// An iterator whose destructor panics.
struct BadDrop<I>(I);

impl<I: Iterator> Iterator for BadDrop<I> {
    type Item = I::Item;

    fn next(&mut self) -> Option<I::Item> {
        self.0.next()
    }
}

impl<I> Drop for BadDrop<I> {
    fn drop(&mut self) {
        panic!("bad drop");
    }
}

#[test]
fn a_panicking_destructor_of_the_source_does_not_lose_the_callers_item() {
    limited(|| {
        let (gate, source) = gated();
        let shared = BadDrop(source).threadsafe();
        thread::scope(|scope| {
            let caller = scope.spawn(|| shared.next());
            gate.entered();
            shared.close();
            gate.let_in(|| Some(1));
            assert_eq!(caller.join().unwrap(), Some(1));
        });
    });
}

#[test]
fn a_panicking_destructor_of_the_source_does_not_abort_while_the_holder_unwinds() {
    let shared = BadDrop(0..).threadsafe();
    let message = message_of(|| {
        let _guard = shared.lock();
        shared.close();
        panic!("bad holder");
    });
    assert_eq!(message, "bad holder");
    assert_eq!(message_of(|| BadDrop(0..).threadsafe().close()), "bad drop");
}

#[test]
fn a_guard_returns_none_after_a_close() {
    let shared = (0..10).threadsafe();
    let mut guard = shared.lock();
    assert_eq!(guard.size_hint(), (10, Some(10)));
    shared.close();
    assert_eq!((guard.next(), guard.size_hint()), (None, (0, Some(0))));
}

#[test]
fn only_a_close_is_a_close() {
    let exhausted = (0..2).threadsafe();
    exhausted.iter().for_each(drop);
    drop(exhausted.close_on_drop());
    assert!(exhausted.is_finished() && !exhausted.is_closed());

    let closed = (0..2).threadsafe();
    drop(closed.close_on_drop());
    assert!(closed.is_finished() && closed.is_closed());

    let poisoned = std::iter::from_fn(|| -> Option<()> { panic!("broken") }).threadsafe();
    message_of(|| poisoned.next());
    poisoned.close();
    assert!(poisoned.is_poisoned() && !poisoned.is_closed());
}
