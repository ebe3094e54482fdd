//! `ThreadsafeCoroutine`: every caller gets the answer to its own argument.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use fastrand::Rng;
use threadsafe_gen::GeneratorState::{Complete, Yielded};
use threadsafe_gen::{Coroutine, TryResumeError, threadsafe_generator};

use crate::items::{Count, Item, check_panic, planned_panic};
use crate::on_threads;

/// Answers `length` items, each with its number and the number of items before it, or panics at the item `panics`.
#[threadsafe_generator]
fn echo(length: usize, panics: usize) -> impl Coroutine<Yield = (usize, usize), Resume = Item, Return = Item> {
    let mut item = resumed_with!();
    for before in 0..length {
        if before == panics {
            planned_panic();
        }
        item = yield_!((item.number(), before));
    }
    item
}

pub(crate) fn round(rng: &mut Rng) -> u64 {
    let count = Count::default();
    let length = rng.usize(0..400);
    let panics = if rng.u8(..4) == 0 { rng.usize(..=length) } else { usize::MAX };
    let closes = rng.u8(..4) == 0;
    let echo = Arc::new(echo(length, panics));
    let results = on_threads(rng.usize(2..=16), rng, {
        let (echo, count) = (Arc::clone(&echo), count.clone());
        move |mut rng| {
            let (mut places, mut complete) = (Vec::new(), 0_usize);
            loop {
                let number = rng.usize(..);
                let mut item = count.item(number);
                let outcome = catch_unwind(AssertUnwindSafe(|| {
                    loop {
                        let sent = match rng.u8(..5) {
                            0 => echo.try_resume_with(item),
                            1 => echo.resume_with_timeout(item, Duration::from_micros(rng.u64(..50))),
                            2 => Ok(echo.lock().resume_with(item)),
                            _ => Ok(echo.resume_with(item)),
                        };
                        match sent {
                            Ok(state) => return state,
                            Err(TryResumeError::WouldBlock(back) | TryResumeError::TimedOut(back)) => {
                                assert_eq!(back.number(), number);
                                item = back;
                            }
                            Err(error) => {
                                assert!(matches!(error, TryResumeError::Poisoned(_)), "{error}");
                                return echo.resume_with(error.into_argument());
                            }
                        }
                    }
                }));
                match outcome {
                    Ok(Some(Yielded((answer, place)))) => {
                        assert_eq!(answer, number, "the answer belongs to another caller");
                        places.push(place);
                    }
                    Ok(Some(Complete(last))) => {
                        assert_eq!(last.number(), number);
                        complete += 1;
                    }
                    Ok(None) => break,
                    Err(payload) => {
                        check_panic(payload);
                        // If `close` was called before the panic, the coroutine is closed and not poisoned.
                        assert!(echo.is_poisoned() || closes);
                        break;
                    }
                }
                if closes && rng.u8(..64) == 0 {
                    echo.close();
                }
            }
            (places, complete)
        }
    });
    let complete: usize = results.iter().map(|(_, complete)| complete).sum();
    let mut places: Vec<_> = results.into_iter().flat_map(|(places, _)| places).collect();
    places.sort_unstable();
    assert!(places.iter().copied().eq(0..places.len()), "an exchange was lost or delivered twice");
    if !closes {
        assert_eq!(places.len(), length.min(panics));
        assert_eq!(complete, usize::from(panics >= length));
    }
    drop(echo);
    count.assert_none_left();
    places.len() as u64
}
