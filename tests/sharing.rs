//! Several threads take items from one iterator: each item goes to one thread, indexes, order, waiting, time limits.

use std::iter;
use std::mem;
use std::ops::RangeFrom;
use std::rc::Rc;
use std::sync::{Arc, LazyLock, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use support::{PULLS, Pull, Source, gated, limited, settle, together};
use threadsafe_gen::{ThreadsafeExt, ThreadsafeIter, TryNextError, generator};

const ITEMS: u64 = 10_000;
const THREADS: [usize; 4] = [2, 4, 16, 64];

type MakeSource = fn() -> Source;

/// Sources of the numbers below `ITEMS`: a generator and a plain iterator.
const SOURCES: [(&str, MakeSource); 2] = [
    ("generator", || {
        Box::new(generator(async |co| {
            let mut n = 0;
            while n < ITEMS {
                co.yield_(n).await;
                n += 1;
            }
        }))
    }),
    ("iterator", || Box::new(0..ITEMS)),
];

/// Takes all items on `threads` threads that start together, thread `index` by `pull(index)`, and returns the items of
/// each.
fn drain(threads: usize, source: Source, pull: impl Fn(usize) -> Pull + Sync) -> Vec<Vec<u64>> {
    let shared = source.threadsafe();
    together(threads, |index| iter::from_fn(|| pull(index)(&shared)).collect())
}

fn sorted(items: impl IntoIterator<Item = u64>) -> Vec<u64> {
    let mut items: Vec<_> = items.into_iter().collect();
    items.sort_unstable();
    items
}

/// Drains every source with every number of threads, by each method and by all methods mixed.
fn for_each_drain(check: impl Fn(&str, Vec<Vec<u64>>)) {
    for threads in THREADS {
        for (source, make) in SOURCES {
            for (way, pull) in PULLS {
                check(&format!("{threads} threads, {source}, {way}"), drain(threads, make(), |_| pull));
            }
            let mixed = |index: usize| PULLS[index % PULLS.len()].1;
            check(&format!("{threads} threads, {source}, mixed"), drain(threads, make(), mixed));
        }
    }
}

#[test]
fn each_item_reaches_exactly_one_thread() {
    limited(|| {
        for_each_drain(|case, taken| {
            let sum: u64 = taken.iter().flatten().sum();
            assert_eq!(sum, ITEMS * (ITEMS - 1) / 2, "{case}");
            assert!(sorted(taken.into_iter().flatten()).into_iter().eq(0..ITEMS), "{case}");
        });
    });
}

#[test]
fn each_consumer_gets_its_items_in_the_order_of_the_source() {
    limited(|| {
        for_each_drain(|case, taken| {
            for items in taken {
                assert!(items.is_sorted_by(|a, b| a < b), "{case}");
            }
        });
    });
}

#[test]
fn indexes_are_positions_in_the_source() {
    limited(|| {
        for threads in THREADS {
            let shared = (0..ITEMS).map(|n| n * 7).threadsafe();
            let taken = together(threads, |index| {
                let mut items = Vec::new();
                loop {
                    let item = match index % 3 {
                        0 => shared.next_indexed().map(|(index, item)| {
                            assert_eq!(index as u64 * 7, item);
                            item
                        }),
                        1 => shared.next(),
                        _ => shared.lock().next(),
                    };
                    let Some(item) = item else { return items };
                    items.push(item);
                }
            });
            assert!(sorted(taken.into_iter().flatten()).into_iter().eq((0..ITEMS).map(|n| n * 7)), "{threads}");
        }
    });
}

#[test]
fn indexes_are_unique_and_have_no_gaps() {
    limited(|| {
        let shared = iter::repeat_n((), 10_000).threadsafe();
        let indexes = together(4, |_| {
            iter::from_fn(|| shared.next_indexed()).map(|(index, ())| index as u64).collect::<Vec<_>>()
        });
        assert!(sorted(indexes.into_iter().flatten()).into_iter().eq(0..10_000));
    });
}

#[test]
fn every_method_that_takes_an_item_advances_the_index() {
    let mut numbers = (Box::new(0_u64..) as Source).threadsafe();
    assert_eq!(numbers.next_indexed(), Some((0, 0)));
    for (n, (way, pull)) in (1..).zip(PULLS) {
        assert_eq!(pull(&numbers), Some(n), "{way}");
    }
    assert_eq!(numbers.lock().take(3).sum::<u64>(), 7 + 8 + 9);
    assert_eq!(Iterator::next(&mut numbers), Some(10));
    assert_eq!(numbers.next_indexed(), Some((11, 11)));
}

#[test]
fn a_guard_takes_consecutive_items() {
    limited(|| {
        for (_, make) in SOURCES {
            let shared = make().threadsafe();
            let taken = together(8, |index| {
                let mut items = Vec::new();
                loop {
                    let batch: Vec<_> = if index % 2 == 0 {
                        shared.lock().inspect(|_| thread::yield_now()).take(5).collect()
                    } else {
                        shared.next().into_iter().collect()
                    };
                    let Some(&first) = batch.first() else { return items };
                    assert!(batch.iter().copied().eq(first..first + batch.len() as u64), "{batch:?}");
                    items.extend(batch);
                }
            });
            assert!(sorted(taken.into_iter().flatten()).into_iter().eq(0..ITEMS));
        }
    });
}

#[test]
fn a_held_guard_blocks_the_other_threads() {
    limited(|| {
        for (way, pull) in PULLS {
            let shared = (Box::new(0_u64..) as Source).threadsafe();
            thread::scope(|scope| {
                let mut guard = shared.lock();
                let (taken, item) = mpsc::channel();
                let shared = &shared;
                scope.spawn(move || taken.send(pull(shared)).unwrap());
                settle();
                assert_eq!(item.try_recv(), Err(mpsc::TryRecvError::Empty), "{way}");
                assert_eq!(guard.by_ref().take(2).sum::<u64>(), 1, "{way}");
                drop(guard);
                assert_eq!(item.recv(), Ok(Some(2)), "{way}");
            });
        }
    });
}

#[test]
fn a_reference_is_an_iterator_for_loops_and_chains() {
    limited(|| {
        let shared = (0..ITEMS).threadsafe();
        let sums = together(4, |index| {
            if index % 2 == 0 {
                let mut sum = 0;
                for item in &shared {
                    sum += item;
                }
                sum
            } else {
                shared.iter().filter(|item| item % 2 == 0).sum::<u64>() + shared.iter().sum::<u64>()
            }
        });
        assert!(sums.iter().sum::<u64>() <= ITEMS * (ITEMS - 1) / 2);
        assert!(shared.is_finished());

        // A chain takes no more than it needs.
        let numbers = (0..).threadsafe();
        assert!(numbers.iter().take(3).map(|n| n * 2).eq([0, 2, 4]));
        assert!(numbers.iter().zip(numbers.iter()).take(2).eq([(3, 4), (5, 6)]));
        assert_eq!(numbers.next(), Some(7));
    });
}

#[test]
fn processing_an_item_does_not_hold_the_lock() {
    // A hand-written lock in `while let Some(item) = it.lock().unwrap().next()` is held until the end of the block.
    fn others_get(shared: &ThreadsafeIter<RangeFrom<u64>>, expected: u64) {
        thread::scope(|scope| {
            assert_eq!(scope.spawn(|| shared.try_next()).join().unwrap(), Ok(Some(expected)));
        });
    }
    limited(|| {
        let shared = (0..).threadsafe();
        while let Some(n) = shared.next() {
            others_get(&shared, n + 1);
            if n == 4 {
                break;
            }
        }
        for n in &shared {
            others_get(&shared, n + 1);
            if n == 8 {
                break;
            }
        }
        if let Some((10, n)) = shared.next_indexed() {
            others_get(&shared, n + 1);
        }
        for n in shared.buffered(2).take(4) {
            others_get(&shared, n + 2);
        }
        assert_eq!(shared.next(), Some(20));
    });
}

#[test]
fn try_next_fails_while_another_thread_executes_the_source() {
    limited(|| {
        let (gate, source) = gated();
        let shared = source.threadsafe();
        thread::scope(|scope| {
            let other = scope.spawn(|| shared.next());
            gate.entered();
            assert_eq!(shared.try_next(), Err(TryNextError::WouldBlock));
            assert_eq!(shared.next_timeout(Duration::ZERO), Err(TryNextError::TimedOut));
            gate.let_in(|| Some(1));
            assert_eq!(other.join().unwrap(), Some(1));
            for (n, order) in [(2, (|| Some(2)) as support::Order<i32>), (3, || Some(3))] {
                gate.let_in(order);
                assert_eq!(shared.try_next(), Ok(Some(n)));
            }
        });
    });
}

#[test]
fn next_timeout_bounds_the_wait_for_the_lock() {
    limited(|| {
        let (gate, source) = gated();
        let shared = source.threadsafe();
        thread::scope(|scope| {
            let other = scope.spawn(|| shared.next());
            gate.entered();
            for timeout in [Duration::ZERO, Duration::from_nanos(1), Duration::from_millis(20)] {
                let start = Instant::now();
                assert_eq!(shared.next_timeout(timeout), Err(TryNextError::TimedOut));
                assert!(start.elapsed() >= timeout);
            }
            let patient = [Duration::from_secs(3600), Duration::MAX].map(|timeout| {
                scope.spawn({
                    let shared = &shared;
                    move || shared.next_timeout(timeout)
                })
            });
            settle();
            for order in [|| Some(1), || Some(2), || Some(3)] {
                gate.let_in(order);
            }
            let mut items = vec![other.join().unwrap().unwrap()];
            items.extend(patient.map(|thread| thread.join().unwrap().unwrap().unwrap()));
            items.sort_unstable();
            assert_eq!(items, [1, 2, 3]);
        });
        // The lock is free, so the zero time limit suffices.
        gate.let_in(|| Some(4));
        assert_eq!(shared.next_timeout(Duration::ZERO), Ok(Some(4)));
    });
}

#[test]
fn an_iterator_can_be_shared_in_a_static_and_in_an_arc() {
    static IDS: ThreadsafeIter<RangeFrom<u64>> = ThreadsafeIter::new(0..);
    static LAZY: LazyLock<ThreadsafeIter<Source>> = LazyLock::new(|| ThreadsafeIter::from(SOURCES[0].1()));

    limited(|| {
        let shared = Arc::new((0..).threadsafe());
        let workers: Vec<_> = (0..4)
            .map(|_| {
                let shared = Arc::clone(&shared);
                thread::spawn(move || {
                    iter::repeat_with(|| [IDS.next(), LAZY.next(), shared.next()]).take(100).collect::<Vec<_>>()
                })
            })
            .collect();
        let taken: Vec<_> = workers.into_iter().flat_map(|worker| worker.join().unwrap()).collect();
        for place in 0..3 {
            let items = taken.iter().map(|items| items[place].unwrap());
            assert!(sorted(items).into_iter().eq(0..400), "{place}");
        }
    });
}

#[test]
fn owned_iteration_takes_no_lock() {
    limited(|| {
        let mut numbers = (0..5).threadsafe();
        // The lock is never released.
        mem::forget(numbers.lock());
        assert_eq!(numbers.try_next(), Err(TryNextError::Reentrant));
        assert_eq!(Iterator::next(&mut numbers), Some(0));
        assert_eq!(numbers.get_mut().cloned(), Some(1..5));
        let chained = numbers.map(|n| n * 10).threadsafe();
        assert_eq!(together(2, |_| chained.next()).iter().flatten().sum::<i32>(), 10 + 20);
        assert!(chained.eq([30, 40]));

        let mut numbers = (0..5).threadsafe();
        mem::forget(numbers.lock());
        assert_eq!(Iterator::next(&mut numbers), Some(0));
        assert_eq!(numbers.into_inner(), Some(1..5));
    });
}

#[test]
fn a_source_that_is_not_send_can_be_used_on_one_thread() {
    let source = Rc::new(1);
    let numbers = iter::repeat(source).threadsafe();
    assert_eq!(numbers.iter().take(3).map(|n| *n).sum::<i32>(), 3);
    assert_eq!(numbers.lock().next().as_deref(), Some(&1));
}
