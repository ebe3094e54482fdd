//! `buffered` and `chunks`: many items for one lock, each of them exactly once, and what is not used goes back.

use std::collections::BTreeSet;
use std::iter;
use std::panic::{AssertUnwindSafe, catch_unwind, panic_any};
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use support::{PULLS, Source, gated, limited, message_of, panic_of, settle, together};
use threadsafe_gen::{Buffered, ThreadsafeExt, ThreadsafeIter, TryNextError, generator, threadsafe_generator};

/// What a source panics with.
#[derive(Debug, PartialEq)]
struct Boom(usize);

/// What a source is to do, and how far it has come.
struct Script {
    end: usize,
    panics_at: usize,
    begun: AtomicUsize,
    resumed: AtomicUsize,
}

impl Script {
    fn counting_to(end: usize) -> Arc<Self> {
        Self::panicking_at(usize::MAX, end)
    }

    fn panicking_at(panics_at: usize, end: usize) -> Arc<Self> {
        Arc::new(Self { end, panics_at, begun: AtomicUsize::new(0), resumed: AtomicUsize::new(0) })
    }

    fn before(&self, n: usize) {
        if n == self.panics_at {
            panic_any(Boom(n));
        }
        self.begun.fetch_add(1, SeqCst);
    }

    fn after(&self) {
        self.resumed.fetch_add(1, SeqCst);
    }

    fn start_anew(&self) {
        self.begun.store(0, SeqCst);
        self.resumed.store(0, SeqCst);
    }

    /// How many items have been made, and after how many of them the body has gone on.
    fn ran(&self) -> (usize, usize) {
        (self.begun.load(SeqCst), self.resumed.load(SeqCst))
    }
}

fn by_hand(script: Arc<Script>) -> ThreadsafeIter<impl Iterator<Item = usize> + Send> {
    generator(async move |co| {
        for n in 0..=script.end {
            script.before(n);
            if n == script.end {
                break;
            }
            co.yield_(n).await;
            script.after();
        }
    })
    .threadsafe()
}

#[threadsafe_generator]
fn annotated(script: Arc<Script>) -> impl Iterator<Item = usize> {
    for n in 0..=script.end {
        script.before(n);
        if n == script.end {
            break;
        }
        yield_!(n);
        script.after();
    }
}

/// Not a generator: what it does after an item it does before the next.
fn plain(script: Arc<Script>) -> ThreadsafeIter<impl Iterator<Item = usize> + Send> {
    let end = script.end;
    let ran = move |n: &usize| {
        if *n > 0 {
            script.after();
        }
        script.before(*n);
    };
    (0..=end).inspect(ran).take_while(move |n| *n < end).threadsafe()
}

fn boxed(script: Arc<Script>) -> ThreadsafeIter<Box<dyn Iterator<Item = usize> + Send>> {
    ThreadsafeIter::new(Box::new(by_hand(script)))
}

/// Runs a test with each kind of source: `each_source!(script, |kind, shared| { .. })`.
macro_rules! each_source {
    ($script:expr, |$kind:ident, $shared:ident| $test:block) => {{
        each_source!(@one by_hand, $script, $kind, $shared, $test);
        each_source!(@one annotated, $script, $kind, $shared, $test);
        each_source!(@one plain, $script, $kind, $shared, $test);
        each_source!(@one boxed, $script, $kind, $shared, $test);
    }};
    (@one $make:ident, $script:expr, $kind:ident, $shared:ident, $test:block) => {{
        let ($kind, $shared) = (stringify!($make), $make($script));
        $test
    }};
}

const POISONED: &str = "the iterator panicked earlier: its message is not a string";

/// By every way to take an item the iterator is poisoned.
#[track_caller]
fn assert_poisoned<I: Iterator<Item: std::fmt::Debug + PartialEq>>(shared: &ThreadsafeIter<I>) {
    assert!(shared.is_poisoned() && !shared.is_finished());
    assert_eq!(shared.try_next(), Err(TryNextError::Poisoned));
    assert_eq!(shared.next_timeout(Duration::ZERO), Err(TryNextError::Poisoned));
    for message in [
        message_of(|| shared.next()),
        message_of(|| shared.next_indexed()),
        message_of(|| shared.lock().next()),
        message_of(|| shared.buffered(2).next()),
        message_of(|| shared.buffered(2).indexed().next()),
        message_of(|| shared.chunks(2).next()),
        message_of(|| shared.chunks(2).indexed().next()),
    ] {
        assert_eq!(message, POISONED);
    }
}

#[test]
fn each_item_goes_to_one_consumer_in_order_and_with_its_index() {
    limited(|| {
        for (threads, n) in [(2, 1), (2, 64), (3, 7), (4, 3), (8, 100), (16, 5), (16, usize::MAX)] {
            each_source!(Script::counting_to(5000), |kind, shared| {
                let taken = together(threads, |_| shared.buffered(n).indexed().collect::<Vec<_>>());
                assert!(taken.iter().all(|items| items.is_sorted()), "{kind}, {threads} threads, {n} at a time");
                let mut taken = taken.concat();
                taken.sort_unstable();
                assert!(taken.into_iter().eq((0..5000).enumerate()), "{kind}, {threads} threads, {n} at a time");
                assert!(shared.is_finished());
            });
        }
    });
}

#[test]
fn indexes_are_right_among_all_the_other_ways_to_take_items() {
    limited(|| {
        for threads in [2, 6, 12] {
            each_source!(Script::counting_to(6000), |kind, shared| {
                let taken = together(threads, |index| -> Vec<usize> {
                    let check = |(index, item)| {
                        assert_eq!(index, item, "{kind}");
                        item
                    };
                    match index % 6 {
                        0 => shared.buffered(10).indexed().map(check).collect(),
                        1 => shared.iter().collect(),
                        2 => iter::from_fn(|| shared.next_indexed()).map(check).collect(),
                        3 => iter::from_fn(|| {
                            let some: Vec<_> = shared.lock().take(3).collect();
                            assert!(some.windows(2).all(|pair| pair[0] + 1 == pair[1]), "{kind}");
                            (!some.is_empty()).then_some(some)
                        })
                        .flatten()
                        .collect(),
                        4 => shared.chunks(4).flatten().collect(),
                        _ => shared
                            .chunks(5)
                            .indexed()
                            .flat_map(|(first, chunk)| (first..).zip(chunk))
                            .map(check)
                            .collect(),
                    }
                });
                let mut taken = taken.concat();
                taken.sort_unstable();
                assert!(taken.into_iter().eq(0..6000), "{kind}");
            });
        }
    });
}

#[test]
fn indexes_start_where_the_iterator_stands() {
    each_source!(Script::counting_to(20), |_kind, shared| {
        assert_eq!(shared.next(), Some(0));
        assert_eq!(shared.lock().by_ref().take(2).last(), Some(2));
        let mut consumer = shared.buffered(2).indexed();
        assert_eq!(consumer.next(), Some((3, 3)));
        assert_eq!(shared.next_indexed(), Some((5, 5)));
        assert_eq!(shared.chunks(3).indexed().next(), Some((6, vec![6, 7, 8])));
        assert_eq!(consumer.next(), Some((4, 4)));
        assert_eq!(consumer.next(), Some((9, 9)));
        drop(consumer);
        assert_eq!(shared.next_indexed(), Some((10, 10)));
    });
}

#[test]
fn the_body_runs_no_further_than_single_pulls_would_let_it() {
    let script = Script::counting_to(10);
    each_source!(Arc::clone(&script), |kind, shared| {
        script.start_anew();
        let mut consumer = shared.buffered(4);
        assert_eq!(script.ran(), (0, 0), "{kind}: nothing has been asked for");
        for n in 0..4 {
            assert_eq!((consumer.next(), script.ran()), (Some(n), (4, 3)), "{kind}");
        }
        assert_eq!((consumer.next(), script.ran()), (Some(4), (8, 7)), "{kind}");
        drop(consumer);
        let mut chunks = shared.chunks(3);
        assert_eq!((chunks.next(), script.ran()), (Some(vec![5, 6, 7]), (8, 7)), "{kind}: given back");
        assert_eq!((chunks.next(), script.ran()), (Some(vec![8, 9]), (11, 10)), "{kind}: to the end");
        assert_eq!((chunks.next(), shared.next(), script.ran()), (None, None, (11, 10)), "{kind}");
    });
}

#[test]
fn a_chunk_that_the_items_just_fill_does_not_run_to_the_end() {
    let script = Script::counting_to(4);
    each_source!(Arc::clone(&script), |kind, shared| {
        script.start_anew();
        assert_eq!(shared.chunks(4).next(), Some(vec![0, 1, 2, 3]));
        assert_eq!((script.ran(), shared.is_finished()), ((4, 3), false), "{kind}");
        assert_eq!((shared.chunks(4).next(), shared.is_finished()), (None, true), "{kind}");
    });
}

#[test]
fn generators_within_generators_deliver_everything_at_any_n() {
    for n in 1..8 {
        let nested = generator(async |co| {
            co.yield_(0).await;
            co.yield_from(1..4).await;
            co.yield_from(generator(async |co| co.yield_from(4..6).await)).await;
            co.yield_(6).await;
        });
        assert!(nested.threadsafe().buffered(n).eq(0..7), "{n}");
    }
}

#[test]
fn a_panic_in_mid_chunk_comes_after_the_items_before_it() {
    limited(|| {
        for at in 0..10 {
            each_source!(Script::panicking_at(at, 20), |kind, shared| {
                let mut consumer = shared.buffered(4);
                for n in 0..at {
                    assert_eq!(consumer.next(), Some(n), "{kind}, at {at}");
                }
                let payload = panic_of(|| consumer.next());
                assert_eq!(payload.downcast_ref(), Some(&Boom(at)), "{kind}");
                assert_eq!(message_of(|| consumer.next()), POISONED, "{kind}, the same consumer");
                drop(consumer);
                assert_poisoned(&shared);
            });
            each_source!(Script::panicking_at(at, 20), |kind, shared| {
                let mut chunks = shared.chunks(4);
                let mut taken = vec![];
                let payload = panic_of(|| taken.extend(chunks.by_ref().flatten()));
                assert_eq!(payload.downcast_ref(), Some(&Boom(at)), "{kind}");
                assert!(taken.into_iter().eq(0..at), "{kind}, at {at}");
                assert_eq!(message_of(|| chunks.next()), POISONED, "{kind}, the same consumer");
                assert_poisoned(&shared);
            });
        }
    });
}

#[test]
fn everyone_else_finds_a_panic_before_its_consumer_does_and_if_it_never_does() {
    limited(|| {
        each_source!(Script::panicking_at(6, 20), |kind, shared| {
            let mut other = shared.buffered(2);
            assert_eq!(other.next(), Some(0));
            let mut consumer = shared.buffered(8);
            assert_eq!(consumer.next(), Some(2), "{kind}");
            // It has yet to hear of the panic, of which the others know.
            assert_poisoned(&shared);
            assert_eq!(other.next(), Some(1), "{kind}: that was taken before");
            assert_eq!(message_of(|| other.next()), POISONED, "{kind}");
            assert_eq!(consumer.next(), Some(3), "{kind}");
            drop((consumer, other));
            assert_poisoned(&shared);
            assert_eq!(message_of(|| shared.into_inner().is_some()), POISONED, "{kind}");
        });
    });
}

#[test]
fn all_who_wait_hear_of_a_panic_in_mid_chunk() {
    limited(|| {
        let (gate, source) = gated::<u64>();
        let shared = (Box::new(source) as Source).threadsafe();
        thread::scope(|scope| {
            let shared = &shared;
            let inside = scope.spawn(|| {
                let mut consumer = shared.buffered(3);
                (consumer.next(), consumer.next(), message_of(|| consumer.next()))
            });
            gate.entered();
            let waiting: Vec<_> = PULLS
                .iter()
                .map(|(_, pull)| scope.spawn(|| message_of(|| pull(shared))))
                .chain([
                    scope.spawn(|| message_of(|| shared.buffered(2).next())),
                    scope.spawn(|| message_of(|| shared.chunks(2).next())),
                ])
                .collect();
            settle();
            gate.let_in(|| Some(0));
            gate.let_in(|| Some(1));
            gate.let_in(|| panic!("bad source"));
            assert_eq!(inside.join().unwrap(), (Some(0), Some(1), "bad source".to_owned()));
            for thread in waiting {
                assert!(thread.join().unwrap().starts_with("the iterator panicked earlier"));
            }
        });
    });
}

#[test]
fn a_closure_that_panics_over_an_iterator_costs_no_further_item() {
    fn check<I: Iterator<Item = usize>>(kind: &str, make: impl Fn() -> I) {
        type Use<I> = fn(&mut I, &dyn Fn(usize));
        let ways: [(&str, Use<I>); 8] = [
            ("all", |iter, user| {
                iter.all(|n| {
                    user(n);
                    true
                });
            }),
            ("any", |iter, user| {
                iter.any(|n| {
                    user(n);
                    false
                });
            }),
            ("find", |iter, user| {
                iter.find(|n| {
                    user(*n);
                    false
                });
            }),
            ("position", |iter, user| {
                iter.position(|n| {
                    user(n);
                    false
                });
            }),
            ("for_each", |iter, user| iter.for_each(user)),
            ("fold", |iter, user| iter.fold((), |(), n| user(n))),
            ("try_for_each", |iter, user| {
                let _ = iter.try_for_each(|n| {
                    user(n);
                    Some(())
                });
            }),
            ("map", |iter, user| _ = iter.map(user).count()),
        ];
        for (way, consume) in ways {
            let mut iter = make();
            let stop = |n| assert_ne!(n, 2, "mine");
            assert!(message_of(|| consume(&mut iter, &stop)).ends_with("mine\n  left: 2\n right: 2"), "{kind}, {way}");
            assert_eq!(iter.next(), Some(3), "{kind}, {way}");
            assert!(iter.eq(4..10), "{kind}, {way}");
        }
    }

    check("generator", || generator(async |co| co.yield_from(0..10).await));
    check("owned generator", || generator(async |co| co.yield_from(0..10).await).threadsafe());
    check("owned annotated", || annotated(Script::counting_to(10)));
    check("owned plain", || plain(Script::counting_to(10)));
    check("owned boxed", || boxed(Script::counting_to(10)));
    let iters = Mutex::new(vec![]);
    check("shared", || {
        let iter: &'static _ = Box::leak(Box::new(by_hand(Script::counting_to(10))));
        iters.lock().unwrap().push(iter);
        iter
    });
    check("buffered", || {
        let iter: &'static _ = Box::leak(Box::new(by_hand(Script::counting_to(10))));
        iters.lock().unwrap().push(iter);
        iter.buffered(4)
    });
    for iter in iters.into_inner().unwrap() {
        assert!(!iter.is_poisoned() && iter.is_finished());
    }
}

/// Takes the items 0, 1 and 2 and leaves, in one way or another.
type Leave = fn(&mut dyn Iterator<Item = usize>);

const LEAVES: [(&str, Leave); 5] = [
    ("drop", |consumer| assert!(consumer.take(3).eq(0..3))),
    ("break", |consumer| {
        for n in consumer {
            if n == 2 {
                break;
            }
        }
    }),
    ("?", |consumer| {
        fn until_two(consumer: &mut dyn Iterator<Item = usize>) -> Result<(), usize> {
            for n in consumer {
                (n != 2).then_some(()).ok_or(n)?;
            }
            Ok(())
        }
        assert_eq!(until_two(consumer), Err(2));
    }),
    ("find", |mut consumer| assert_eq!(Iterator::find(&mut consumer, |n| *n == 2), Some(2))),
    ("panic", |consumer| {
        for n in consumer {
            if n == 2 {
                panic_any(Boom(n));
            }
        }
    }),
];

#[test]
fn what_was_not_used_goes_back_however_the_consumer_leaves() {
    limited(|| {
        for (way, leave) in LEAVES {
            // Six are left, or all that there are; also after the source has ended.
            for (n, ended) in [(3, false), (4, false), (9, false), (10, false), (11, true), (usize::MAX, true)] {
                each_source!(Script::counting_to(10), |kind, shared| {
                    let left = catch_unwind(AssertUnwindSafe(|| {
                        let mut consumer = shared.buffered(n);
                        leave(&mut consumer);
                    }));
                    assert_eq!(left.is_err(), way == "panic");
                    assert!(!shared.is_finished() && !shared.is_poisoned(), "{kind}, {way}, {n}");
                    assert_eq!(format!("{shared:?}").contains("finished"), ended, "{kind}, {way}, {n}");
                    for n in 3..10 {
                        assert_eq!(shared.next_indexed(), Some((n, n)), "{kind}, {way}, {n}");
                    }
                    assert_eq!(shared.next_indexed(), None, "{kind}, {way}, {n}");
                    assert!(shared.is_finished(), "{kind}, {way}, {n}");
                });
            }
        }
    });
}

#[test]
fn what_was_given_back_comes_out_by_every_way_to_take_items() {
    limited(|| {
        for ended in [false, true] {
            let n = if ended { 9 } else { 4 };
            for (way, pull) in PULLS {
                let shared = (Box::new(0..6_u64) as Source).threadsafe();
                assert_eq!(shared.buffered(n).next(), Some(0));
                assert!(!shared.is_finished());
                assert!((1..6).all(|n| pull(&shared) == Some(n)), "{way}");
                assert_eq!(pull(&shared), None, "{way}");
                assert!(shared.is_finished());
            }
            each_source!(Script::counting_to(6), |kind, shared| {
                assert_eq!(shared.buffered(n).next(), Some(0));
                assert!(shared.buffered(2).indexed().eq((1..6).zip(1..6)), "{kind}");
            });
            each_source!(Script::counting_to(6), |kind, shared| {
                assert_eq!(shared.buffered(n).next(), Some(0));
                let chunks: Vec<_> = shared.chunks(2).indexed().collect();
                assert!(chunks.iter().all(|(first, chunk)| chunk[0] == *first && chunk.len() <= 2), "{kind}");
                assert!(chunks.into_iter().flat_map(|(_, chunk)| chunk).eq(1..6), "{kind}");
            });
            each_source!(Script::counting_to(6), |kind, shared| {
                let mut shared = shared;
                assert_eq!(shared.buffered(n).next(), Some(0));
                assert!(shared.by_ref().eq(1..6), "{kind}, owned");
                assert_eq!(shared.lock().next(), None);
            });
            each_source!(Script::counting_to(6), |kind, shared| {
                assert_eq!(shared.buffered(n).next(), Some(0));
                assert!(shared.lock().eq(1..6), "{kind}, guard");
            });
        }
    });
}

#[test]
fn what_several_consumers_give_back_comes_smallest_index_first() {
    limited(|| {
        each_source!(Script::counting_to(12), |kind, shared| {
            let mut consumers: Vec<_> = (0..4).map(|_| shared.buffered(3)).collect();
            for (index, consumer) in consumers.iter_mut().enumerate() {
                assert_eq!(consumer.next(), Some(3 * index));
            }
            // 10 11, 4 5, 1 2, 7 8.
            for index in [3, 1, 0, 0] {
                drop(consumers.remove(index));
            }
            assert_eq!(shared.next_indexed(), Some((1, 1)), "{kind}");
            // A run ends where the next index is not there.
            assert_eq!(shared.chunks(9).indexed().next(), Some((2, vec![2])), "{kind}");
            let mut consumer = shared.buffered(2).indexed();
            assert_eq!(consumer.next(), Some((4, 4)), "{kind}");
            assert_eq!(shared.next_indexed(), Some((7, 7)), "{kind}");
            drop(consumer);
            assert!(iter::from_fn(|| shared.next_indexed()).eq([5, 8, 10, 11].map(|n| (n, n))), "{kind}");
        });
    });
}

#[test]
fn what_is_given_back_twice_keeps_its_place() {
    each_source!(Script::counting_to(9), |kind, shared| {
        for n in 0..8 {
            let mut consumer = shared.buffered(8 - n).indexed();
            assert_eq!(consumer.next(), Some((n, n)), "{kind}");
        }
        assert!(shared.buffered(1).indexed().eq([(8, 8)]), "{kind}");
    });
}

#[test]
fn a_chunk_is_the_consumers_own_and_does_not_go_back() {
    each_source!(Script::counting_to(9), |kind, shared| {
        let mut chunks = shared.chunks(4);
        assert_eq!(chunks.next().map(|mut chunk| chunk.remove(0)), Some(0), "{kind}");
        drop(chunks);
        assert_eq!(shared.next(), Some(4), "{kind}");
    });
}

#[test]
fn a_call_that_meets_the_end_gets_what_was_given_back_meanwhile() {
    limited(|| {
        type Pull = fn(&ThreadsafeIter<Source>) -> Option<u64>;
        let pulls: [(&str, Pull); 6] = [
            ("next", ThreadsafeIter::next),
            ("next_indexed", |shared| shared.next_indexed().map(|(_, item)| item)),
            ("next_timeout", |shared| shared.next_timeout(Duration::MAX).unwrap()),
            ("lock", |shared| shared.lock().next()),
            ("buffered", |shared| shared.buffered(3).next()),
            ("chunks", |shared| shared.chunks(3).next().map(|chunk| chunk[0])),
        ];
        for (way, pull) in pulls {
            let (gate, source) = gated::<u64>();
            let shared = (Box::new(source) as Source).threadsafe();
            gate.let_in(|| Some(1));
            gate.let_in(|| Some(2));
            let mut consumer = shared.buffered(2);
            assert_eq!(consumer.next(), Some(1));
            (0..2).for_each(|_| gate.entered());
            thread::scope(|scope| {
                let inside = scope.spawn(|| pull(&shared));
                gate.entered();
                // Does not wait for who is inside, who stays there until it is let go below.
                drop(consumer);
                gate.let_in(|| None);
                assert_eq!(inside.join().unwrap(), Some(2), "{way}");
            });
            assert!(shared.is_finished(), "{way}");
        }
    });
}

#[test]
fn giving_back_does_not_wait_for_a_slow_source_nor_does_taking_what_was_given_back() {
    limited(|| {
        for (way, pull) in PULLS {
            if way == "lock" {
                continue;
            }
            let (gate, source) = gated::<u64>();
            let shared = (Box::new(source) as Source).threadsafe();
            for order in [|| Some(0), || Some(1), || Some(2)] {
                gate.let_in(order);
            }
            let mut consumer = shared.buffered(3);
            assert_eq!(consumer.next(), Some(0));
            (0..3).for_each(|_| gate.entered());
            thread::scope(|scope| {
                let inside = scope.spawn(|| shared.next());
                gate.entered();
                drop(consumer);
                assert_eq!(pull(&shared), Some(1), "{way}");
                assert_eq!(shared.chunks(5).indexed().next(), Some((2, vec![2])), "{way}");
                assert_eq!(shared.try_next(), Err(TryNextError::AlreadyExecuting), "{way}");
                gate.let_in(|| Some(3));
                assert_eq!(inside.join().unwrap(), Some(3), "{way}");
            });
        }
    });
}

#[test]
fn a_consumer_may_be_dropped_within_the_body() {
    static STASH: Mutex<Option<Buffered<'static, Source>>> = Mutex::new(None);
    limited(|| {
        for way in ["next", "buffered", "chunks", "guard", "end"] {
            let source = generator(async move |co| {
                for n in 0..5_u64 {
                    if n == 4 && way != "end" {
                        STASH.lock().unwrap().take();
                    }
                    co.yield_(n).await;
                }
                STASH.lock().unwrap().take();
            });
            let shared: &'static _ = Box::leak(Box::new((Box::new(source) as Source).threadsafe()));
            let mut consumer = shared.buffered(4);
            assert_eq!(consumer.next(), Some(0));
            *STASH.lock().unwrap() = Some(consumer);
            let fifth = match way {
                "buffered" => shared.buffered(1).next(),
                "chunks" => shared.chunks(1).next().map(|chunk| chunk[0]),
                "guard" => shared.lock().next(),
                _ => shared.next(),
            };
            assert_eq!(fifth, Some(4), "{way}");
            assert!(iter::from_fn(|| shared.next_indexed()).eq([(1, 1), (2, 2), (3, 3)]), "{way}");
            assert!(STASH.lock().unwrap().is_none() && shared.is_finished(), "{way}");
        }
    });
}

#[test]
fn a_body_that_takes_many_items_of_its_own_is_already_executing() {
    type Reenter = fn(&ThreadsafeIter<Source>);
    let ways: [(&str, Reenter); 2] =
        [("buffered", |shared| _ = shared.buffered(2).next()), ("chunks", |shared| _ = shared.chunks(2).next())];
    limited(move || {
        for (way, reenter) in ways {
            let shared = Arc::new_cyclic(|me: &std::sync::Weak<ThreadsafeIter<Source>>| {
                let me = me.clone();
                let source = generator(async move |co| {
                    co.yield_(0_u64).await;
                    reenter(&me.upgrade().unwrap());
                });
                (Box::new(source) as Source).threadsafe()
            });
            let mut consumer = shared.buffered(3);
            assert_eq!(consumer.next(), Some(0), "{way}");
            assert_eq!(message_of(|| consumer.next()), "generator already executing", "{way}");
            assert_eq!(message_of(|| shared.next()), "the iterator panicked earlier: generator already executing");
        }
    });
}

#[test]
fn a_consumer_beside_a_held_guard_is_already_executing() {
    limited(|| {
        let shared = (0..10).threadsafe();
        let mut guard = shared.lock();
        assert_eq!(message_of(|| shared.buffered(2).next()), "generator already executing");
        assert_eq!(message_of(|| shared.chunks(2).next()), "generator already executing");
        assert_eq!(guard.next(), Some(0));
        drop(guard);
        assert_eq!(shared.next(), Some(1));
    });
}

/// An endless source of items that are counted.
fn counted(items: &Arc<()>) -> ThreadsafeIter<impl Iterator<Item = Arc<()>> + Send + use<>> {
    let items = Arc::downgrade(items);
    generator(async move |co| {
        while let Some(item) = items.upgrade() {
            co.yield_(item).await;
        }
    })
    .threadsafe()
}

#[test]
fn what_has_been_and_what_is_given_back_is_dropped_by_a_close() {
    limited(|| {
        let items = Arc::new(());
        let shared = counted(&items);
        let (mut first, mut second) = (shared.buffered(4), shared.buffered(4));
        drop((first.next(), second.next(), shared.buffered(3).next()));
        assert_eq!(Arc::strong_count(&items), 1 + 3 + 3 + 2);
        shared.close();
        assert_eq!(Arc::strong_count(&items), 1 + 3 + 3, "nobody will ask for what had been given back");
        assert!(shared.is_finished());
        drop(first);
        assert_eq!(Arc::strong_count(&items), 1 + 3, "nobody will ask for what is given back");
        assert!(shared.is_finished() && shared.next().is_none() && shared.buffered(2).next().is_none());
        assert_eq!(second.by_ref().count(), 3, "what it has taken is its own");
        drop(second);
        assert_eq!((Arc::strong_count(&items), shared.size_hint()), (1, (0, Some(0))));
    });
}

#[test]
fn a_poisoned_iterator_drops_what_is_given_back() {
    let items = Arc::new(());
    let weak = Arc::downgrade(&items);
    let source = generator(async move |co| {
        for _ in 0..3 {
            co.yield_(weak.upgrade().unwrap()).await;
        }
        panic!("bad source");
    });
    let shared = source.threadsafe();
    let mut consumer = shared.buffered(8);
    drop(consumer.next());
    drop(consumer);
    assert!(shared.is_poisoned());
    assert_eq!(Arc::strong_count(&items), 1);
}

#[test]
fn nothing_is_forgotten_when_close_races_with_giving_back() {
    limited(|| {
        for round in 0..3000_u32 {
            let items = Arc::new(());
            let shared = counted(&items);
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
fn a_chunk_in_the_making_is_delivered_whole_after_a_close() {
    limited(|| {
        let (gate, source) = gated::<u64>();
        let shared = source.threadsafe();
        thread::scope(|scope| {
            let inside = scope.spawn(|| shared.buffered(3).collect::<Vec<_>>());
            gate.entered();
            let waiting = [scope.spawn(|| shared.buffered(3).count()), scope.spawn(|| shared.chunks(3).count())];
            settle();
            shared.close();
            for order in [|| Some(0), || Some(1), || Some(2)] {
                gate.let_in(order);
            }
            assert_eq!(inside.join().unwrap(), [0, 1, 2]);
            assert_eq!(waiting.map(|thread| thread.join().unwrap()), [0, 0]);
        });
    });
}

#[test]
fn a_body_that_closes_itself_in_mid_chunk_delivers_the_chunk() {
    limited(|| {
        let shared = Arc::new_cyclic(|me: &std::sync::Weak<ThreadsafeIter<Source>>| {
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

#[test]
fn taking_none_at_a_time_is_refused() {
    let text = "items cannot be taken 0 at a time: `n` must be at least 1";
    each_source!(Script::counting_to(3), |_kind, shared| {
        assert_eq!(message_of(|| shared.buffered(0).next()), text);
        assert_eq!(message_of(|| shared.chunks(0).next()), text);
        assert!(shared.buffered(1).eq(0..3), "it does no harm");
    });
}

#[test]
fn any_n_is_taken_at_its_word_and_reserves_only_what_there_may_be() {
    limited(|| {
        for n in [4, 1000, usize::MAX / 2, usize::MAX] {
            each_source!(Script::counting_to(3), |kind, shared| {
                let chunk = shared.chunks(n).next().unwrap();
                assert_eq!(chunk, [0, 1, 2], "{kind}");
                assert!(chunk.capacity() <= 8, "{kind}, {n}: room for {}", chunk.capacity());
            });
            let chunk = (0..3).threadsafe().chunks(n).next().unwrap();
            assert_eq!((chunk.capacity(), chunk), (3, vec![0, 1, 2]), "the upper hint is known");
            let hints_at_everything = (0..usize::MAX).take_while(|n| *n < 3).threadsafe();
            let chunk = hints_at_everything.chunks(n).next().unwrap();
            assert_eq!(chunk, [0, 1, 2]);
            assert!(chunk.capacity() <= 4096, "{n}: room for {}", chunk.capacity());
            let endless = iter::repeat_with(|| 7_u8).take(2000).threadsafe();
            assert_eq!(endless.buffered(n).count(), 2000);
            let endless = generator(async |co| co.yield_from(0..).await).take(2000).threadsafe();
            assert!(endless.buffered(n).eq(0..2000));
        }
        let shared = (0..1000).threadsafe();
        let chunk = shared.chunks(10).next().unwrap();
        assert!(chunk.capacity() <= 16, "n is less than there may be: room for {}", chunk.capacity());
    });
}

#[test]
fn chunks_are_of_n_items_and_the_last_of_what_is_left() {
    for (n, sizes) in [(1, vec![1; 7]), (2, vec![2, 2, 2, 1]), (3, vec![3, 3, 1]), (7, vec![7]), (8, vec![7])] {
        each_source!(Script::counting_to(7), |kind, shared| {
            let chunks: Vec<_> = shared.chunks(n).collect();
            assert!(chunks.iter().map(Vec::len).eq(sizes.iter().copied()), "{kind}, {n}: {chunks:?}");
            assert!(chunks.concat().into_iter().eq(0..7), "{kind}, {n}");
        });
    }
    let empty = iter::empty::<u8>().threadsafe();
    assert_eq!((empty.chunks(3).next(), empty.buffered(3).next()), (None, None));
}

#[test]
fn items_without_a_size_are_counted_as_any_others_are() {
    let shared = iter::repeat_n((), 10).threadsafe();
    assert_eq!(shared.buffered(4).by_ref().take(1).count(), 1);
    assert_eq!(shared.chunks(usize::MAX).map(|chunk| chunk.len()).sum::<usize>(), 9);
}

#[test]
fn size_hints_are_bounds() {
    /// Of an iterator that is about to be used up, with nobody else about.
    #[track_caller]
    fn assert_bounds(hint: (usize, Option<usize>), left: usize) {
        assert!(hint.0 <= left && hint.1.is_none_or(|upper| left <= upper), "{left} are left, and {hint:?} says no");
    }

    limited(|| {
        for (n, used) in [(1, 1), (4, 1), (4, 3), (9, 2), (10, 5), (11, 1), (usize::MAX, 4)] {
            each_source!(Script::counting_to(10), |_kind, shared| {
                let mut shared = shared;
                assert_bounds(shared.size_hint(), 10);
                let mut consumer = shared.buffered(n);
                assert_bounds(consumer.size_hint(), 10);
                assert!(consumer.by_ref().take(used).eq(0..used));
                assert_eq!(consumer.size_hint(), (n.min(10) - used, None), "others may take the rest");
                assert_eq!(shared.size_hint().0, 0, "others may take them");
                // What the consumer has may come back, and be for this caller.
                assert_bounds(shared.size_hint(), 10 - used);
                let mut consumer = consumer.indexed();
                assert_eq!(consumer.size_hint(), (n.min(10) - used, None));
                consumer.next();
                drop(consumer);
                let left = 10 - used - 1;
                assert_bounds(shared.size_hint(), left);
                assert_bounds(Iterator::size_hint(&&shared), left);
                assert_bounds(Iterator::size_hint(&shared), left);
                assert_bounds(shared.lock().size_hint(), left);
                assert_bounds(shared.buffered(3).size_hint(), left);
                let mut chunks = shared.chunks(3);
                assert_bounds(chunks.size_hint(), left.div_ceil(3));
                let taken = chunks.next().map_or(0, |chunk| chunk.len());
                drop(chunks);
                let mut left = left - taken;
                while left > 0 {
                    assert_bounds(Iterator::size_hint(&shared), left);
                    assert!(Iterator::next(&mut shared).is_some());
                    left -= 1;
                }
                assert_bounds(shared.size_hint(), 0);
                assert_eq!(Iterator::next(&mut shared), None);
                assert_eq!((shared.size_hint(), Iterator::size_hint(&shared)), ((0, Some(0)), (0, Some(0))));
            });
        }
    });
}

#[test]
fn the_hint_counts_what_a_consumer_may_give_back_after_the_end() {
    let shared = (0..3).threadsafe();
    let mut consumer = shared.buffered(8);
    assert_eq!(consumer.next(), Some(0));
    assert!(shared.size_hint().1.is_none_or(|upper| upper >= 2), "{:?}", shared.size_hint());
    drop(consumer);
    assert_eq!(shared.size_hint(), (0, Some(2)), "nothing more can come");
    assert!(shared.iter().eq(1..3));
    assert_eq!(shared.size_hint(), (0, Some(0)));
}

#[test]
fn into_inner_gives_the_source_as_it_stands_and_drops_what_was_given_back() {
    let shared = (0..10).threadsafe();
    assert_eq!(shared.buffered(4).next(), Some(0));
    assert_eq!(shared.into_inner(), Some(4..10));

    let items = Arc::new(());
    let shared = counted(&items);
    drop(shared.buffered(4).next());
    assert_eq!(Arc::strong_count(&items), 4);
    let mut source = shared.into_inner().unwrap();
    assert_eq!(Arc::strong_count(&items), 1);
    assert!(source.next().is_some());

    let shared = (0..3).threadsafe();
    assert_eq!(shared.buffered(4).next(), Some(0));
    assert_eq!(shared.into_inner(), None, "it has ended, though not all has been taken");
}

#[test]
fn dropping_the_iterator_drops_what_was_given_back() {
    let items = Arc::new(());
    let shared = counted(&items);
    drop(shared.buffered(4).next());
    assert_eq!(Arc::strong_count(&items), 4);
    drop(shared);
    assert_eq!(Arc::strong_count(&items), 1);
}

#[test]
fn a_consumer_can_go_to_another_thread() {
    limited(|| {
        let shared = by_hand(Script::counting_to(10));
        let mut consumer = shared.buffered(4);
        assert_eq!(consumer.next(), Some(0));
        thread::scope(|scope| scope.spawn(move || assert_eq!(consumer.next(), Some(1))).join().unwrap());
        assert_eq!(shared.next_indexed(), Some((2, 2)));
    });
}

#[test]
fn consumers_that_panic_on_many_threads_lose_only_the_item_they_panicked_on() {
    limited(|| {
        each_source!(Script::counting_to(2000), |kind, shared| {
            let used = Mutex::new(vec![]);
            together(8, |_| {
                // A thread may meet the end while others hold what they will give back.
                while !shared.is_finished() {
                    let _ = catch_unwind(AssertUnwindSafe(|| {
                        for (index, n) in shared.buffered(16).indexed() {
                            assert_eq!(index, n);
                            used.lock().unwrap().push(n);
                            if n % 100 == 99 {
                                std::panic::resume_unwind(Box::new(Boom(n)));
                            }
                        }
                    }));
                }
            });
            let mut used = used.into_inner().unwrap();
            used.extend(shared.iter());
            used.sort_unstable();
            assert!(used.into_iter().eq(0..2000), "{kind}");
        });
    });
}

/// Numbers that look random, the same in every run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 40).unwrap() % sides
    }
}

/// Takes some items in one way or another, and says whether there were any.
fn take_some<I: Iterator<Item = usize>>(shared: &ThreadsafeIter<I>, dice: &mut Dice, taken: &mut Vec<usize>) -> bool {
    let before = taken.len();
    let (n, used) = (1 + dice.roll(40), dice.roll(50));
    match dice.roll(8) {
        0 => taken.extend(shared.next()),
        1 => taken.extend(shared.try_next().ok().flatten()),
        2 => taken.extend(shared.next_timeout(Duration::from_micros(1)).ok().flatten()),
        3 => taken.extend(shared.next_indexed().map(|(index, item)| {
            assert_eq!(index, item);
            item
        })),
        4 => taken.extend(shared.lock().take(used)),
        5 => taken.extend(shared.chunks(n).next().into_iter().flatten()),
        6 => taken.extend(shared.buffered(n).take(used)),
        _ => taken.extend(shared.buffered(n).indexed().take(used).map(|(index, item)| {
            assert_eq!(index, item);
            item
        })),
    }
    taken.len() > before
}

#[test]
fn random_use_by_four_threads_takes_each_item_exactly_once() {
    limited(|| {
        for seed in 0..6 {
            each_source!(Script::counting_to(20_000), |kind, shared| {
                let taken = together(4, |index| {
                    let mut dice = Dice(seed * 4 + index as u64);
                    let mut taken = vec![];
                    while take_some(&shared, &mut dice, &mut taken) || !shared.is_finished() {}
                    taken
                });
                let mut taken = taken.concat();
                // What came back when all the others had gone.
                taken.extend(shared.iter());
                let set: BTreeSet<_> = taken.iter().copied().collect();
                assert_eq!((taken.len(), set.len()), (20_000, 20_000), "{kind}, seed {seed}");
                assert_eq!(set.last(), Some(&19_999));
                assert!(shared.is_finished());
            });
        }
    });
}

#[test]
fn no_size_hint_misses_what_is_being_given_back() {
    limited(|| {
        let shared = (0..2000_usize).threadsafe();
        let used = AtomicUsize::new(0);
        together(2, |index| {
            if index == 0 {
                while !shared.is_finished() {
                    let (_, upper) = shared.size_hint();
                    assert!(upper.is_none_or(|upper| upper >= 2000 - used.load(SeqCst)));
                }
            } else {
                for _ in 0..2000 {
                    used.fetch_add(1, SeqCst);
                    assert!(shared.buffered(1999).next().is_some());
                }
                shared.close();
            }
        });
    });
}

#[test]
fn nothing_comes_back_after_a_close_at_the_end() {
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
fn an_item_that_panics_when_it_is_dropped_leaves_no_consumer_behind() {
    struct Bad;

    impl Drop for Bad {
        fn drop(&mut self) {
            assert!(thread::panicking(), "bad drop");
        }
    }

    let shared = iter::repeat_with(|| Bad).take(3).threadsafe();
    let mut consumer = shared.buffered(3);
    std::mem::forget(consumer.next());
    shared.close();
    assert_eq!(message_of(|| drop(consumer)), "bad drop");
    assert_eq!(shared.size_hint(), (0, Some(0)));
}
