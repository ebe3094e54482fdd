//! A panic in the source: its caller gets the panic unchanged, and every other call, waiting or later, fails.

use std::any::Any;
use std::iter;
use std::panic::{AssertUnwindSafe, catch_unwind, panic_any};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use support::{Order, PULLS, Pull, Source, gated, limited, message_of, panic_of, settle, together};
use threadsafe_gen::{ThreadsafeExt, ThreadsafeIter, TryNextError, generator};

const EARLIER: &str = "the iterator panicked earlier: out of paper";

/// A source that yields 1 and then panics. The `Arc` has a second reference as long as the source lives.
fn panicking() -> (Arc<()>, Source) {
    let alive = Arc::new(());
    let local = Arc::clone(&alive);
    let source = generator(async move |co| {
        let _ = &local;
        co.yield_(1).await;
        panic!("out of paper");
    });
    (alive, Box::new(source))
}

/// An iterator whose source has panicked.
fn poisoned() -> ThreadsafeIter<Source> {
    let shared = panicking().1.threadsafe();
    assert_eq!(shared.next(), Some(1));
    assert_eq!(message_of(|| shared.next()), "out of paper");
    shared
}

/// The methods that take an item and return no error.
fn pulls_without_an_error() -> impl Iterator<Item = (&'static str, Pull)> {
    PULLS.into_iter().filter(|(way, _)| !["try_next", "next_timeout"].contains(way))
}

#[test]
fn the_caller_gets_the_panic_and_every_later_call_fails() {
    limited(|| {
        for (way, pull) in PULLS {
            let (alive, source) = panicking();
            let shared = source.threadsafe();
            assert_eq!(pull(&shared), Some(1), "{way}");
            assert!(!shared.is_poisoned(), "{way}");
            assert_eq!(message_of(|| pull(&shared)), "out of paper", "{way}");
            assert!(shared.is_poisoned() && !shared.is_finished(), "{way}");
            assert_eq!(Arc::strong_count(&alive), 1, "{way}: the source was not dropped");
            for (later, pull) in pulls_without_an_error() {
                // Every further call panics, on this thread and on others.
                assert_eq!(message_of(|| pull(&shared)), EARLIER, "{way}, then {later}");
                let messages = together(2, |_| message_of(|| pull(&shared)));
                assert_eq!(messages, [EARLIER; 2], "{way}, then {later}");
            }
            assert_eq!(shared.try_next(), Err(TryNextError::Poisoned), "{way}");
            for timeout in [Duration::ZERO, Duration::MAX] {
                assert_eq!(shared.next_timeout(timeout), Err(TryNextError::Poisoned), "{way}");
            }
        }
    });
}

#[test]
fn owned_access_panics_after_a_panic_as_well() {
    assert_eq!(message_of(|| Iterator::next(&mut poisoned())), EARLIER);
    assert_eq!(message_of(|| poisoned().get_mut().is_some()), EARLIER);
    assert_eq!(message_of(|| poisoned().into_inner().is_some()), EARLIER);
    assert_eq!(message_of(|| drop(poisoned().lock())), EARLIER);
    assert_eq!(message_of(|| (&poisoned()).into_iter().count()), EARLIER);

    // The same if the panic happened in owned iteration.
    let mut owned = panicking().1.threadsafe();
    assert_eq!(message_of(|| owned.by_ref().count()), "out of paper");
    assert!(owned.is_poisoned());
    assert_eq!(message_of(|| Iterator::next(&mut owned)), EARLIER);
    assert_eq!(message_of(|| owned.next()), EARLIER);
}

#[test]
fn a_guard_panics_again_after_the_panic() {
    let shared = panicking().1.threadsafe();
    let mut guard = shared.lock();
    assert_eq!(guard.next(), Some(1));
    assert_eq!(message_of(|| guard.next()), "out of paper");
    assert_eq!(message_of(|| guard.next()), EARLIER);
    assert_eq!(guard.size_hint().0, 0);
    assert_eq!(shared.try_next(), Err(TryNextError::Poisoned));
    assert_eq!(message_of(|| shared.next()), EARLIER);
    drop(guard);
    assert_eq!(message_of(|| shared.next()), EARLIER);
}

#[test]
fn every_waiting_thread_fails_after_the_panic() {
    limited(|| {
        let (gate, source) = gated();
        let shared = (Box::new(source) as Source).threadsafe();
        thread::scope(|scope| {
            let shared = &shared;
            let first = scope.spawn(|| message_of(|| shared.next()));
            gate.entered();
            let waiting: Vec<_> = pulls_without_an_error()
                .map(|(way, pull)| (way, scope.spawn(move || message_of(|| pull(shared)))))
                .collect();
            let timeout = scope.spawn(|| shared.next_timeout(Duration::MAX));
            settle();
            // The gate gets one order only: if another thread reached the source, the test would hang.
            gate.let_in(|| panic!("out of paper"));
            assert_eq!(first.join().unwrap(), "out of paper");
            for (way, thread) in waiting {
                assert_eq!(thread.join().unwrap(), EARLIER, "{way}");
            }
            assert_eq!(timeout.join().unwrap(), Err(TryNextError::Poisoned));
        });
    });
}

#[test]
fn exactly_one_of_many_threads_gets_the_panic_itself() {
    limited(|| {
        for threads in [2, 4, 16, 64] {
            let items = 1000;
            let shared = (0..).inspect(|n| assert!(*n < items, "out of paper")).threadsafe();
            let results = together(threads, |_| {
                let mut taken = 0;
                let message = message_of(|| shared.iter().for_each(|_| taken += 1));
                (taken, message)
            });
            assert_eq!(results.iter().map(|(taken, _)| taken).sum::<i32>(), items, "{threads}");
            let (first, others): (Vec<_>, Vec<_>) =
                results.into_iter().map(|(_, message)| message).partition(|message| message == "out of paper");
            assert_eq!((first.len(), others.len()), (1, threads - 1));
            assert!(others.iter().all(|message| message == EARLIER), "{others:?}");
        }
    });
}

#[test]
fn the_payload_is_the_original_one() {
    #[derive(Debug, PartialEq)]
    struct Custom(u32);

    type Check = fn(Box<dyn Any + Send>) -> bool;
    let cases: [(Order<()>, Check, &str); 3] = [
        (|| panic!("literal"), |payload| payload.is::<&'static str>(), "the iterator panicked earlier: literal"),
        (
            || panic_any(String::from("formatted")),
            |payload| payload.downcast_ref::<String>().is_some_and(|message| message == "formatted"),
            "the iterator panicked earlier: formatted",
        ),
        (
            || panic_any(Custom(7)),
            |payload| payload.downcast_ref::<Custom>() == Some(&Custom(7)),
            "the iterator panicked earlier: ",
        ),
    ];
    for (order, is_original, expected) in cases {
        let shared = iter::from_fn(order).threadsafe();
        assert!(is_original(panic_of(|| shared.next())), "{expected}");
        let message = message_of(|| shared.next());
        assert!(message.starts_with(expected), "{message}");
    }
}

#[test]
fn inspecting_and_dropping_a_poisoned_iterator_does_not_panic() {
    let shared = poisoned();
    assert_eq!(shared.size_hint().0, 0);
    assert_eq!((&shared).into_iter().size_hint().0, 0);
    assert_eq!(Iterator::size_hint(&shared).0, 0);
    assert!(format!("{shared:?}").contains("poisoned"));
    assert!(shared.is_poisoned() && !shared.is_finished());
    shared.close();
    // `close` does not turn the panic into a regular end.
    assert_eq!(message_of(|| shared.next()), EARLIER);
    drop(shared);
}

/// A source that panics in `next`, and in its destructor with a payload whose destructor panics too.
struct Spiteful;

impl Iterator for Spiteful {
    type Item = u64;

    fn next(&mut self) -> Option<u64> {
        panic!("out of paper");
    }
}

impl Drop for Spiteful {
    fn drop(&mut self) {
        struct Payload;

        impl Drop for Payload {
            fn drop(&mut self) {
                panic!("the third panic");
            }
        }

        panic_any(Payload);
    }
}

#[test]
fn the_panic_of_the_source_wins_over_that_of_its_destructor() {
    limited(|| {
        for (way, pull) in PULLS {
            let shared = (Box::new(Spiteful) as Source).threadsafe();
            assert_eq!(message_of(|| pull(&shared)), "out of paper", "{way}");
            assert_eq!(message_of(|| shared.next()), EARLIER, "{way}");
        }
        let mut owned = Spiteful.threadsafe();
        assert_eq!(message_of(|| Iterator::next(&mut owned)), "out of paper");
    });
}

#[test]
fn a_panic_of_a_guards_holder_does_not_poison_the_iterator() {
    limited(|| {
        let numbers = (0..).threadsafe();
        let message = message_of(|| {
            let mut guard = numbers.lock();
            assert_eq!(guard.next(), Some(0));
            panic!("bad holder");
        });
        assert_eq!(message, "bad holder");
        assert!(!numbers.is_poisoned());
        assert_eq!(together(2, |_| numbers.next()).into_iter().flatten().sum::<i32>(), 1 + 2);
        assert_eq!(numbers.try_next(), Ok(Some(3)));
        // Neither does a panic between the items of a loop.
        message_of(|| numbers.iter().for_each(|n| assert!(n < 4)));
        assert_eq!(numbers.next(), Some(5));
    });
}

#[test]
fn a_thread_that_unwinds_can_take_items() {
    struct TakesOne<'a>(&'a ThreadsafeIter<std::ops::RangeFrom<i32>>);

    impl Drop for TakesOne<'_> {
        fn drop(&mut self) {
            assert_eq!(self.0.next(), Some(0));
        }
    }

    let numbers = (0..).threadsafe();
    assert_eq!(
        message_of(|| {
            let _last = TakesOne(&numbers);
            panic!("elsewhere")
        }),
        "elsewhere"
    );
    assert_eq!(numbers.next(), Some(1));
    assert!(!numbers.is_poisoned());
}

#[test]
fn a_panic_of_the_sources_destructor_at_the_end_leaves_the_iterator_finished() {
    struct EndsBadly;

    impl Iterator for EndsBadly {
        type Item = u64;

        fn next(&mut self) -> Option<u64> {
            None
        }
    }

    impl Drop for EndsBadly {
        fn drop(&mut self) {
            panic!("in the destructor");
        }
    }

    limited(|| {
        let ends: [fn(&ThreadsafeIter<EndsBadly>); 3] =
            [|it| _ = it.next(), |it| _ = it.lock().next(), |it| it.close()];
        for end in ends {
            let shared = EndsBadly.threadsafe();
            assert_eq!(message_of(|| end(&shared)), "in the destructor");
            assert!(shared.is_finished());
            assert_eq!(together(2, |_| shared.next()), [None, None]);
            assert!(shared.into_inner().is_none());
        }
    });
}

#[test]
fn a_panic_of_the_source_after_a_close_reaches_its_caller() {
    limited(|| {
        let (gate, source) = gated::<u64>();
        let shared = source.threadsafe();
        thread::scope(|scope| {
            let caller = scope.spawn(|| catch_unwind(AssertUnwindSafe(|| shared.next())).is_err());
            gate.entered();
            shared.close();
            gate.let_in(|| panic!("out of paper"));
            assert!(caller.join().unwrap());
        });
        assert_eq!(shared.next(), None);
    });
}

/// Panics when it is asked for its size hint.
struct Unsizable(#[expect(dead_code, reason = "counted by the test")] Arc<()>);

impl Iterator for Unsizable {
    type Item = u64;

    fn next(&mut self) -> Option<u64> {
        Some(1)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        panic!("out of paper");
    }
}

#[test]
fn a_panic_of_the_size_hint_poisons_the_iterator_whichever_call_asks_for_it() {
    type Ask = fn(&mut ThreadsafeIter<Unsizable>);

    const ASKS: [(&str, Ask); 5] = [
        ("size_hint", |shared| _ = ThreadsafeIter::size_hint(shared)),
        ("size_hint of the owner", |shared| _ = Iterator::size_hint(shared)),
        ("size_hint of a guard", |shared| _ = shared.lock().size_hint()),
        ("buffered", |shared| _ = shared.buffered(2).next()),
        ("chunks", |shared| _ = shared.chunks(2).next()),
    ];
    limited(|| {
        for (name, ask) in ASKS {
            let alive = Arc::new(());
            let mut shared = ThreadsafeIter::new(Unsizable(Arc::clone(&alive)));
            assert_eq!(shared.next(), Some(1), "{name}");
            assert_eq!(message_of(|| ask(&mut shared)), "out of paper", "{name}");
            assert!(shared.is_poisoned() && !shared.is_finished(), "{name}");
            assert_eq!(Arc::strong_count(&alive), 1, "{name}: the source is not dropped");
            assert_eq!(message_of(|| shared.next()), EARLIER, "{name}");
            assert_eq!(shared.try_next(), Err(TryNextError::Poisoned), "{name}");
            // A hint has no way to report the panic. It says nothing of an end.
            assert_eq!(ThreadsafeIter::size_hint(&shared), (0, None), "{name}");
        }
    });
}
