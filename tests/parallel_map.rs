//! `parallel_map`: results in the order of the items, within a bound, with panics in their place and a prompt stop.

use std::any::Any;
use std::cell::Cell;
use std::collections::HashSet;
use std::hint;
use std::iter;
use std::panic::resume_unwind;
use std::rc::Rc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Barrier, Mutex};
use std::thread;
use std::time::Duration;

use support::{Order, gated, limited, message_of, panic_of};
use threadsafe_gen::{ParallelMap, ThreadsafeExt, threadsafe_generator};

/// Waits until `condition` holds.
fn eventually(condition: impl Fn() -> bool) {
    while !condition() {
        thread::sleep(Duration::from_micros(100));
    }
}

/// Takes a time that differs from item to item.
fn uneven(n: u64) -> u64 {
    for turn in 0..n * 7919 % 31 * 100 {
        hint::black_box(turn);
    }
    n * n
}

/// A function whose clones count themselves, to see when all workers have ended.
#[derive(Debug)]
struct Counted(Arc<()>);

impl Clone for Counted {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

#[test]
fn results_come_in_the_order_of_the_items() {
    limited(|| {
        for threads in [1, 2, 3, 4, 16] {
            for items in [0, 1, 2, 5, 1000] {
                let results = (0..items).parallel_map(threads, uneven);
                assert!(results.eq((0..items).map(|n| n * n)), "{items} items, {threads} threads");
            }
        }
    });
}

#[test]
fn after_the_end_it_stays_at_the_end() {
    limited(|| {
        let mut results = (0..3_u64).parallel_map(2, uneven);
        assert_eq!(results.by_ref().count(), 3);
        assert_eq!((results.next(), results.next()), (None, None));
    });
}

#[test]
#[should_panic(expected = "the number of threads must be non-zero")]
fn to_use_no_threads_panics() {
    let _ = (0..9).parallel_map(0, |n| n);
}

#[test]
fn it_uses_all_threads_at_the_same_time() {
    limited(|| {
        for threads in [1, 2, 8] {
            let meeting = Arc::new(Barrier::new(threads));
            let f = move |_| {
                meeting.wait();
                thread::current().id()
            };
            let ids: Vec<_> = (0..threads * 3).parallel_map(threads, f).collect();
            assert_eq!(ids.into_iter().collect::<HashSet<_>>().len(), threads);
        }
        assert!(
            (0..9)
                .parallel_map(2, |_| thread::current().name().map(str::to_owned))
                .all(|n| n.unwrap() == "parallel_map")
        );
    });
}

#[test]
fn every_thread_has_a_clone_of_the_function_with_a_state_of_its_own() {
    limited(|| {
        let mut seen = 0_u32;
        let count = move |n: u32| {
            seen += 1;
            (n, seen)
        };
        let results: Vec<_> = (0..100).parallel_map(4, count).collect();
        assert!(results.iter().map(|(n, _)| *n).eq(0..100));
        // Each thread counts from one on, so that each count occurs once for each thread that got so far.
        let of_first = results.iter().filter(|(_, seen)| *seen == 1).count();
        assert!((1..=4).contains(&of_first), "{of_first}");
        assert!(results.iter().all(|(n, seen)| *seen <= n + 1));
    });
}

#[test]
fn no_more_than_twice_the_threads_are_taken_and_not_returned() {
    limited(|| {
        for threads in [1, 2, 5] {
            let taken = Arc::new(AtomicUsize::new(0));
            let count = Arc::clone(&taken);
            let mut results = iter::repeat_with(move || count.fetch_add(1, SeqCst)).parallel_map(threads, |n| n);
            for returned in 0..100 {
                // The threads go on without the consumer, at the latest when half of the results are returned.
                eventually(|| taken.load(SeqCst) > returned + threads);
                assert!(taken.load(SeqCst) <= returned + 2 * threads);
                assert_eq!(results.next(), Some(returned));
            }
            thread::sleep(Duration::from_millis(5));
            assert!(taken.load(SeqCst) <= 100 + 2 * threads);
        }
    });
}

#[test]
fn one_slow_item_holds_the_others_back_at_the_bound() {
    limited(|| {
        let taken = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&taken);
        let (release, wait) = mpsc::channel::<()>();
        let wait = Arc::new(Mutex::new(wait));
        let slow = move |n: usize| {
            if n == 10 {
                wait.lock().unwrap().recv().unwrap();
            }
            n
        };
        let mut results = iter::repeat_with(move || count.fetch_add(1, SeqCst)).parallel_map(3, slow);
        assert!(results.by_ref().take(10).eq(0..10));
        eventually(|| taken.load(SeqCst) > 13);
        thread::sleep(Duration::from_millis(5));
        assert!(taken.load(SeqCst) <= 16);
        release.send(()).unwrap();
        assert!(results.take(50).eq(10..60));
    });
}

#[test]
fn while_the_consumer_waits_idle_threads_get_the_room_that_there_is() {
    limited(|| {
        let taken = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&taken);
        let (releases, waits): (Vec<_>, Vec<_>) = (0..2).map(|_| mpsc::channel::<()>()).unzip();
        let waits = Arc::new(waits.into_iter().map(Mutex::new).collect::<Vec<_>>());
        let slow = move |n: usize| {
            if n == 0 || n == 2 {
                waits[n / 2].lock().unwrap().recv().unwrap();
            }
            n
        };
        let mut results = iter::repeat_with(move || count.fetch_add(1, SeqCst)).parallel_map(4, slow);
        eventually(|| taken.load(SeqCst) == 8);
        // The thread that found no room falls asleep.
        thread::sleep(Duration::from_millis(5));
        thread::scope(|scope| {
            let consumer = scope.spawn(|| results.by_ref().take(20).collect::<Vec<_>>());
            releases[0].send(()).unwrap();
            // The consumer returns the first two results and waits for the third. Less than half of the room is free.
            eventually(|| taken.load(SeqCst) == 10);
            releases[1].send(()).unwrap();
            assert!(consumer.join().unwrap().into_iter().eq(0..20));
        });
    });
}

#[test]
fn over_a_live_source_a_result_is_returned_as_soon_as_it_is_there() {
    limited(|| {
        for threads in [1, 2, 8] {
            let (gate, source) = gated();
            let mut results = source.parallel_map(threads, |n: u64| n + 1);
            gate.entered();
            for _ in 0..20 {
                // The source is asked for the next item only when this one was taken, so that its thread is in a call.
                gate.let_in(|| Some(7));
                assert_eq!(results.next(), Some(8));
            }
            gate.let_in(|| None);
            assert_eq!(results.next(), None);
        }
    });
}

/// A payload that is not a string.
#[derive(Debug, PartialEq)]
struct Payload(u64);

#[test]
fn a_panic_comes_out_in_its_place_with_its_payload_and_the_workers_stop() {
    limited(|| {
        for in_source in [false, true] {
            for threads in [1, 2, 4] {
                for place in [0, 1, 3, 50] {
                    let boom = move |n: u64| if n == place { resume_unwind(Box::new(Payload(n))) } else { uneven(n) };
                    let alive = Arc::new(());
                    let counted = Counted(Arc::clone(&alive));
                    let mut results: ParallelMap<u64> = if in_source {
                        let f = move |n| (n, &counted).0;
                        (0..).map(boom).parallel_map(threads, f)
                    } else {
                        let f = move |n| (boom(n), &counted).0;
                        (0..).parallel_map(threads, f)
                    };
                    assert!(results.by_ref().take(usize::try_from(place).unwrap()).eq((0..place).map(|n| n * n)));
                    assert_eq!(panic_of(|| results.next()).downcast_ref(), Some(&Payload(place)));
                    // The workers end although the source is endless and the results are still there.
                    eventually(|| Arc::strong_count(&alive) == 1);
                    assert_eq!(message_of(|| results.next()), "the function or the source panicked earlier");
                }
            }
        }
    });
}

#[test]
fn of_several_panics_the_first_in_the_order_comes_out() {
    limited(|| {
        for _ in 0..100 {
            let meeting = Arc::new(Barrier::new(4));
            let f = move |n: u64| -> u64 {
                meeting.wait();
                resume_unwind(Box::new(Payload(n)))
            };
            let mut results = (0..4).parallel_map(4, f);
            assert_eq!(panic_of(|| results.next()).downcast_ref(), Some(&Payload(0)));
        }
    });
}

#[test]
fn under_a_lock_the_panic_poisons_it() {
    limited(|| {
        let results = (0..9_u64).parallel_map(2, |n| if n == 3 { panic!("out of ink") } else { n }).threadsafe();
        assert!(results.iter().take(3).eq(0..3));
        assert_eq!(message_of(|| results.next()), "out of ink");
        assert!(results.is_poisoned());
    });
}

/// A source that reports when it is dropped.
struct ReportsDrop<I>(I, Sender<()>);

impl<I: Iterator> Iterator for ReportsDrop<I> {
    type Item = I::Item;

    fn next(&mut self) -> Option<I::Item> {
        self.0.next()
    }
}

impl<I> Drop for ReportsDrop<I> {
    fn drop(&mut self) {
        let _ = self.1.send(());
    }
}

fn reports_drop<I: Iterator>(source: I) -> (Receiver<()>, ReportsDrop<I>) {
    let (sender, dropped) = mpsc::channel();
    (dropped, ReportsDrop(source, sender))
}

#[test]
fn dropped_half_way_the_workers_stop_and_nothing_more_is_pulled() {
    limited(|| {
        for returned in 0..40 {
            let alive = Arc::new(());
            let held = Arc::clone(&alive);
            let taken = Arc::new(AtomicUsize::new(0));
            let count = Arc::clone(&taken);
            let source = iter::repeat_with(move || {
                count.fetch_add(1, SeqCst);
                Arc::clone(&held)
            });
            let (dropped, source) = reports_drop(source);
            let mut results = source.parallel_map(3, |item| item);
            assert_eq!(results.by_ref().take(returned).count(), returned);
            drop(results);
            dropped.recv().unwrap();
            eventually(|| Arc::strong_count(&alive) == 1);
            assert!(taken.load(SeqCst) <= returned + 6);
        }
    });
}

#[test]
fn dropping_it_waits_neither_for_the_function_nor_for_the_source() {
    limited(|| {
        let (gate, source) = gated::<u64>();
        let (dropped, source) = reports_drop(source);
        let results = source.parallel_map(2, |n| n);
        gate.entered();
        drop(results);
        gate.let_in(|| Some(1));
        dropped.recv().unwrap();

        let (entered, in_function) = mpsc::channel();
        let (release, wait) = mpsc::channel::<()>();
        let wait = Arc::new(Mutex::new(wait));
        let calls = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&calls);
        let f = move |n: u64| {
            count.fetch_add(1, SeqCst);
            entered.send(()).unwrap();
            wait.lock().unwrap().recv().unwrap();
            n
        };
        let results = (0..).parallel_map(1, f);
        in_function.recv().unwrap();
        drop(results);
        release.send(()).unwrap();
        // The only worker drops the function with its sender, and has not called it again.
        assert!(in_function.recv().is_err());
        assert_eq!(calls.load(SeqCst), 1);
    });
}

#[test]
fn over_a_shared_iterator_the_rest_stays_for_others() {
    limited(|| {
        let numbers = (0..1000_u64).threadsafe();
        let first: Vec<_> = thread::scope(|scope| (&numbers).parallel_map_scoped(scope, 3, uneven).take(10).collect());
        assert!(first.into_iter().eq((0..10).map(|n| n * n)));
        let taken = numbers.taken();
        assert!((10..=16).contains(&taken), "{taken}");
        assert_eq!(numbers.next(), Some(taken as u64));
        // Beside another consumer, each item goes to one of the two.
        let (mapped, direct) = thread::scope(|scope| {
            let direct = scope.spawn(|| numbers.iter().inspect(|_| thread::yield_now()).collect::<Vec<_>>());
            let mapped: Vec<_> = numbers.iter().parallel_map_scoped(scope, 2, |n| n).collect();
            (mapped, direct.join().unwrap())
        });
        assert!(mapped.is_sorted());
        let mut all = [mapped, direct].concat();
        all.sort_unstable();
        assert!(all.into_iter().eq(taken as u64 + 1..1000));
    });
}

#[test]
fn close_of_a_shared_iterator_ends_it_after_the_items_that_were_taken() {
    limited(|| {
        for _ in 0..100 {
            let numbers = (0..).threadsafe();
            thread::scope(|scope| {
                let mut results = (&numbers).parallel_map_scoped(scope, 3, uneven);
                assert_eq!(results.next(), Some(0));
                numbers.close();
                let rest: Vec<_> = results.collect();
                assert!(rest.iter().copied().eq((1..=rest.len() as u64).map(|n| n * n)));
                assert_eq!(numbers.taken(), 1 + rest.len());
            });
        }
    });
}

#[test]
fn in_a_scope_the_source_and_the_function_can_borrow() {
    limited(|| {
        let words = ["so", "it", "goes"].map(String::from);
        let suffix = String::from("!");
        let shouted: Vec<_> = thread::scope(|scope| {
            words.iter().parallel_map_scoped(scope, 2, |word| format!("{word}{suffix}")).collect()
        });
        assert_eq!(shouted, ["so!", "it!", "goes!"]);
    });
}

#[test]
fn a_panic_in_the_scope_ends_the_threads_too() {
    limited(|| {
        let message = message_of(|| {
            thread::scope(|scope| {
                let mut results = (0_u64..).parallel_map_scoped(scope, 4, uneven);
                assert_eq!(results.next(), None, "not the end");
            });
        });
        assert!(message.contains("not the end"));
    });
}

#[threadsafe_generator]
fn naturals() -> impl Iterator<Item = u64> {
    for n in 0.. {
        yield_!(n);
    }
}

#[test]
fn it_goes_with_generators_prefetch_and_itself() {
    limited(|| {
        let expected = || (0..300_u64).map(|n| n * n + 1);
        assert!(naturals().parallel_map(3, uneven).map(|n| n + 1).take(300).eq(expected()));
        assert!(naturals().prefetch(8).parallel_map(3, uneven).prefetch(8).map(|n| n + 1).take(300).eq(expected()));
        assert!(naturals().parallel_map(2, uneven).parallel_map(2, |n| n + 1).take(300).eq(expected()));
        let shared = naturals().boxed();
        thread::scope(|scope| {
            assert!(shared.iter().parallel_map_scoped(scope, 3, |n| uneven(n) + 1).take(300).eq(expected()));
        });
    });
}

#[test]
fn the_end_reaches_workers_that_wait_for_the_source_while_others_process() {
    limited(|| {
        let ends: [Order<u64>; 2] = [|| None, || resume_unwind(Box::new(Payload(9)))];
        for round in 0..60 {
            let (gate, source) = gated();
            let (dropped, source) = reports_drop(source);
            let release = Arc::new(Barrier::new(3));
            let alive = Arc::new(());
            let (meeting, counted) = (Arc::clone(&release), Counted(Arc::clone(&alive)));
            let f = move |n| {
                meeting.wait();
                (n, &counted).0
            };
            let mut results = source.parallel_map(6, f);
            // Two workers process an item each, one is in the source, and three wait for the source.
            (0..2).for_each(|_| gate.let_in(|| Some(7)));
            (0..3).for_each(|_| gate.entered());
            assert_eq!(Arc::strong_count(&alive), 1 + 6);
            thread::scope(|scope| {
                let panics = round % 2 == 1;
                let consumer = scope.spawn(move || {
                    assert_eq!((results.next(), results.next()), (Some(7), Some(7)));
                    if panics {
                        assert_eq!(panic_of(|| results.next()).downcast_ref(), Some(&Payload(9)));
                    } else {
                        assert_eq!((results.next(), results.next()), (None, None));
                    }
                });
                if round % 3 == 0 {
                    // Now the threads sleep. In the other rounds they are about to.
                    thread::sleep(Duration::from_millis(2));
                }
                gate.let_in(ends[usize::from(panics)]);
                dropped.recv().unwrap();
                // The four workers without an item end before the two others.
                eventually(|| Arc::strong_count(&alive) == 1 + 2);
                release.wait();
                consumer.join().unwrap();
            });
            eventually(|| Arc::strong_count(&alive) == 1);
        }
    });
}

#[test]
fn items_need_not_be_send() {
    limited(|| {
        let results = (0..100_u64).map(|n| Rc::new(Cell::new(n))).parallel_map(3, |n| n.get());
        assert!(results.eq(0..100));
    });
}

#[test]
fn size_hint_counts_down_from_that_of_the_source() {
    limited(|| {
        let mut results = (0..10_u64).parallel_map(2, uneven);
        assert_eq!(results.size_hint(), (10, Some(10)));
        results.by_ref().take(4).for_each(drop);
        assert_eq!(results.size_hint(), (6, Some(6)));
        results.by_ref().for_each(drop);
        assert_eq!(results.size_hint(), (0, Some(0)));
    });
}

#[test]
fn the_source_is_dropped_at_its_end_while_the_last_items_are_processed() {
    limited(|| {
        let (release, wait) = mpsc::channel::<()>();
        let wait = Arc::new(Mutex::new(wait));
        let f = move |n: u64| {
            if n == 1 {
                wait.lock().unwrap().recv().unwrap();
            }
            n
        };
        let (dropped, source) = reports_drop(0..2_u64);
        let results = source.parallel_map(2, f);
        dropped.recv().unwrap();
        release.send(()).unwrap();
        assert!(results.eq(0..2));
    });
}

#[test]
fn the_end_and_panics_and_drops_race_with_the_workers() {
    limited(|| {
        for round in 0..2000_u64 {
            let place = round % 11;
            let items = round % 13;
            let f = move |n: u64| if n == place { resume_unwind(Box::new(Payload(n))) } else { n };
            let mut results = (0..items).parallel_map(1 + usize::try_from(round % 4).unwrap(), f);
            if round % 3 == 0 {
                results.by_ref().take(usize::try_from(place / 2).unwrap()).for_each(drop);
                continue;
            }
            assert!(results.by_ref().take(usize::try_from(place).unwrap()).eq(0..items.min(place)));
            if items > place {
                assert_eq!(panic_of(|| results.next()).downcast_ref(), Some(&Payload(place)));
            } else {
                assert_eq!(results.next(), None);
            }
        }
    });
}

#[test]
fn types_are_send_sync_and_debug() {
    fn check<T: Send + Sync + std::fmt::Debug + Any>(_: &T) {}

    let mut results = (0..3_u64).parallel_map(2, |n| n);
    check(&results);
    results.next();
    assert_eq!(format!("{results:?}"), "ParallelMap { returned: 1, .. }");
}
