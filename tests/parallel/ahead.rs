//! A drive over a source that runs ahead: its items are processed as they come, and `close` ends the wait at once.

use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Mutex, mpsc};
use std::thread;
use std::time::Duration;

use rayon::iter::plumbing::{Consumer, Folder, Reducer, UnindexedConsumer};
use rayon::prelude::*;
use support::{gated, limited, message_of, settle};
use threadsafe_gen::{ThreadsafeExt, generator};

use crate::{Used, pools};

#[test]
fn each_item_of_a_source_that_runs_ahead_is_used_once() {
    limited(|| {
        for pool in pools(&[1, 2, 8]) {
            for capacity in [1, 3, 64] {
                let used = Used::default();
                let numbers = (0..3000).prefetch(capacity);
                pool.install(|| numbers.par_iter().for_each(|n| used.add(n)));
                used.assert_complete_with(&numbers, 3000, "items");
                let used = Used::default();
                let numbers = (0..3000).prefetch(capacity);
                pool.install(|| numbers.par_chunks(7).flat_map_iter(|chunk| chunk).for_each(|n| used.add(n)));
                used.assert_complete_with(&numbers, 3000, "chunks");
            }
        }
    });
}

#[test]
fn close_ends_a_drive_that_waits_for_a_source_that_runs_ahead() {
    for chunks in [false, true] {
        limited(move || {
            for pool in pools(&[1, 2, 4]) {
                // The source blocks until this sender is dropped, after the drive has ended.
                let (sender, receiver) = mpsc::channel::<usize>();
                let messages = receiver.into_iter().prefetch(8);
                let processed = AtomicUsize::new(0);
                let count = |_| _ = processed.fetch_add(1, SeqCst);
                thread::scope(|scope| {
                    let drive = scope.spawn(|| {
                        pool.install(|| {
                            if chunks {
                                messages.par_chunks(4).flat_map_iter(|chunk| chunk).for_each(count);
                            } else {
                                messages.par_iter().for_each(count);
                            }
                        });
                    });
                    for n in 0..20 {
                        sender.send(n).unwrap();
                    }
                    while processed.load(SeqCst) < 20 {
                        thread::sleep(Duration::from_millis(1));
                    }
                    messages.close();
                    drive.join().unwrap();
                });
                assert_eq!(processed.load(SeqCst), 20);
                drop(sender);
            }
        });
    }
}

#[test]
fn request_and_answer_pass_through_a_source_that_runs_ahead() {
    limited(|| {
        for pool in pools(&[1, 2, 4]) {
            let (sender, receiver) = mpsc::channel();
            let (answers, answered) = mpsc::channel();
            let requests = receiver.into_iter().prefetch(8);
            thread::scope(|scope| {
                scope.spawn(|| {
                    let answer = |answers: &mut mpsc::Sender<u32>, n: u32| answers.send(n).unwrap();
                    pool.install(|| requests.par_iter().for_each_with(answers, answer));
                });
                for n in 0..200 {
                    sender.send(n).unwrap();
                    assert_eq!(answered.recv(), Ok(n));
                }
                drop(sender);
            });
        }
    });
}

#[test]
fn a_panic_of_a_source_that_runs_ahead_comes_out_after_the_items_before_it() {
    limited(|| {
        for pool in pools(&[1, 2, 8]) {
            let panicking = generator(async |co| {
                co.yield_from(0..100).await;
                panic!("out of paper");
            });
            let (used, numbers) = (Used::default(), panicking.prefetch(4));
            let message = message_of(|| pool.install(|| numbers.par_iter().for_each(|n| used.add(n))));
            assert_eq!(message, "out of paper");
            assert!(numbers.is_poisoned());
            used.assert_complete_with(&std::iter::empty().threadsafe(), 100, "before the panic");
        }
    });
}

#[test]
fn an_early_exit_leaves_the_rest_of_a_source_that_runs_ahead() {
    limited(|| {
        for pool in pools(&[1, 2, 8]) {
            let (used, numbers) = (Used::default(), (0..2000).prefetch(16));
            let found = pool.install(|| {
                numbers.par_iter().find_any(|n| {
                    used.add(*n);
                    *n == 700
                })
            });
            assert_eq!(found, Some(700));
            used.assert_complete_with(&numbers, 2000, "the rest");
        }
    });
}

/// A consumer that wants no more once `full` says so.
struct Until<F>(F);

impl<F: Fn() -> bool + Copy + Send> Consumer<u64> for Until<F> {
    type Folder = Self;
    type Reducer = Nothing;
    type Result = ();

    fn split_at(self, _: usize) -> (Self, Self, Nothing) {
        (Self(self.0), self, Nothing)
    }

    fn into_folder(self) -> Self {
        self
    }

    fn full(&self) -> bool {
        self.0()
    }
}

impl<F: Fn() -> bool + Copy + Send> UnindexedConsumer<u64> for Until<F> {
    fn split_off_left(&self) -> Self {
        Self(self.0)
    }

    fn to_reducer(&self) -> Nothing {
        Nothing
    }
}

impl<F: Fn() -> bool> Folder<u64> for Until<F> {
    type Result = ();

    fn consume(self, _: u64) -> Self {
        self
    }

    fn complete(self) {}

    fn full(&self) -> bool {
        self.0()
    }
}

struct Nothing;

impl Reducer<()> for Nothing {
    fn reduce(self, (): (), (): ()) {}
}

#[test]
fn an_item_that_a_drive_puts_back_wakes_a_caller_that_waits() {
    limited(|| {
        for pool in pools(&[1, 4]) {
            let (gate, source) = gated();
            let numbers = source.prefetch(4);
            gate.let_in(|| Some(7));
            gate.entered();
            thread::scope(|scope| {
                let (calls, called) = mpsc::channel();
                let calls = Mutex::new(Some(calls));
                // Once the drive has taken the item, another caller waits for the next one, and the drive wants none.
                let full = || {
                    let is_full = numbers.taken() == 1;
                    if let Some(calls) = calls.lock().unwrap().take_if(|_| is_full) {
                        calls.send(()).unwrap();
                        settle();
                    }
                    is_full
                };
                let numbers = &numbers;
                let waiting = scope.spawn(move || {
                    called.recv().unwrap();
                    numbers.next()
                });
                pool.install(|| numbers.par_iter().drive_unindexed(Until(&full)));
                assert_eq!(waiting.join().unwrap(), Some(7));
                numbers.close();
                gate.let_in(|| None);
            });
        }
    });
}
