//! The end of the source: it is final for all callers, and the source is dropped at once.

use std::iter;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Weak};
use std::thread;

use support::{PULLS, Source, gated, limited, settle, together};
use threadsafe_gen::{ThreadsafeExt, ThreadsafeIter, TryNextError, generator};

/// A source of one item that would yield more after its end.
///
/// The `Arc` holds the number of calls, and has a second reference as long as the source lives.
fn not_fused() -> (Arc<AtomicUsize>, Source) {
    let calls = Arc::new(AtomicUsize::new(0));
    let source = iter::from_fn({
        let calls = Arc::clone(&calls);
        move || (calls.fetch_add(1, Relaxed) != 1).then_some(7)
    });
    (calls, Box::new(source))
}

#[track_caller]
fn assert_dropped_after_two_calls(calls: &Arc<AtomicUsize>, way: &str) {
    assert_eq!((Arc::strong_count(calls), calls.load(Relaxed)), (1, 2), "{way}");
}

#[test]
fn the_first_none_is_final_and_drops_the_source() {
    limited(|| {
        for (way, pull) in PULLS {
            let (calls, source) = not_fused();
            let mut shared = source.threadsafe();
            assert_eq!(pull(&shared), Some(7), "{way}");
            assert!(!shared.is_finished());
            assert_eq!(Arc::strong_count(&calls), 2);
            assert_eq!(pull(&shared), None, "{way}");
            assert!(shared.is_finished() && !shared.is_poisoned(), "{way}");
            assert_dropped_after_two_calls(&calls, way);
            for (later, pull) in PULLS {
                assert_eq!(pull(&shared), None, "{way}, then {later}");
            }
            assert!(together(4, |_| shared.next()).iter().all(Option::is_none));
            assert_eq!(shared.lock().count(), 0);
            assert_eq!(Iterator::next(&mut shared), None);
            assert_dropped_after_two_calls(&calls, way);
        }
    });
}

#[test]
fn the_end_reached_by_owned_iteration_is_final_as_well() {
    let (calls, source) = not_fused();
    let mut owned = source.threadsafe();
    assert_eq!(owned.by_ref().collect::<Vec<_>>(), [7]);
    assert_dropped_after_two_calls(&calls, "owned");
    assert_eq!(Iterator::next(&mut owned), None);
    assert_eq!(owned.next(), None);
    assert_dropped_after_two_calls(&calls, "owned");
}

#[test]
fn the_end_reached_by_a_guard_is_final_while_the_guard_is_held() {
    let (calls, source) = not_fused();
    let shared = source.threadsafe();
    let mut guard = shared.lock();
    assert_eq!(guard.by_ref().collect::<Vec<_>>(), [7]);
    assert_dropped_after_two_calls(&calls, "guard");
    assert_eq!((guard.next(), guard.size_hint()), (None, (0, Some(0))));
    // After the end no call waits for the guard.
    assert_eq!((shared.next(), shared.try_next()), (None, Ok(None)));
    assert_eq!(shared.size_hint(), (0, Some(0)));
    drop(guard);
    assert_dropped_after_two_calls(&calls, "guard");
}

#[test]
fn waiting_callers_return_none_at_the_end() {
    limited(|| {
        let (gate, source) = gated();
        let shared = (Box::new(source) as Source).threadsafe();
        thread::scope(|scope| {
            let shared = &shared;
            let first = scope.spawn(|| shared.next());
            gate.entered();
            let waiting = PULLS.map(|(way, pull)| (way, scope.spawn(move || pull(shared))));
            settle();
            // The gate gets one order only: if the source were called again, the test would hang.
            gate.let_in(|| None);
            assert_eq!(first.join().unwrap(), None);
            for (way, thread) in waiting {
                assert_eq!(thread.join().unwrap(), None, "{way}");
            }
        });
    });
}

#[test]
fn later_calls_do_not_need_the_lock() {
    limited(|| {
        let numbers = (0..0).threadsafe();
        let guard = numbers.lock();
        thread::scope(|scope| {
            // The source has not ended yet, so `try_next` needs the lock.
            assert_eq!(scope.spawn(|| numbers.try_next()).join().unwrap(), Err(TryNextError::WouldBlock));
            assert_eq!(guard.count(), 0);
            let guard = numbers.lock();
            assert_eq!(scope.spawn(|| numbers.next()).join().unwrap(), None);
            assert_eq!(scope.spawn(|| numbers.next_indexed()).join().unwrap(), None);
            drop(guard);
        });
    });
}

#[test]
fn all_threads_that_drain_a_source_see_the_end() {
    limited(|| {
        for threads in [2, 4, 16, 64] {
            let (calls, source) = not_fused();
            let shared = source.threadsafe();
            let items: usize = together(threads, |_| shared.iter().count()).into_iter().sum();
            assert_eq!(items, 1);
            assert_dropped_after_two_calls(&calls, "threads");
        }
    });
}

#[test]
fn size_hints_are_exact_for_one_owner_and_from_zero_for_many() {
    let mut numbers = (0..10).threadsafe();
    assert_eq!(numbers.next(), Some(0));
    assert_eq!(numbers.size_hint(), (0, Some(9)));
    assert_eq!(numbers.iter().size_hint(), (0, Some(9)));
    assert_eq!(Iterator::size_hint(&numbers.iter()), (0, Some(9)));
    assert_eq!(Iterator::size_hint(&numbers), (9, Some(9)));
    let mut guard = numbers.lock();
    assert_eq!((guard.next(), guard.size_hint()), (Some(1), (8, Some(8))));
    // `size_hint` never waits for the lock, so there is no upper bound while the guard is held.
    assert_eq!(numbers.size_hint(), (0, None));
    drop(guard);
    assert_eq!(numbers.by_ref().count(), 8);
    assert_eq!((numbers.size_hint(), Iterator::size_hint(&numbers)), ((0, Some(0)), (0, Some(0))));

    assert_eq!((0..).threadsafe().size_hint(), (0, None));
    assert_eq!(generator(async |co| co.yield_(1).await).threadsafe().size_hint(), (0, None));
}

#[test]
fn size_hint_is_finished_and_debug_do_not_wait_for_a_slow_source() {
    limited(|| {
        let (gate, source) = gated();
        let shared = source.threadsafe();
        assert!(format!("{shared:?}").contains("ready"));
        thread::scope(|scope| {
            let other = scope.spawn(|| shared.next());
            gate.entered();
            assert_eq!(shared.size_hint(), (0, None));
            assert!(!shared.is_finished() && !shared.is_poisoned());
            assert!(format!("{shared:?}").contains("executing"));
            gate.let_in(|| Some(1));
            assert_eq!(other.join().unwrap(), Some(1));
        });
        gate.let_in(|| None);
        assert_eq!(shared.next(), None);
        assert!(format!("{shared:?}").contains("finished"));
    });
}

#[test]
fn get_mut_and_into_inner_return_the_source_until_the_end() {
    let mut numbers = ThreadsafeIter::new(0..3);
    assert_eq!(numbers.next(), Some(0));
    *numbers.get_mut().unwrap() = 5..7;
    assert_eq!(numbers.next(), Some(5));
    assert_eq!(numbers.into_inner(), Some(6..7));

    let mut numbers = ThreadsafeIter::new(0..1);
    assert_eq!((numbers.next(), numbers.next()), (Some(0), None));
    assert_eq!(numbers.get_mut(), None);
    assert_eq!(numbers.into_inner(), None);
}

#[test]
fn dropping_the_iterator_drops_an_unfinished_source() {
    let (calls, source) = not_fused();
    let shared = source.threadsafe();
    assert_eq!(shared.next(), Some(7));
    drop(shared);
    assert_eq!(Arc::strong_count(&calls), 1);
}

#[test]
fn a_destructor_at_the_end_can_wait_for_a_thread_that_takes_the_lock() {
    struct Slow(Weak<ThreadsafeIter<Source>>);

    impl Iterator for Slow {
        type Item = u64;

        fn next(&mut self) -> Option<u64> {
            None
        }
    }

    impl Drop for Slow {
        fn drop(&mut self) {
            let me = self.0.upgrade().expect("the iterator owns this source");
            thread::spawn(move || assert_eq!(me.lock().next(), None)).join().expect("the iterator is exhausted");
        }
    }

    limited(|| {
        let shared = Arc::new_cyclic(|me| (Box::new(Slow(Weak::clone(me))) as Source).threadsafe());
        assert_eq!(shared.next(), None);
    });
}
