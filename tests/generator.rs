//! A generator without a lock: it is lazy and fused, drops its locals, and panics where an item would be lost.

use std::cell::Cell;
use std::future;
use std::iter;
use std::num::ParseIntError;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, mpsc};
use std::task::{Context, Poll, Waker};
use std::thread;

use genawaiter::{Coroutine, GeneratorState};
use support::{limited, message_of, panic_of};
use threadsafe_gen::{Generator, Yielder, generator, try_generator};

const NOT_AWAITED: &str = "an item was yielded and not awaited: write `.yield_(item).await`";
const SOMETHING_ELSE: &str = "a generator awaited something other than a yield, which nothing would ever wake: await \
    each yield by itself, not inside a combinator that waits for wake-ups, such as `FuturesUnordered`";

/// Polls a future once, outside of its `await`.
fn poll_once(future: Pin<&mut impl Future<Output = ()>>) -> Poll<()> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

#[test]
fn the_body_does_not_run_before_the_first_next() {
    let ran = AtomicBool::new(false);
    let mut numbers = generator(async |co| {
        ran.store(true, Relaxed);
        co.yield_(1).await;
    });
    assert!(!ran.load(Relaxed));
    assert_eq!(numbers.size_hint(), (0, None));
    assert_eq!(numbers.next(), Some(1));
    assert!(ran.load(Relaxed));
    drop(generator::<u8, _>(async |_| panic!("the body was run")));
}

#[test]
fn each_next_runs_the_body_to_the_next_yield() {
    let step = Cell::new(0);
    let mut numbers = generator(async |co| {
        for n in 1..=3 {
            step.set(n);
            co.yield_(n * 10).await;
        }
        step.set(4);
    });
    for n in 1..=3 {
        assert_eq!((numbers.next(), step.get()), (Some(n * 10), n));
    }
    assert_eq!((numbers.next(), step.get()), (None, 4));
}

#[test]
fn locals_are_dropped_at_the_end_or_with_an_unfinished_generator() {
    for taken in 0..=3 {
        let captured = Arc::new(());
        let counted = Arc::clone(&captured);
        let mut numbers = generator(async move |co| {
            let local = Arc::clone(&counted);
            for n in 0..2 {
                co.yield_(n).await;
            }
            drop(local);
        });
        assert_eq!(numbers.by_ref().take(taken).count(), taken.min(2));
        // One reference is captured by the closure, one is the local's once the body has begun. At the end both are
        // dropped.
        let alive = [1, 2, 2, 0][taken];
        assert_eq!(Arc::strong_count(&captured), 1 + alive, "after {taken}");
        drop(numbers);
        assert_eq!(Arc::strong_count(&captured), 1, "after {taken}");
    }
}

#[test]
fn a_generator_returns_none_forever_after_its_end() {
    let mut numbers = generator(async |co| co.yield_(1).await);
    assert!(format!("{numbers:?}").contains("finished: false"));
    assert_eq!(numbers.by_ref().collect::<Vec<_>>(), [1]);
    assert_eq!([numbers.next(), numbers.next()], [None, None]);
    assert_eq!(numbers.size_hint(), (0, Some(0)));
    assert!(format!("{numbers:?}").contains("finished: true"));
    assert_eq!(generator::<u8, _>(async |_| ()).next(), None);
}

#[test]
fn yield_from_yields_every_item_lazily() {
    let mut taken = 0;
    let mut numbers = generator(async |co| {
        co.yield_from([1, 2]).await;
        co.yield_from(None).await;
        co.yield_from((3..).inspect(|_| taken += 1)).await;
    });
    assert!(numbers.by_ref().take(4).eq([1, 2, 3, 4]));
    drop(numbers);
    assert_eq!(taken, 2);
}

#[test]
fn an_error_is_converted_and_is_the_last_item() {
    #[derive(Debug, PartialEq)]
    enum Error {
        Number(ParseIntError),
        Negative,
    }

    impl From<ParseIntError> for Error {
        fn from(error: ParseIntError) -> Self {
            Self::Number(error)
        }
    }

    fn numbers(text: &str) -> impl Iterator<Item = Result<i32, Error>> + Send {
        try_generator(async move |co| {
            for word in text.split(' ') {
                let n = word.parse()?;
                if n < 0 {
                    return Err(Error::Negative);
                }
                co.yield_(Ok(n)).await;
            }
            Ok(())
        })
    }

    assert!(numbers("1 2").eq([Ok(1), Ok(2)]));
    assert!(numbers("1 -2 3").eq([Ok(1), Err(Error::Negative)]));
    let mut failing = numbers("1 x 3");
    assert_eq!(failing.next(), Some(Ok(1)));
    assert!(matches!(failing.next(), Some(Err(Error::Number(_)))));
    assert_eq!((failing.next(), failing.next()), (None, None));
}

/// Returns the items before the panic, and the message of the panic.
fn items_before_the_panic<Y, F: Future<Output = ()>>(mut generator: Generator<Y, F>) -> (Vec<Y>, String) {
    let mut items = Vec::new();
    let message = message_of(|| generator.by_ref().for_each(|item| items.push(item)));
    (items, message)
}

#[test]
fn a_yield_without_await_panics_instead_of_losing_an_item() {
    let lost = |items: &[i32]| (items.to_vec(), NOT_AWAITED.to_owned());

    let yielded_twice = generator(async |co| {
        co.yield_(0).await;
        drop(co.yield_(1));
        co.yield_(2).await;
    });
    assert_eq!(items_before_the_panic(yielded_twice), lost(&[0]));

    let never_awaited = generator(async |co| {
        co.yield_(0).await;
        drop(co.yield_(1));
    });
    assert_eq!(items_before_the_panic(never_awaited), lost(&[0]));

    let polled_and_dropped = generator(async |co| {
        assert!(poll_once(pin!(co.yield_(0))).is_pending());
        co.yield_(1).await;
    });
    assert_eq!(items_before_the_panic(polled_and_dropped), lost(&[]));

    let polled_twice = generator(async |co| {
        {
            let mut yielding = pin!(co.yield_(0));
            assert!(poll_once(yielding.as_mut()).is_pending());
            // The second poll is ready, although the item has not been taken.
            assert!(poll_once(yielding).is_ready());
        }
        co.yield_(1).await;
    });
    assert_eq!(items_before_the_panic(polled_twice), lost(&[]));

    let polled_then_awaited = generator(async |co| {
        let mut yielding = Box::pin(co.yield_(0));
        assert!(poll_once(yielding.as_mut()).is_pending());
        yielding.await;
    });
    assert_eq!(items_before_the_panic(polled_then_awaited), lost(&[]));

    let in_yield_from = generator(async |co| {
        drop(co.yield_(0));
        co.yield_from([1, 2]).await;
    });
    assert_eq!(items_before_the_panic(in_yield_from), lost(&[]));

    let in_try_generator = try_generator(async |co| {
        drop(co.yield_(Ok(0)));
        Err(1)
    });
    assert_eq!(items_before_the_panic(in_try_generator), (vec![], NOT_AWAITED.to_owned()));
}

#[test]
fn a_yield_can_be_awaited_inside_another_future() {
    let mut numbers = generator(async |co| {
        Box::pin(co.yield_(0)).await;
        let mut yielding = pin!(co.yield_(1));
        future::poll_fn(|context| yielding.as_mut().poll(context)).await;
    });
    assert!(numbers.by_ref().eq([0, 1]));
}

#[test]
fn awaiting_another_future_panics_unless_it_is_ready() {
    let ready = generator(async |co| co.yield_(future::ready(7).await).await);
    assert!(ready.eq([7]));

    let pending = generator(async |co| {
        co.yield_(0).await;
        future::pending::<()>().await;
    });
    assert_eq!(items_before_the_panic(pending), (vec![0], SOMETHING_ELSE.to_owned()));

    let (_sender, receiver) = mpsc::channel::<()>();
    let receiving = generator::<(), _>(async move |_| {
        future::poll_fn(|_| receiver.try_recv().map_or(Poll::Pending, Poll::Ready)).await;
    });
    assert_eq!(items_before_the_panic(receiving), (vec![], SOMETHING_ELSE.to_owned()));
}

#[test]
fn a_body_that_panicked_panics_again() {
    let mut numbers = generator(async |co| {
        co.yield_(0).await;
        panic!("out of paper");
    });
    assert_eq!(numbers.next(), Some(0));
    assert_eq!(message_of(|| numbers.next()), "out of paper");
    panic_of(|| numbers.next());
    panic_of(|| numbers.next());
}

#[test]
fn a_local_can_yield_when_it_is_dropped() {
    struct Last<'a, 'id>(&'a mut Yielder<'id, Box<i32>>);

    impl Drop for Last<'_, '_> {
        fn drop(&mut self) {
            drop(self.0.yield_(Box::new(9)));
        }
    }

    fn numbers() -> impl Iterator<Item = Box<i32>> + Send {
        generator(async |co: &mut Yielder<'_, Box<i32>>| {
            let last = Last(co);
            last.0.yield_(Box::new(0)).await;
            drop(last);
        })
    }
    let mut half_way = numbers();
    assert_eq!(half_way.next(), Some(Box::new(0)));
    drop(half_way);
    // At the end that yield has not been awaited.
    assert_eq!(message_of(|| numbers().count()), NOT_AWAITED);
}

#[test]
fn a_generator_implements_genawaiters_coroutine_trait() {
    fn run<C: Coroutine<Yield = i32, Resume = (), Return = ()>>(mut coroutine: Pin<&mut C>) -> Vec<i32> {
        iter::from_fn(|| match coroutine.as_mut().resume_with(()) {
            GeneratorState::Yielded(item) => Some(item),
            GeneratorState::Complete(()) => None,
        })
        .collect()
    }
    let mut numbers = generator(async |co| co.yield_from(0..3).await);
    assert_eq!(run(Pin::new(&mut numbers)), [0, 1, 2]);
    assert_eq!(run(Pin::new(&mut numbers)), []);
    assert_eq!(numbers.next(), None);
}

#[test]
fn a_generator_can_be_recursive_through_a_box() {
    fn leaves(depth: u32) -> Box<dyn Iterator<Item = u32> + Send> {
        Box::new(generator(async move |co| {
            if depth == 0 {
                co.yield_(1).await;
            } else {
                co.yield_from(leaves(depth - 1)).await;
                co.yield_from(leaves(depth - 1)).await;
            }
        }))
    }
    assert_eq!(leaves(10).sum::<u32>(), 1 << 10);
}

#[test]
#[expect(clippy::large_stack_arrays, reason = "the test needs huge items")]
fn items_can_have_any_size() {
    const HUGE: usize = 64 * 1024;

    assert_eq!(generator(async |co| co.yield_from([(); 1000]).await).count(), 1000);
    let huge = generator(async |co| {
        for n in 0..3_u8 {
            co.yield_([n; HUGE]).await;
        }
    });
    assert!(huge.enumerate().all(|(n, item)| item.iter().all(|byte| usize::from(*byte) == n)));
    let boxed = generator::<Box<dyn Fn(i32) -> i32 + Send>, _>(async |co| {
        co.yield_(Box::new(|n| n + 1)).await;
        co.yield_(Box::new(|n| n * 2)).await;
    });
    assert_eq!(boxed.fold(3, |n, next| next(n)), 8);
}

#[test]
fn a_body_can_borrow_from_outside_and_from_its_locals() {
    let text = String::from("so it goes");
    let mut lengths = Vec::new();
    let words = generator(async |co| {
        for word in text.split(' ') {
            lengths.push(word.len());
            co.yield_(word).await;
        }
    });
    assert_eq!(words.collect::<Vec<_>>(), ["so", "it", "goes"]);
    assert_eq!(lengths, [2, 2, 4]);

    // A borrow of a local is held across a yield.
    let sums = generator(async |co| {
        let mut sums = [0, 0];
        let sum = &mut sums[1];
        for n in 1..=3 {
            *sum += n;
            co.yield_(*sum).await;
        }
    });
    assert!(sums.eq([1, 3, 6]));
}

#[test]
fn an_unfinished_generator_can_move_between_threads() {
    limited(|| {
        let mut numbers = generator(async |co| {
            let mut local = vec![0];
            loop {
                co.yield_(local.clone()).await;
                local.push(local.len());
            }
        });
        for length in 1..=10 {
            let (next, moved) = thread::spawn(move || (numbers.next(), numbers)).join().unwrap();
            assert_eq!(next, Some((0..length).collect()));
            numbers = moved;
        }
        // It can also be dropped on another thread.
        thread::spawn(move || drop(numbers)).join().unwrap();
    });
}

#[test]
fn a_scoped_thread_can_run_a_generator_and_a_body_can_run_scoped_threads() {
    limited(|| {
        let text = String::from("a b");
        let words = thread::scope(|scope| {
            let words = generator(async |co| co.yield_from(text.split(' ')).await);
            scope.spawn(|| words.collect::<Vec<_>>()).join().unwrap()
        });
        assert_eq!(words, ["a", "b"]);

        // The body can lend the yielder to a scoped thread, which ends before the body continues.
        let lent = generator(async |co: &mut Yielder<'_, i32>| {
            for n in 0..3 {
                thread::scope(|scope| drop(scope.spawn(|| co.yield_(n)).join()));
                future::poll_fn(|_| Poll::<()>::Pending).await;
            }
        });
        assert!(lent.take(1).eq([0]));
    });
}

#[test]
fn a_body_can_iterate_over_other_generators() {
    let mut table = generator(async |co| {
        for row in 1..=3 {
            let inner = generator(async move |co| {
                for column in 1..=3 {
                    co.yield_(row * column).await;
                }
            });
            for product in inner {
                co.yield_(product).await;
            }
        }
    });
    assert!(table.by_ref().eq([1, 2, 3, 2, 4, 6, 3, 6, 9]));
}

#[test]
fn a_yield_without_await_panics_at_every_later_call() {
    let mut careless = generator(async |co: &mut Yielder<'_, i32>| drop(co.yield_(1)));
    assert_eq!(message_of(|| careless.next()), NOT_AWAITED);
    let _ = message_of(|| careless.next());
}

#[test]
fn a_body_that_catches_the_panic_of_a_yield_panics_again_at_its_end() {
    let mut careless = generator(async |co: &mut Yielder<'_, i32>| {
        co.yield_(0).await;
        drop(co.yield_(1));
        assert_eq!(message_of(|| drop(co.yield_(2))), NOT_AWAITED);
    });
    assert_eq!(careless.next(), Some(0));
    assert_eq!(message_of(|| careless.next()), NOT_AWAITED);
    assert_eq!(careless.size_hint(), (0, None), "the generator has not ended");
}
