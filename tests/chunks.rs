//! `chunks`: takes many items per lock, as a `Vec`.

use std::iter;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use support::each_source;
use support::scripted::Script;
use threadsafe_gen::{ThreadsafeExt, generator};

#[test]
fn every_chunk_but_the_last_has_n_items() {
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
fn a_full_last_chunk_does_not_exhaust_the_source() {
    let script = Script::counting_to(4);
    each_source!(Arc::clone(&script), |kind, shared| {
        script.reset();
        assert_eq!(shared.chunks(4).next(), Some(vec![0, 1, 2, 3]));
        assert_eq!((script.progress(), shared.is_finished()), ((4, 3), false), "{kind}");
        assert_eq!((shared.chunks(4).next(), shared.is_finished()), (None, true), "{kind}");
    });
}

#[test]
fn zero_sized_items_are_counted_items() {
    let shared = iter::repeat_n((), 10).threadsafe();
    assert_eq!(shared.buffered(4).by_ref().take(1).count(), 1);
    assert_eq!(shared.chunks(usize::MAX).map(|chunk| chunk.len()).sum::<usize>(), 9);
}

#[test]
fn zero_sized_items_of_a_generator_are_counted_at_any_size() {
    for (n, sizes) in [(1, vec![1; 7]), (3, vec![3, 3, 1]), (7, vec![7]), (64, vec![7]), (usize::MAX, vec![7])] {
        for panics in [false, true] {
            let items = generator(async move |co| {
                co.yield_from([(); 7]).await;
                assert!(!panics, "out of paper");
            });
            let (items, mut taken) = (items.threadsafe(), vec![]);
            let end = catch_unwind(AssertUnwindSafe(|| taken.extend(items.chunks(n).map(|chunk| chunk.len()))));
            assert_eq!((&taken, end.is_err(), items.taken()), (&sizes, panics, 7), "{n}");
        }
    }
}

#[test]
fn items_of_a_returned_chunk_are_not_put_back() {
    each_source!(Script::counting_to(9), |kind, shared| {
        let mut chunks = shared.chunks(4);
        assert_eq!(chunks.next().map(|mut chunk| chunk.remove(0)), Some(0), "{kind}");
        drop(chunks);
        assert_eq!(shared.next(), Some(4), "{kind}");
    });
}

#[test]
fn a_chunk_of_a_generator_reserves_no_more_than_its_size() {
    for n in [1, 2, 3, 4, 5, 64] {
        let numbers = generator(async |co| co.yield_from(0..).await).threadsafe();
        assert!(numbers.chunks(n).take(3).all(|chunk| (chunk.len(), chunk.capacity()) == (n, n)), "{n}");
    }
}
