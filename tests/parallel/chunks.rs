//! `par_chunks`: chunks of the items, each once, and what is not used put back.

use std::iter;
use std::panic::panic_any;

use rayon::prelude::*;
use support::{limited, message_of, panic_of};
use threadsafe_gen::{ThreadsafeExt, generator};

use crate::{Numbers, Used, annotated, each_source, pools};

#[test]
fn every_item_is_in_one_chunk() {
    const END: usize = 10_007;
    limited(|| {
        for pool in pools(&[1, 2, 8]) {
            for size in [1, 2, 64, 1000, 20_000] {
                each_source!(END, |kind, shared| {
                    let used = Used::default();
                    pool.install(|| {
                        shared.par_chunks(size).for_each(|chunk| {
                            assert!(!chunk.is_empty() && chunk.len() <= size);
                            assert!(chunk.windows(2).all(|pair| pair[1] == pair[0] + 1), "{kind}: in order");
                            for n in chunk {
                                used.add(n);
                            }
                        });
                    });
                    used.assert_complete_with(&shared, END, kind);
                });
            }
        }
    });
}

#[test]
fn all_chunks_but_the_last_are_full() {
    limited(|| {
        for pool in pools(&[1, 4]) {
            let mut lengths: Vec<_> =
                pool.install(|| annotated(1050).par_chunks(100).map(|chunk| chunk.len()).collect());
            lengths.sort_unstable();
            assert_eq!(lengths, [vec![50], vec![100; 10]].concat());
        }
    });
}

#[test]
fn an_early_exit_leaves_the_other_chunks() {
    const END: usize = 20_000;
    limited(|| {
        for pool in pools(&[1, 2, 8]) {
            for last in [0, 64, 7000] {
                let shared = annotated(END);
                let used = Used::default();
                let found = pool.install(|| {
                    shared.par_chunks(64).find_any(|chunk| {
                        for n in chunk {
                            used.add(*n);
                        }
                        chunk.contains(&last)
                    })
                });
                assert!(found.unwrap().contains(&last));
                used.assert_complete_with(&shared, END, "early exit");
            }
        }
    });
}

#[test]
fn what_has_been_put_back_comes_in_chunks_too() {
    limited(|| {
        for pool in pools(&[1, 2]) {
            let shared = annotated(100);
            let mut consumer = shared.buffered(50);
            assert_eq!(consumer.next(), Some(0));
            drop(consumer);
            let used = Used::default();
            used.add(0);
            pool.install(|| shared.par_chunks(8).for_each(|chunk| chunk.into_iter().for_each(|n| used.add(n))));
            used.assert_complete_with(&shared, 100, "put back");
        }
    });
}

#[test]
fn a_panic_in_the_middle_of_a_chunk_comes_after_the_items_before_it() {
    limited(|| {
        for pool in pools(&[1, 2, 8]) {
            for at in [0, 1, 63, 64, 65, 1000] {
                let shared = (0..).inspect(|n| _ = (*n == at).then(|| panic_any(at))).threadsafe();
                let used = Used::default();
                let payload = panic_of(|| {
                    pool.install(|| {
                        shared.par_chunks(64).flat_map_iter(|chunk| chunk).for_each(|n| used.add(n));
                    });
                });
                assert_eq!(payload.downcast_ref(), Some(&at));
                used.assert_complete_with(&iter::empty().threadsafe(), at, "before the panic");
                let earlier = "the iterator panicked earlier: its message is not a string";
                assert_eq!(message_of(|| pool.install(|| shared.par_chunks(64).count())), earlier);
            }
        }
    });
}

#[test]
fn chunks_of_no_items_are_refused() {
    assert_eq!(message_of(|| annotated(1).par_chunks(0).count()), "chunk size must be non-zero");
}
