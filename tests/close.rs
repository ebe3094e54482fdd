//! `close`: the end for everybody, by whoever wants it, without waiting; and no source is forgotten.

use std::hint;
use std::iter;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Weak};
use std::thread;
use std::time::{Duration, Instant};

use support::{PULLS, Source, gated, limited, message_of, settle, together};
use threadsafe_gen::{ThreadsafeExt, ThreadsafeIter, TryNextError, generator};

/// A source without an end, and how to see whether it lives.
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
    assert_eq!(Arc::strong_count(alive), 1, "the source should be gone");
    assert!(shared.is_finished() && !shared.is_poisoned());
    assert_eq!(shared.size_hint(), (0, Some(0)));
    for (way, pull) in PULLS {
        assert_eq!(pull(shared), None, "{way}");
    }
    assert_eq!(shared.lock().count(), 0);
}

#[test]
fn what_is_closed_is_over_and_its_source_gone() {
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
fn closing_before_the_first_item_runs_nothing() {
    let shared = iter::from_fn(|| -> Option<u8> { panic!("nobody asked") }).threadsafe();
    shared.close();
    assert_eq!(shared.next(), None);
}

#[test]
fn closing_what_has_finished_changes_nothing() {
    let numbers = (0..1).threadsafe();
    assert_eq!((numbers.next(), numbers.next()), (Some(0), None));
    numbers.close();
    assert_eq!((numbers.next(), numbers.is_finished()), (None, true));
}

#[test]
fn close_does_not_wait_for_the_call_in_progress_which_delivers() {
    limited(|| {
        for (way, pull) in PULLS {
            let alive = Arc::new(());
            let (gate, source) = gated::<u64>();
            let local = Arc::clone(&alive);
            let shared = (Box::new(source.inspect(move |_| _ = &local)) as Source).threadsafe();
            thread::scope(|scope| {
                let shared = &shared;
                let inside = scope.spawn(move || pull(shared));
                gate.entered();
                let waiting = PULLS.map(|(other, pull)| (other, scope.spawn(move || pull(shared))));
                settle();
                // The source stands at the gate, which nobody but this thread opens, and that only later: if `close`
                // waited, it would wait for ever.
                shared.close();
                shared.close();
                assert!(shared.is_finished());
                assert_eq!((shared.next(), shared.try_next()), (None, Ok(None)), "{way}");
                assert_eq!(Arc::strong_count(&alive), 2, "{way}: it is in use");
                gate.let_in(|| Some(1));
                assert_eq!(inside.join().unwrap(), Some(1), "{way}");
                for (other, thread) in waiting {
                    assert_eq!(thread.join().unwrap(), None, "{way}, {other}");
                }
            });
            assert_closed(&alive, &shared);
        }
    });
}

#[test]
fn close_beside_a_held_guard_leaves_the_source_to_its_holder() {
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
fn a_body_that_closes_itself_delivers_its_last_item() {
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
                    panic!("closed, and asked all the same");
                });
                (Box::new(source) as Source).threadsafe()
            });
            assert_eq!((pull(&shared), pull(&shared)), (Some(1), Some(2)), "{way}");
            assert_closed(&alive, &shared);
        }
    });
}

/// Races `close` with `others`, each of them on a thread, and expects that afterwards, without a further call, the
/// source is gone. On a machine with other things to do it makes do with fewer rounds.
fn race(rounds: usize, threads: usize, others: impl Fn(&ThreadsafeIter<Source>, usize) + Sync) {
    let start = Instant::now();
    for round in (0..rounds).take_while(|_| start.elapsed() < Duration::from_secs(2)) {
        let (alive, shared) = endless();
        let ready = AtomicUsize::new(0);
        together(threads, |index| {
            // A barrier wakes one thread after the other, and then the first would be done before the second begins.
            ready.fetch_add(1, SeqCst);
            while ready.load(SeqCst) < threads {
                thread::yield_now();
            }
            if index == 0 {
                // Not always at the very start, where the others may not have got going.
                (0..round % 64).for_each(|_| hint::spin_loop());
                shared.close();
            } else {
                others(&shared, index);
            }
        });
        assert_eq!(Arc::strong_count(&alive), 1, "round {round}: the source was forgotten");
        assert!(shared.is_finished());
    }
}

#[test]
fn no_source_is_forgotten_when_close_races_with_any_call() {
    limited(|| {
        for (_, pull) in PULLS {
            race(2000, 2, |shared, _| _ = iter::from_fn(|| pull(shared)).take(50).count());
        }
    });
}

#[test]
fn no_source_is_forgotten_when_close_races_with_one_last_call() {
    limited(|| {
        // Whoever leaves last is to drop the source, with no later call that could make up for it.
        race(4000, 2, |shared, _| _ = shared.next());
        race(4000, 2, |shared, _| _ = shared.try_next());
        race(4000, 2, |shared, _| _ = shared.lock().take(2).count());
        race(4000, 2, |shared, _| _ = shared.next_timeout(Duration::from_micros(1)));
        race(4000, 2, |shared, _| _ = shared.size_hint());
        race(4000, 2, |shared, _| shared.close());
    });
}

#[test]
fn no_source_is_forgotten_when_close_races_with_many_threads() {
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
fn what_was_delivered_before_a_close_has_no_gaps() {
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
fn a_waiting_next_timeout_is_told_of_the_end_and_not_of_the_time() {
    limited(|| {
        let (gate, source) = gated();
        let shared = source.threadsafe();
        thread::scope(|scope| {
            let inside = scope.spawn(|| shared.next());
            gate.entered();
            assert_eq!(shared.next_timeout(Duration::from_millis(1)), Err(TryNextError::AlreadyExecuting));
            shared.close();
            assert_eq!(shared.next_timeout(Duration::from_millis(1)), Ok(None));
            gate.let_in(|| Some(1));
            assert_eq!(inside.join().unwrap(), Some(1));
        });
    });
}

/// Panics when it is dropped.
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
fn a_destructor_that_panics_after_a_call_takes_no_item_from_it() {
    limited(|| {
        let (gate, source) = gated();
        let shared = BadDrop(source).threadsafe();
        thread::scope(|scope| {
            let inside = scope.spawn(|| shared.next());
            gate.entered();
            shared.close();
            gate.let_in(|| Some(1));
            assert_eq!(inside.join().unwrap(), Some(1));
        });
    });
}

#[test]
fn a_destructor_that_panics_while_a_holder_unwinds_does_not_abort() {
    let shared = BadDrop(0..).threadsafe();
    let message = message_of(|| {
        let _guard = shared.lock();
        shared.close();
        panic!("mine");
    });
    assert_eq!(message, "mine");
    assert_eq!(message_of(|| BadDrop(0..).threadsafe().close()), "bad drop");
}

#[test]
fn a_guard_knows_of_a_close() {
    let shared = (0..10).threadsafe();
    let mut guard = shared.lock();
    assert_eq!(guard.size_hint(), (10, Some(10)));
    shared.close();
    assert_eq!((guard.next(), guard.size_hint()), (None, (0, Some(0))));
}
