//! The coroutines of `genawaiter` itself under our locks: its `sync::Gen`, and its owned `rc::Gen` on one thread.

use std::sync::Arc;
use std::thread;

use genawaiter::{rc, sync};
use support::{limited, together};
use threadsafe_gen::GeneratorState::{Complete, Yielded};
use threadsafe_gen::{Coroutine, ThreadsafeCoroutine, ThreadsafeExt, ThreadsafeIter, coroutine};

#[test]
fn a_sync_gen_under_threadsafe_iter_gives_each_item_to_one_thread() {
    limited(|| {
        let numbers = sync::Gen::new(async |co: sync::Co<u32>| {
            for n in 0..5000 {
                co.yield_(n).await;
            }
        });
        let numbers = numbers.into_iter().threadsafe();
        let mut all = together(4, |_| numbers.iter().collect::<Vec<_>>()).concat();
        all.sort_unstable();
        assert!(all.into_iter().eq(0..5000));
        // Its own iterator panics if it is polled after the end.
        assert_eq!((numbers.next(), numbers.is_finished()), (None, true));
    });
}

#[test]
fn a_sync_gen_under_threadsafe_coroutine_completes_once() {
    limited(|| {
        let sum = sync::Gen::new(async |co: sync::Co<u64, u64>| {
            let mut sum = 0;
            for _ in 0..1000 {
                sum += co.yield_(sum).await;
            }
            sum
        });
        let sum = Arc::new(ThreadsafeCoroutine::new(sum));
        // genawaiter drops the first argument.
        assert_eq!(sum.resume_with(1_000_000), Some(Yielded(0)));
        let threads: Vec<_> = (0..4)
            .map(|_| {
                let sum = Arc::clone(&sum);
                thread::spawn(move || {
                    let mut complete = Vec::new();
                    while let Some(state) = sum.resume_with(1) {
                        if let Complete(end) = state {
                            complete.push(end);
                        }
                    }
                    complete
                })
            })
            .collect();
        let complete: Vec<_> = threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect();
        assert_eq!(complete, [1000]);
    });
}

#[test]
fn an_owned_rc_gen_goes_under_both_wrappers_on_one_thread() {
    let numbers = || {
        rc::Gen::new(async |co: rc::Co<u32>| {
            co.yield_(1).await;
            co.yield_(2).await;
        })
    };
    let shared = ThreadsafeIter::new(numbers().into_iter());
    assert_eq!([(); 4].map(|()| shared.next()), [Some(1), Some(2), None, None]);
    let shared = ThreadsafeCoroutine::new(numbers());
    assert_eq!(shared.resume(), Some(Yielded(1)));
    assert_eq!(shared.lock().resume_with(()), Some(Yielded(2)));
    assert_eq!((shared.resume(), shared.resume()), (Some(Complete(())), None));
}

#[test]
fn a_coroutine_of_genawaiter_can_be_delegated_to() {
    let outer = coroutine(async |co, first: u32| {
        let inner = sync::Gen::new(async |co: sync::Co<u32, u32>| {
            let reply = co.yield_(10).await;
            co.yield_(reply * 2).await;
        });
        co.delegate(inner, first).await;
    });
    let outer = outer.threadsafe();
    assert_eq!(outer.resume_with(0), Some(Yielded(10)));
    assert_eq!(outer.resume_with(4), Some(Yielded(8)));
    assert_eq!(outer.resume_with(0), Some(Complete(())));
}

#[test]
fn a_generator_of_ours_goes_where_a_coroutine_of_genawaiter_goes() {
    fn sum(mut numbers: impl Coroutine<Yield = u32, Resume = (), Return = ()> + Unpin) -> u32 {
        let mut sum = 0;
        while let Yielded(n) = std::pin::Pin::new(&mut numbers).resume_with(()) {
            sum += n;
        }
        sum
    }

    assert_eq!(sum(threadsafe_gen::generator(async |co| co.yield_from([1, 2, 3]).await)), 6);
    assert_eq!(sum(rc::Gen::new(async |co: rc::Co<u32>| co.yield_(4).await)), 4);
}
