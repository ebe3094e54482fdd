//! `boxed`: a type that can be written down, the same items, indexes, end and panics, and batches without suspension.

use std::iter;
use std::panic::panic_any;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, LazyLock};
use std::thread;

use support::{limited, message_of, panic_of, together};
use threadsafe_gen::{BoxThreadsafeIter, ThreadsafeExt, ThreadsafeIter, TryNextError, generator, threadsafe_generator};

#[threadsafe_generator]
fn numbers(end: u64) -> impl Iterator<Item = u64> {
    for n in 0..end {
        yield_!(n);
    }
}

#[threadsafe_generator]
fn declared(end: u64) -> Box<dyn Iterator<Item = u64>> {
    for n in 0..end {
        yield_!(n);
    }
}

/// Sources of the numbers below `end`, boxed once or twice.
fn boxed(end: u64) -> [(&'static str, BoxThreadsafeIter<'static, u64>); 6] {
    let by_hand = generator(async move |co| co.yield_from(0..end).await).threadsafe();
    [
        ("annotated", numbers(end).boxed()),
        ("by hand", by_hand.boxed()),
        ("plain", (0..end).threadsafe().boxed()),
        ("twice", numbers(end).boxed().boxed()),
        ("declared", declared(end)),
        ("box", (Box::new(0..end) as Box<dyn Iterator<Item = u64> + Send>).threadsafe()),
    ]
}

#[test]
fn a_boxed_iterator_gives_the_same_items_by_every_method() {
    for end in [0, 1, 5, 1000] {
        for (kind, shared) in boxed(end) {
            assert!(shared.iter().eq(0..end), "{kind}");
            assert!(shared.is_finished() && shared.taken() as u64 == end, "{kind}");
        }
        for size in [1, 2, 64, 5000] {
            for (kind, shared) in boxed(end) {
                assert!(
                    shared.buffered(size).indexed().map(|(i, n)| (i as u64, n)).eq((0..end).zip(0..)),
                    "{kind} {size}"
                );
            }
            for (kind, shared) in boxed(end) {
                let chunks: Vec<_> = shared.chunks(size).collect();
                assert!(chunks.iter().flatten().copied().eq(0..end), "{kind} {size}");
                assert!(chunks.iter().rev().skip(1).all(|chunk| chunk.len() == size), "{kind} {size}");
            }
        }
    }
}

#[test]
fn many_threads_take_each_item_of_a_boxed_iterator_once() {
    limited(|| {
        for (kind, shared) in boxed(20_000) {
            let taken = together(8, |index| match index % 3 {
                0 => shared.iter().collect::<Vec<_>>(),
                1 => shared.buffered(7).collect(),
                _ => shared.chunks(5).flatten().collect(),
            });
            let mut all: Vec<_> = taken.into_iter().flatten().collect();
            all.sort_unstable();
            assert!(all.into_iter().eq(0..20_000), "{kind}");
        }
    });
}

#[test]
fn boxing_keeps_the_count_the_items_put_back_and_the_end() {
    let shared = numbers(10);
    assert_eq!(shared.buffered(4).next(), Some(0));
    let shared = shared.boxed();
    assert_eq!(shared.taken(), 4);
    assert_eq!(shared.next_indexed(), Some((1, 1)));
    assert!(shared.iter().eq(2..10));

    let finished = (0..1).threadsafe();
    assert_eq!((finished.next(), finished.next()), (Some(0), None));
    assert!(finished.boxed().is_finished());

    let closed = (0..1).threadsafe();
    closed.close();
    assert!(closed.boxed().is_finished());

    let poisoned = iter::from_fn(|| -> Option<u8> { panic!("out of paper") }).threadsafe();
    assert_eq!(message_of(|| poisoned.next()), "out of paper");
    let poisoned = poisoned.boxed();
    assert_eq!(poisoned.try_next(), Err(TryNextError::Poisoned));
    assert_eq!(message_of(|| poisoned.next()), "the iterator panicked earlier: out of paper");
}

#[test]
fn a_batch_of_a_boxed_generator_runs_the_body_no_further_than_asked() {
    let ran = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&ran);
    let shared = generator(async move |co| {
        for n in 0..100 {
            counter.store(n + 1, SeqCst);
            co.yield_(n).await;
        }
    });
    let shared = shared.threadsafe().boxed();
    let mut batches = shared.chunks(8);
    assert!(batches.next().unwrap().into_iter().eq(0..8));
    assert_eq!(ran.load(SeqCst), 8);
    assert_eq!(shared.next(), Some(8));
    assert_eq!(ran.load(SeqCst), 9);
}

#[test]
fn a_panic_in_a_batch_comes_after_the_items_before_it() {
    limited(|| {
        for twice in [false, true] {
            let panicking = generator(async |co| {
                co.yield_from(0..5).await;
                panic_any(17_u8);
            });
            let mut shared = panicking.threadsafe().boxed();
            if twice {
                shared = shared.boxed();
            }
            let mut items = shared.buffered(64);
            assert!(items.by_ref().take(5).eq(0..5));
            assert_eq!(panic_of(|| items.next()).downcast_ref(), Some(&17_u8));
            assert!(shared.is_poisoned());
            assert_eq!(shared.taken(), 5);
        }
    });
}

#[test]
fn a_box_that_is_replaced_gives_the_items_of_the_other() {
    let mut shared = numbers(10).boxed();
    assert_eq!(shared.next(), Some(0));
    *shared.get_mut().unwrap() = Box::new(100..110);
    assert!(shared.chunks(4).eq([vec![100, 101, 102, 103], vec![104, 105, 106, 107], vec![108, 109]]));

    // The old box, which still knows the batch, alone and inside another.
    let mut shared = numbers(10).boxed();
    let old = std::mem::replace(shared.get_mut().unwrap(), Box::new(iter::empty()));
    assert!(old.eq(0..10));
    let mut shared = numbers(10).boxed();
    let old = std::mem::replace(shared.get_mut().unwrap(), Box::new(iter::empty()));
    *shared.get_mut().unwrap() = Box::new(old.filter(|n| n % 2 == 0));
    assert!(shared.chunks(2).eq([vec![0, 2], vec![4, 6], vec![8]]));

    let mut shared = numbers(10).boxed();
    *shared.get_mut().unwrap() = Box::new(iter::from_fn(|| panic!("out of paper")));
    assert_eq!(message_of(|| shared.chunks(3).next()), "out of paper");
}

#[test]
fn boxed_iterators_are_named_in_fields_statics_and_signatures() {
    struct Loader<'a> {
        lines: BoxThreadsafeIter<'a, &'a str>,
    }

    fn sum(numbers: &BoxThreadsafeIter<'_, u64>) -> u64 {
        numbers.iter().sum()
    }

    static NUMBERS: LazyLock<BoxThreadsafeIter<'static, u64>> = LazyLock::new(|| numbers(4).boxed());

    let text = String::from("a\nb");
    let loader = Loader { lines: text.lines().threadsafe().boxed() };
    assert!(loader.lines.iter().eq(["a", "b"]));
    assert_eq!(sum(&NUMBERS), 6);
    let sources = vec![numbers(2).boxed(), (5..7).threadsafe().boxed()];
    assert!(sources.into_iter().flatten().eq([0, 1, 5, 6]));
    let arc: Arc<BoxThreadsafeIter<'static, u64>> = Arc::new(ThreadsafeIter::boxed(numbers(3)));
    let other = Arc::clone(&arc);
    assert!(thread::spawn(move || other.iter().count()).join().unwrap() + arc.iter().count() == 3);
}

#[test]
fn boxes_that_are_swapped_give_the_items_of_each_other() {
    let (mut one, mut other) = (numbers(20).boxed(), numbers(30).boxed());
    assert_eq!((one.chunks(3).next(), other.chunks(5).next()), (Some(vec![0, 1, 2]), Some(vec![0, 1, 2, 3, 4])));
    std::mem::swap(one.get_mut().unwrap(), other.get_mut().unwrap());
    assert_eq!((one.chunks(3).next(), other.chunks(5).next()), (Some(vec![5, 6, 7]), Some(vec![3, 4, 5, 6, 7])));
    assert_eq!((one.next(), other.next()), (Some(8), Some(8)));
    std::mem::swap(one.get_mut().unwrap(), other.get_mut().unwrap());
    assert!(one.buffered(4).eq(9..20) && other.buffered(64).eq(9..30));
}
