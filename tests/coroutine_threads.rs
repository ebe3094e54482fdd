//! Coroutines that threads share: whose answer is whose, and how all see the end, `close`, panics and re-entry.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::{Arc, Weak};
use std::thread;
use std::time::{Duration, Instant};

use support::{Gate, gated, limited, message_of, settle, together};
use threadsafe_gen::GeneratorState::{self, Complete, Yielded};
use threadsafe_gen::TryResumeError::{AlreadyExecuting, Poisoned};
use threadsafe_gen::{Coroutine, ThreadsafeCoroutine, coroutine};

const THREADS: [usize; 4] = [2, 4, 16, 64];
const EXECUTING: &str = "generator already executing";
const EARLIER: &str = "the coroutine panicked earlier: out of paper";

/// What the coroutines here take for the wish that they end.
const STOP: u64 = u64::MAX;

/// What was sent, and a number; at the end a number.
type Answer = GeneratorState<(u64, u64), u64>;

/// A coroutine of which only the types are known.
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

/// A way to send something and wait for the answer.
type Way = fn(&Shared, u64) -> Option<Answer>;

/// Every way to do so by a shared reference, with its name. Those that return errors panic with the error's text.
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
                Err(AlreadyExecuting(unsent)) => argument = unsent,
                Err(error @ Poisoned(_)) => panic!("{error}"),
            }
            thread::yield_now();
        }
    }),
];

/// The ways that can return no error.
fn ways_without_an_error() -> impl Iterator<Item = (&'static str, Way)> {
    WAYS.into_iter().take(2)
}

/// Answers with what it was sent and how much it was sent before, and is complete with the latter once that is `length`
/// or it is told to stop. And how to see whether it lives.
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

/// One whose exchanges wait at a gate to be told their numbers, or, by `None`, that it is complete with the argument.
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

/// One that does `action` with itself, and answers with what comes of it.
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
fn assert_over(alive: &Arc<()>, shared: &Shared) {
    assert_eq!(Arc::strong_count(alive), 1, "the coroutine should be gone");
    assert!(shared.is_finished() && !shared.is_poisoned());
    for (way, resume) in WAYS {
        assert_eq!(resume(shared, 1), None, "{way}");
    }
}

/// Sends `each` arguments, no two of them the same, from every thread, by `way(thread)`. Expects that each gets its own
/// answer, that the answers of a thread are in their order, and that nothing else was sent.
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
    assert_over(&alive, &shared);
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
fn exactly_one_of_many_threads_is_told_that_it_is_complete() {
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
                let (complete, over): (Vec<_>, Vec<_>) =
                    ends.into_iter().map(|(_, end)| end).partition(Option::is_some);
                assert_eq!((complete, over.len()), (vec![Some(Complete(1000))], threads - 1), "{threads}, {way}");
                assert_over(&alive, &shared);
            }
        }
    });
}

#[test]
fn nobody_comes_in_between_the_exchanges_of_a_conversation() {
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
                let Some(Yielded((_, first))) = conversation.resume_with(index) else { panic!("it has no end") };
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
fn a_held_conversation_keeps_the_others_waiting() {
    limited(|| {
        let (_, shared) = echo(u64::MAX);
        let mut conversation = shared.lock();
        thread::scope(|scope| {
            let shared = &shared;
            let waiting = WAYS.map(|(_, resume)| scope.spawn(move || resume(shared, 7)));
            settle();
            let refused =
                scope.spawn(|| (shared.try_resume_with(8), shared.resume_with_timeout(9, Duration::from_millis(1))));
            assert_eq!(refused.join().unwrap(), (Err(AlreadyExecuting(8)), Err(AlreadyExecuting(9))));
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

/// Of which there is only the one, as with most things that one would want back.
#[derive(Debug, PartialEq)]
struct Letter(&'static str);

#[test]
fn what_could_not_be_sent_comes_back() {
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
            let inside = scope.spawn(|| shared.resume_with(Letter("a")));
            gate.entered();
            assert_eq!(shared.try_resume_with(Letter("b")), Err(AlreadyExecuting(Letter("b"))));
            for timeout in [Duration::ZERO, Duration::from_millis(5)] {
                let refused = shared.resume_with_timeout(Letter("c"), timeout);
                assert_eq!(refused.unwrap_err().into_inner(), Letter("c"));
            }
            gate.let_in(|| Some(()));
            assert_eq!(inside.join().unwrap(), Some(Yielded(Letter("a"))));
        });
        gate.let_in(|| panic!("out of paper"));
        assert_eq!(message_of(|| shared.resume_with(Letter("d"))), "out of paper");
        assert_eq!(shared.try_resume_with(Letter("e")), Err(Poisoned(Letter("e"))));
        for timeout in [Duration::ZERO, Duration::MAX] {
            let refused = shared.resume_with_timeout(Letter("f"), timeout);
            assert_eq!(refused.unwrap_err().into_inner(), Letter("f"));
        }
        assert_eq!(AlreadyExecuting(Letter("g")).to_string(), EXECUTING);
        assert_eq!(Poisoned(Letter("g")).to_string(), "the coroutine panicked earlier");
    });
}

#[test]
fn a_limit_on_the_wait_is_none_on_the_coroutine() {
    limited(|| {
        let (gate, shared) = gated_echo();
        thread::scope(|scope| {
            let inside = scope.spawn(|| shared.resume_with_timeout(1, Duration::ZERO));
            gate.entered();
            let waiting = scope.spawn(|| shared.resume_with_timeout(2, Duration::MAX));
            settle();
            gate.let_in(|| Some(10));
            gate.let_in(|| None);
            assert_eq!(inside.join().unwrap(), Ok(Some(Yielded((1, 10)))));
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
fn a_body_that_only_tries_looks_or_catches_is_told_and_goes_on() {
    limited(|| {
        let actions: [fn(&Shared) -> u64; 4] = [
            |me| me.try_resume_with(7).unwrap_err().into_inner(),
            |me| me.resume_with_timeout(7, Duration::MAX).unwrap_err().into_inner(),
            |me| if message_of(|| me.resume_with(1)) == EXECUTING { 7 } else { 0 },
            |me| {
                let looks = !me.is_finished() && !me.is_poisoned() && format!("{me:?}").contains("executing");
                if looks { 7 } else { 0 }
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
            let inside = scope.spawn(|| shared.resume_with(1));
            gate.entered();
            assert!(format!("{shared:?}").contains("executing"));
            assert!(!shared.is_finished() && !shared.is_poisoned());
            gate.let_in(|| None);
            assert_eq!(inside.join().unwrap(), Some(Complete(1)));
        });
        assert!(format!("{shared:?}").contains("finished"));
    });
}

#[test]
fn a_panic_goes_to_its_caller_and_its_message_to_everybody_else() {
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
                // One order only: nobody else shall reach the body.
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
            // Closing what has panicked does not make a proper end of it, and dropping it is quiet.
            shared.close();
            assert_eq!(message_of(|| shared.resume_with(6)), EARLIER);
            drop(shared);
        }
    });
}

#[test]
fn close_does_not_wait_for_the_call_in_progress_which_delivers() {
    limited(|| {
        for (way, resume) in WAYS {
            let (gate, shared) = gated_echo();
            thread::scope(|scope| {
                let shared = &shared;
                let inside = scope.spawn(move || resume(shared, 1));
                gate.entered();
                let waiting = WAYS.map(|(other, resume)| (other, scope.spawn(move || resume(shared, 2))));
                settle();
                // The body stands at the gate, which nobody but this thread opens, and that only later.
                shared.close();
                shared.close();
                assert!(shared.is_finished());
                assert_eq!((shared.resume_with(3), shared.try_resume_with(3)), (None, Ok(None)), "{way}");
                gate.let_in(|| Some(10));
                assert_eq!(inside.join().unwrap(), Some(Yielded((1, 10))), "{way}");
                for (other, thread) in waiting {
                    assert_eq!(thread.join().unwrap(), None, "{way}, {other}");
                }
            });
            assert!(format!("{shared:?}").contains("closed"));
        }
    });
}

#[test]
fn a_call_that_ends_after_a_close_still_says_how() {
    limited(|| {
        let (gate, shared) = gated_echo();
        thread::scope(|scope| {
            let inside = scope.spawn(|| shared.resume_with(1));
            gate.entered();
            shared.close();
            gate.let_in(|| None);
            assert_eq!(inside.join().unwrap(), Some(Complete(1)));
        });
        let (gate, shared) = gated_echo();
        thread::scope(|scope| {
            let inside = scope.spawn(|| catch_unwind(AssertUnwindSafe(|| shared.resume_with(1))).is_err());
            gate.entered();
            shared.close();
            gate.let_in(|| panic!("out of paper"));
            assert!(inside.join().unwrap());
        });
        assert_eq!((shared.resume_with(2), shared.is_poisoned()), (None, false));
    });
}

#[test]
fn a_body_that_closes_itself_delivers_its_last_answer() {
    limited(|| {
        for (way, resume) in WAYS {
            let shared = reaching_itself(|me| {
                me.close();
                // What is closed is over for the body too, and that is nothing to panic about.
                u64::from(me.is_finished() && me.resume_with(1).is_none())
            });
            assert_eq!((resume(&shared, 5), resume(&shared, 6)), (Some(Yielded((5, 1))), None), "{way}");
        }
    });
}

#[test]
fn no_coroutine_is_forgotten_when_close_races_with_any_call() {
    limited(|| {
        let start = Instant::now();
        // On a machine with other things to do it makes do with fewer rounds.
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
            assert_over(&alive, &shared);
        }
    });
}
