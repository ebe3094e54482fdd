//! Coroutines shared by threads: each caller gets its own answer, and every caller sees the end, `close`, panics and
//! re-entry.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::{Arc, Weak};
use std::thread;
use std::time::{Duration, Instant};

use support::{Gate, gated, limited, message_of, settle, together};
use threadsafe_gen::GeneratorState::{self, Complete, Yielded};
use threadsafe_gen::TryResumeError::{Poisoned, Reentrant, TimedOut, WouldBlock};
use threadsafe_gen::{Coroutine, ThreadsafeCoroutine, coroutine};

const THREADS: [usize; 4] = [2, 4, 16, 64];
const EXECUTING: &str = "generator already executing";
const EARLIER: &str = "the coroutine panicked earlier: out of paper";

/// The argument that ends a coroutine of this file.
const STOP: u64 = u64::MAX;

/// The argument with a number, or a number at the end.
type Answer = GeneratorState<(u64, u64), u64>;

/// A boxed coroutine.
struct Any(Pin<Box<AnyDyn>>);

type AnyDyn = dyn Coroutine<Yield = (u64, u64), Resume = u64, Return = u64> + Send;

impl Coroutine for Any {
    type Yield = (u64, u64);
    type Resume = u64;
    type Return = u64;

    fn resume_with(mut self: Pin<&mut Self>, argument: u64) -> Answer {
        self.0.as_mut().resume_with(argument)
    }
}

type Shared = ThreadsafeCoroutine<Any>;

fn share(coroutine: impl Coroutine<Yield = (u64, u64), Resume = u64, Return = u64> + Send + 'static) -> Shared {
    ThreadsafeCoroutine::new(Any(Box::pin(coroutine)))
}

/// A function that sends an argument and blocks until the answer.
type Way = fn(&Shared, u64) -> Option<Answer>;

/// Every method that resumes through a shared reference, with its name. A method that returns an error panics with its
/// text.
const WAYS: [(&str, Way); 4] = [
    ("resume_with", ThreadsafeCoroutine::resume_with),
    ("lock", |shared, argument| shared.lock().resume_with(argument)),
    ("resume_with_timeout", |shared, argument| {
        shared.resume_with_timeout(argument, Duration::MAX).unwrap_or_else(|error| panic!("{error}"))
    }),
    ("try_resume_with", |shared, mut argument| {
        loop {
            match shared.try_resume_with(argument) {
                Ok(answer) => return answer,
                Err(WouldBlock(unsent)) => argument = unsent,
                Err(error) => panic!("{error}"),
            }
            thread::yield_now();
        }
    }),
];

/// The methods that return no error.
fn ways_without_an_error() -> impl Iterator<Item = (&'static str, Way)> {
    WAYS.into_iter().take(2)
}

/// Yields each argument with the number of arguments before it, and returns the number of arguments, after `length` of
/// them or at [`STOP`]. The `Arc` has a second reference as long as the body lives.
fn echo(length: u64) -> (Arc<()>, Shared) {
    let alive = Arc::new(());
    let local = Arc::clone(&alive);
    let echo = coroutine(async move |co, mut argument| {
        let _ = &local;
        let mut count = 0;
        while argument != STOP && count < length {
            let answer = (argument, count);
            count += 1;
            argument = co.yield_(answer).await;
        }
        count
    });
    (alive, share(echo))
}

/// A coroutine whose every exchange blocks at a gate, which provides the number of the answer. At `None` the coroutine
/// returns the argument.
fn gated_echo() -> (Gate<u64>, Shared) {
    let (gate, source) = gated();
    let echo = coroutine(async move |co, mut argument| {
        for count in source {
            argument = co.yield_((argument, count)).await;
        }
        argument
    });
    (gate, share(echo))
}

/// A coroutine whose body calls `action` with the coroutine itself, and answers with the result.
fn reaching_itself(action: fn(&Shared) -> u64) -> Arc<Shared> {
    Arc::new_cyclic(|me: &Weak<Shared>| {
        let me = Weak::clone(me);
        share(coroutine(async move |co, mut argument| {
            while let Some(result) = me.upgrade().map(|me| action(&me)) {
                argument = co.yield_((argument, result)).await;
            }
            argument
        }))
    })
}

#[track_caller]
fn assert_finished(alive: &Arc<()>, shared: &Shared) {
    assert_eq!(Arc::strong_count(alive), 1, "the coroutine was not dropped");
    assert!(shared.is_finished() && !shared.is_poisoned());
    for (way, resume) in WAYS {
        assert_eq!(resume(shared, 1), None, "{way}");
    }
}

/// Sends `each` distinct arguments from every thread, by the method `way(thread)`. Asserts that each argument gets its
/// own answer, that the answers of a thread are in order, and that the body received nothing else.
fn exchange(threads: usize, each: u64, way: impl Fn(usize) -> Way + Sync) {
    let (alive, shared) = echo(u64::MAX);
    let mut numbers = together(threads, |index| {
        let first = index as u64 * each;
        let numbers: Vec<_> = (first..first + each)
            .map(|argument| match way(index)(&shared, argument) {
                Some(Yielded((answered, number))) if answered == argument => number,
                answer => panic!("{argument} was answered by {answer:?}"),
            })
            .collect();
        assert!(numbers.is_sorted_by(|a, b| a < b));
        numbers
    })
    .concat();
    numbers.sort_unstable();
    let sent = threads as u64 * each;
    assert!(numbers.into_iter().eq(0..sent));
    assert_eq!(shared.resume_with(STOP), Some(Complete(sent)));
    assert_finished(&alive, &shared);
}

#[test]
fn each_thread_gets_the_answers_to_its_own_arguments() {
    limited(|| {
        for threads in THREADS {
            for (_, way) in WAYS {
                exchange(threads, 1000, |_| way);
            }
            exchange(threads, 1000, |index| WAYS[index % WAYS.len()].1);
        }
    });
}

#[test]
fn a_million_exchanges_are_all_answered() {
    limited(|| exchange(4, 250_000, |_| ThreadsafeCoroutine::resume_with));
}

#[test]
fn exactly_one_of_many_threads_receives_complete() {
    limited(|| {
        for threads in THREADS {
            for (way, resume) in WAYS {
                let (alive, shared) = echo(1000);
                let ends = together(threads, |index| {
                    let mut yielded = 0;
                    loop {
                        match resume(&shared, index as u64) {
                            Some(Yielded(_)) => yielded += 1,
                            end => return (yielded, end),
                        }
                    }
                });
                assert_eq!(ends.iter().map(|(yielded, _)| yielded).sum::<i32>(), 1000, "{threads}, {way}");
                let (complete, none): (Vec<_>, Vec<_>) =
                    ends.into_iter().map(|(_, end)| end).partition(Option::is_some);
                assert_eq!((complete, none.len()), (vec![Some(Complete(1000))], threads - 1), "{threads}, {way}");
                assert_finished(&alive, &shared);
            }
        }
    });
}

#[test]
fn exchanges_under_one_lock_are_not_interrupted_by_other_threads() {
    limited(|| {
        let (_, shared) = echo(u64::MAX);
        together(4, |index| {
            let index = index as u64;
            for _ in 0..500 {
                if index == 0 {
                    shared.resume_with(index);
                    continue;
                }
                let mut conversation = shared.lock();
                let Some(Yielded((_, first))) = conversation.resume_with(index) else { panic!("`echo` is endless") };
                for number in first + 1..first + 5 {
                    thread::yield_now();
                    assert_eq!(conversation.resume_with(index), Some(Yielded((index, number))));
                }
            }
        });
        assert_eq!(shared.resume_with(STOP), Some(Complete(500 + 3 * 500 * 5)));
    });
}

#[test]
fn a_held_lock_blocks_the_other_threads() {
    limited(|| {
        let (_, shared) = echo(u64::MAX);
        let mut conversation = shared.lock();
        thread::scope(|scope| {
            let shared = &shared;
            let waiting = WAYS.map(|(_, resume)| scope.spawn(move || resume(shared, 7)));
            settle();
            let refused =
                scope.spawn(|| (shared.try_resume_with(8), shared.resume_with_timeout(9, Duration::from_millis(1))));
            assert_eq!(refused.join().unwrap(), (Err(WouldBlock(8)), Err(TimedOut(9))));
            for number in 0..10 {
                assert_eq!(conversation.resume_with(0), Some(Yielded((0, number))));
            }
            drop(conversation);
            let mut numbers = waiting.map(|thread| match thread.join().unwrap() {
                Some(Yielded((7, number))) => number,
                answer => panic!("{answer:?}"),
            });
            numbers.sort_unstable();
            assert_eq!(numbers, [10, 11, 12, 13]);
        });
    });
}

/// An argument that cannot be cloned, so that a caller needs it back after an error.
#[derive(Debug, PartialEq)]
struct Letter(&'static str);

#[test]
fn an_error_returns_the_argument_that_was_not_sent() {
    limited(|| {
        let (gate, source) = gated::<()>();
        let shared = coroutine(async move |co, mut letter: Letter| {
            for () in source {
                letter = co.yield_(letter).await;
            }
            letter
        });
        let shared = shared.threadsafe();
        thread::scope(|scope| {
            let caller = scope.spawn(|| shared.resume_with(Letter("a")));
            gate.entered();
            assert_eq!(shared.try_resume_with(Letter("b")), Err(WouldBlock(Letter("b"))));
            for timeout in [Duration::ZERO, Duration::from_millis(5)] {
                let refused = shared.resume_with_timeout(Letter("c"), timeout);
                assert_eq!(refused, Err(TimedOut(Letter("c"))));
            }
            gate.let_in(|| Some(()));
            assert_eq!(caller.join().unwrap(), Some(Yielded(Letter("a"))));
        });
        gate.let_in(|| panic!("out of paper"));
        assert_eq!(message_of(|| shared.resume_with(Letter("d"))), "out of paper");
        assert_eq!(shared.try_resume_with(Letter("e")), Err(Poisoned(Letter("e"))));
        for timeout in [Duration::ZERO, Duration::MAX] {
            let refused = shared.resume_with_timeout(Letter("f"), timeout);
            assert_eq!(refused.unwrap_err().into_argument(), Letter("f"));
        }
        assert_eq!(WouldBlock(Letter("g")).to_string(), EXECUTING);
        assert_eq!(Reentrant(Letter("g")).to_string(), format!("{EXECUTING} on this thread"));
        assert_eq!(format!("{:?}", TimedOut(|| ())), "TimedOut(..)");
        assert_eq!(Poisoned(Letter("g")).to_string(), "the coroutine panicked earlier");
    });
}

#[test]
fn a_timeout_bounds_the_wait_for_the_lock_and_not_the_body() {
    limited(|| {
        let (gate, shared) = gated_echo();
        thread::scope(|scope| {
            let caller = scope.spawn(|| shared.resume_with_timeout(1, Duration::ZERO));
            gate.entered();
            let waiting = scope.spawn(|| shared.resume_with_timeout(2, Duration::MAX));
            settle();
            gate.let_in(|| Some(10));
            gate.let_in(|| None);
            assert_eq!(caller.join().unwrap(), Ok(Some(Yielded((1, 10)))));
            assert_eq!(waiting.join().unwrap(), Ok(Some(Complete(2))));
        });
        assert_eq!(shared.resume_with_timeout(3, Duration::ZERO), Ok(None));
    });
}

#[test]
fn a_body_that_resumes_itself_panics() {
    limited(|| {
        let actions: [fn(&Shared) -> u64; 3] = [
            |me| u64::from(me.resume_with(1).is_some()),
            |me| u64::from(me.lock().resume_with(1).is_some()),
            |me| {
                drop(me.lock());
                0
            },
        ];
        for action in actions {
            for (way, resume) in WAYS {
                let shared = reaching_itself(action);
                assert_eq!(message_of(|| resume(&shared, 1)), EXECUTING, "{way}");
                let earlier = format!("the coroutine panicked earlier: {EXECUTING}");
                assert_eq!(message_of(|| shared.resume_with(1)), earlier, "{way}");
                assert_eq!(together(2, |_| message_of(|| shared.lock())), [earlier.as_str(); 2], "{way}");
                assert_eq!(shared.try_resume_with(1), Err(Poisoned(1)), "{way}");
            }
        }
    });
}

#[test]
fn a_body_can_try_itself_inspect_itself_and_catch_its_re_entry() {
    limited(|| {
        let actions: [fn(&Shared) -> u64; 4] = [
            |me| me.try_resume_with(7).unwrap_err().into_argument(),
            |me| me.resume_with_timeout(7, Duration::MAX).unwrap_err().into_argument(),
            |me| if message_of(|| me.resume_with(1)) == EXECUTING { 7 } else { 0 },
            |me| {
                let executing = !me.is_finished() && !me.is_poisoned() && format!("{me:?}").contains("executing");
                if executing { 7 } else { 0 }
            },
        ];
        for action in actions {
            let shared = reaching_itself(action);
            for (way, resume) in WAYS {
                assert_eq!(resume(&shared, 1), Some(Yielded((1, 7))), "{way}");
            }
        }
    });
}

#[test]
fn debug_never_waits() {
    limited(|| {
        let (gate, shared) = gated_echo();
        assert!(format!("{shared:?}").contains("ready"));
        thread::scope(|scope| {
            let caller = scope.spawn(|| shared.resume_with(1));
            gate.entered();
            assert!(format!("{shared:?}").contains("executing"));
            assert!(!shared.is_finished() && !shared.is_poisoned());
            gate.let_in(|| None);
            assert_eq!(caller.join().unwrap(), Some(Complete(1)));
        });
        assert!(format!("{shared:?}").contains("finished"));
    });
}

#[test]
fn one_caller_gets_a_panic_and_all_others_panic_with_its_message() {
    limited(|| {
        for (way, resume) in WAYS {
            let (gate, shared) = gated_echo();
            thread::scope(|scope| {
                let shared = &shared;
                let first = scope.spawn(move || message_of(|| resume(shared, 1)));
                gate.entered();
                let waiting: Vec<_> = ways_without_an_error()
                    .map(|(_, resume)| scope.spawn(move || message_of(|| resume(shared, 2))))
                    .collect();
                let limited = scope.spawn(|| shared.resume_with_timeout(3, Duration::MAX));
                let only_locking = scope.spawn(|| message_of(|| shared.lock()));
                settle();
                // The gate gets one order only: if another thread reached the body, the test would hang.
                gate.let_in(|| panic!("out of paper"));
                assert_eq!(first.join().unwrap(), "out of paper", "{way}");
                for thread in waiting {
                    assert_eq!(thread.join().unwrap(), EARLIER, "{way}");
                }
                assert_eq!(limited.join().unwrap(), Err(Poisoned(3)), "{way}");
                assert_eq!(only_locking.join().unwrap(), EARLIER, "{way}");
            });
            for (later, resume) in ways_without_an_error() {
                assert_eq!(together(2, |_| message_of(|| resume(&shared, 4))), [EARLIER; 2], "{way}, then {later}");
            }
            assert_eq!(shared.try_resume_with(5), Err(Poisoned(5)));
            assert!(shared.is_poisoned() && !shared.is_finished());
            assert!(format!("{shared:?}").contains("poisoned"));
            // `close` does not turn a panic into a regular end, and dropping a poisoned coroutine does not panic.
            shared.close();
            assert_eq!(message_of(|| shared.resume_with(6)), EARLIER);
            drop(shared);
        }
    });
}

#[test]
fn close_does_not_wait_for_the_call_in_progress_which_still_delivers() {
    limited(|| {
        for (way, resume) in WAYS {
            let (gate, shared) = gated_echo();
            thread::scope(|scope| {
                let shared = &shared;
                let caller = scope.spawn(move || resume(shared, 1));
                gate.entered();
                let waiting = WAYS.map(|(other, resume)| (other, scope.spawn(move || resume(shared, 2))));
                settle();
                // The body blocks at the gate, which only this thread opens, further down.
                shared.close();
                shared.close();
                assert!(shared.is_finished());
                assert_eq!((shared.resume_with(3), shared.try_resume_with(3)), (None, Ok(None)), "{way}");
                gate.let_in(|| Some(10));
                assert_eq!(caller.join().unwrap(), Some(Yielded((1, 10))), "{way}");
                for (other, thread) in waiting {
                    assert_eq!(thread.join().unwrap(), None, "{way}, {other}");
                }
            });
            assert!(format!("{shared:?}").contains("closed"));
        }
    });
}

#[test]
fn a_call_in_progress_during_a_close_still_returns_the_end_or_panics() {
    limited(|| {
        let (gate, shared) = gated_echo();
        thread::scope(|scope| {
            let caller = scope.spawn(|| shared.resume_with(1));
            gate.entered();
            shared.close();
            gate.let_in(|| None);
            assert_eq!(caller.join().unwrap(), Some(Complete(1)));
        });
        let (gate, shared) = gated_echo();
        thread::scope(|scope| {
            let caller = scope.spawn(|| catch_unwind(AssertUnwindSafe(|| shared.resume_with(1))).is_err());
            gate.entered();
            shared.close();
            gate.let_in(|| panic!("out of paper"));
            assert!(caller.join().unwrap());
        });
        assert_eq!((shared.resume_with(2), shared.is_poisoned()), (None, false));
    });
}

#[test]
fn a_body_that_closes_its_coroutine_delivers_its_last_answer() {
    limited(|| {
        for (way, resume) in WAYS {
            let shared = reaching_itself(|me| {
                me.close();
                // After `close` the body can call its own coroutine: the call returns `None`, without a panic.
                u64::from(me.is_finished() && me.resume_with(1).is_none())
            });
            assert_eq!((resume(&shared, 5), resume(&shared, 6)), (Some(Yielded((5, 1))), None), "{way}");
        }
    });
}

#[test]
fn the_coroutine_is_dropped_when_close_races_with_any_call() {
    limited(|| {
        let start = Instant::now();
        // The time is bounded, so that a busy machine runs fewer rounds.
        for round in (0..2000).take_while(|_| start.elapsed() < Duration::from_secs(2)) {
            let (alive, shared) = echo(u64::MAX);
            together(3, |index| {
                let resume = WAYS[(round + index) % WAYS.len()].1;
                if index == 0 {
                    shared.close();
                } else {
                    while resume(&shared, 1).is_some() {}
                }
            });
            assert_finished(&alive, &shared);
        }
    });
}
