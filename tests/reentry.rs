//! Re-entry: a source that calls its own iterator, or a thread that already holds the lock, gets an error and never
//! hangs.

use std::fmt::Write as _;
use std::iter;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::mpsc::{self, Sender};
use std::sync::{Arc, OnceLock, Weak};
use std::time::Duration;

use support::{Order, PULLS, Source, limited, message_of, together};
use threadsafe_gen::{ThreadsafeExt, ThreadsafeIter, TryNextError, generator};

type Shared = ThreadsafeIter<Source>;

const EXECUTING: &str = "generator already executing";
const EARLIER: &str = "the iterator panicked earlier: generator already executing";

/// A function that a source calls with its own iterator.
type Action = fn(&Shared) -> u64;

/// Creates a source that calls the action for each of its items.
type MakeSource = fn(Weak<Shared>, Action) -> Source;

/// Sources of every kind whose items are the results of `item`, called with the source's own iterator.
const SELF_REACHING: [(&str, MakeSource); 2] = [
    ("iterator", |me, item| Box::new(iter::from_fn(move || Some(item(&*me.upgrade()?))))),
    ("generator", |me, item| {
        Box::new(generator(async move |co| {
            while let Some(item) = me.upgrade().map(|me| item(&me)) {
                co.yield_(item).await;
            }
        }))
    }),
];

/// Calls `check` with each kind of source, whose items come from `item`.
fn for_each_source(item: Action, check: impl Fn(&str, &Shared)) {
    for (kind, source) in SELF_REACHING {
        check(kind, &Arc::new_cyclic(|me| source(Weak::clone(me), item).threadsafe()));
    }
}

/// The methods that panic at re-entry, because they cannot return an error.
const PANICKING: [(&str, Action); 6] = [
    ("next", |me| me.next().unwrap()),
    ("next_indexed", |me| me.next_indexed().unwrap().1),
    ("iter", |me| me.iter().map(|n| n + 1).sum()),
    ("for", |me| {
        let mut sum = 0;
        for n in me {
            sum += n;
        }
        sum
    }),
    ("lock", |me| me.lock().next().unwrap()),
    ("lock alone", |me| {
        drop(me.lock());
        1
    }),
];

#[test]
fn a_body_that_takes_an_item_from_its_own_iterator_panics() {
    limited(|| {
        for (way, item) in PANICKING {
            for_each_source(item, |kind, shared| {
                assert_eq!(message_of(|| shared.next()), EXECUTING, "{kind}, {way}");
                assert_eq!(message_of(|| shared.next()), EARLIER, "{kind}, {way}");
                assert_eq!(together(2, |_| message_of(|| shared.next())), [EARLIER; 2], "{kind}, {way}");
                assert_eq!(shared.try_next(), Err(TryNextError::Poisoned), "{kind}, {way}");
            });
        }
    });
}

#[test]
fn re_entry_panics_whichever_method_runs_the_body() {
    limited(|| {
        for (way, pull) in PULLS {
            for_each_source(PANICKING[0].1, |kind, shared| {
                assert_eq!(message_of(|| pull(shared)), EXECUTING, "{kind}, {way}");
                assert_eq!(message_of(|| shared.next()), EARLIER, "{kind}, {way}");
            });
        }
    });
}

#[test]
fn try_next_and_next_timeout_return_an_error_at_re_entry() {
    fn refused(result: Result<Option<u64>, TryNextError>) -> u64 {
        assert_eq!(result, Err(TryNextError::Reentrant));
        1
    }
    limited(|| {
        let tries: [Action; 3] = [
            |me| refused(me.try_next()),
            |me| refused(me.next_timeout(Duration::ZERO)),
            // The error is returned at once, whatever the time limit is.
            |me| refused(me.next_timeout(Duration::MAX)),
        ];
        for item in tries {
            for_each_source(item, |kind, shared| {
                for (way, pull) in PULLS {
                    assert_eq!(pull(shared), Some(1), "{kind}, {way}");
                }
            });
        }
        for error in [TryNextError::WouldBlock, TryNextError::TimedOut, TryNextError::Reentrant] {
            assert!(error.to_string().starts_with("generator "), "{error}");
        }
        assert_eq!(TryNextError::WouldBlock.to_string(), EXECUTING);
        assert_eq!(TryNextError::Reentrant.to_string(), format!("{EXECUTING} on this thread"));
        assert_eq!(TryNextError::Poisoned.to_string(), "the iterator panicked earlier");
    });
}

#[test]
fn a_body_can_catch_the_panic_of_its_re_entry() {
    limited(|| {
        for_each_source(
            |me| message_of(|| me.next()).len() as u64,
            |kind, shared| {
                assert_eq!(shared.next(), Some(EXECUTING.len() as u64), "{kind}");
                assert_eq!(shared.next_indexed(), Some((1, EXECUTING.len() as u64)), "{kind}");
                assert!(!shared.is_poisoned());
            },
        );
    });
}

#[test]
fn a_body_can_inspect_and_close_its_own_iterator() {
    fn inspect(me: &Shared) -> u64 {
        let mut text = String::new();
        write!(text, "{me:?}").unwrap();
        assert!(text.contains("executing"), "{text}");
        assert_eq!((me.size_hint(), me.iter().size_hint()), ((0, None), (0, None)));
        assert_eq!(Iterator::size_hint(&me), (0, None));
        assert!(!me.is_finished() && !me.is_poisoned());
        3
    }
    limited(|| {
        for (way, pull) in PULLS {
            for_each_source(inspect, |kind, shared| {
                assert_eq!((pull(shared), pull(shared)), (Some(3), Some(3)), "{kind}, {way}");
            });
            for_each_source(
                |me| {
                    me.close();
                    me.close();
                    // After `close` the body can call its own iterator: the call returns `None`, without a panic.
                    assert_eq!((me.next(), me.try_next(), me.is_finished()), (None, Ok(None), true));
                    4
                },
                |kind, shared| assert_eq!((pull(shared), pull(shared)), (Some(4), None), "{kind}, {way}"),
            );
        }
    });
}

#[test]
fn a_call_on_a_thread_that_holds_the_lock_is_an_error() {
    limited(|| {
        let shared = (Box::new(0_u64..) as Source).threadsafe();
        let mut guard = shared.lock();
        for (way, item) in PANICKING {
            assert_eq!(message_of(|| item(&shared)), EXECUTING, "{way}");
        }
        assert_eq!(shared.try_next(), Err(TryNextError::Reentrant));
        assert_eq!(shared.next_timeout(Duration::MAX), Err(TryNextError::Reentrant));
        assert_eq!(shared.size_hint(), (0, None));
        assert!(format!("{shared:?} {guard:?}").contains("executing"));
        // An error of the caller does not poison the iterator.
        assert!(!shared.is_poisoned());
        assert_eq!(guard.next(), Some(0));
        drop(guard);
        assert_eq!(shared.next(), Some(1));
    });
}

#[test]
fn a_guard_of_another_iterator_is_not_re_entry() {
    let (left, right) = ((0..).threadsafe(), (10..).threadsafe());
    let pairs: Vec<_> = left.lock().zip(right.lock()).map(|pair| (pair, left.try_next())).take(2).collect();
    let refused = Err(TryNextError::Reentrant);
    assert_eq!(pairs, [((0, 10), refused), ((1, 11), refused)]);
}

#[test]
fn two_iterators_that_call_each_other_panic() {
    static PAIR: [OnceLock<Shared>; 2] = [OnceLock::new(), OnceLock::new()];

    fn calling(other: usize) -> Shared {
        (Box::new(iter::from_fn(move || PAIR[other].get()?.next())) as Source).threadsafe()
    }
    limited(|| {
        let [left, right] = [0, 1].map(|index| PAIR[index].get_or_init(|| calling(1 - index)));
        assert_eq!(message_of(|| left.next()), EXECUTING);
        for shared in [left, right] {
            assert_eq!(message_of(|| shared.next()), EARLIER);
        }
    });
}

/// A source whose destructor calls `action` with its own iterator, and reports the result or the panic.
struct Parting {
    me: Weak<Shared>,
    action: Action,
    report: Sender<Result<u64, String>>,
    next: Order<u64>,
}

impl Iterator for Parting {
    type Item = u64;

    fn next(&mut self) -> Option<u64> {
        (self.next)()
    }
}

impl Drop for Parting {
    fn drop(&mut self) {
        let me = self.me.upgrade().expect("the iterator outlives its source in these tests");
        let result = catch_unwind(AssertUnwindSafe(|| (self.action)(&me)));
        self.report.send(result.map_err(|payload| message_of(|| resume_unwind(payload)))).unwrap();
    }
}

/// A way for an iterator to drop its source.
struct Ending {
    name: &'static str,
    next: Order<u64>,
    end: fn(&Shared),
    /// Whether the lock is free when the destructor runs. If it is not, `lock` panics in the destructor, but does not
    /// hang.
    free: bool,
}

#[test]
fn the_destructor_of_a_source_can_use_the_iterator() {
    let endings = [
        Ending { name: "end", next: || None, end: |me| assert_eq!(me.next(), None), free: false },
        Ending { name: "guard's end", next: || None, end: |me| assert_eq!(me.lock().next(), None), free: false },
        Ending { name: "close", next: || Some(1), end: ThreadsafeIter::close, free: true },
        Ending {
            name: "close while a guard is held",
            next: || Some(1),
            end: |me| {
                let guard = me.lock();
                me.close();
                drop(guard);
            },
            free: true,
        },
        Ending {
            name: "panic",
            next: || panic!("out of paper"),
            end: |me| assert_eq!(message_of(|| me.next()), "out of paper"),
            free: false,
        },
    ];
    // The value 0 stands for `None`.
    let items: [Action; 4] = [
        |me| me.next().unwrap_or_default(),
        |me| me.next_indexed().unwrap_or_default().1,
        |me| me.iter().sum(),
        |me| me.try_next().unwrap_or_else(|error| panic!("{error}")).unwrap_or_default(),
    ];
    let inspections: [Action; 3] = [
        |me| {
            me.close();
            u64::from(!me.is_finished() && !me.is_poisoned())
        },
        |me| me.size_hint().0 as u64,
        |me| u64::from(format!("{me:?}").contains("ready")),
    ];
    let lock: Action = |me| me.lock().next().unwrap_or_default();

    limited(move || {
        for Ending { name, next, end, free } in endings {
            let outcome_of = |action| {
                let (report, reports) = mpsc::channel();
                let shared = Arc::new_cyclic(|me| {
                    let source = Parting { me: Weak::clone(me), action, report, next };
                    (Box::new(source) as Source).threadsafe()
                });
                end(&shared);
                assert_eq!(shared.is_poisoned(), name == "panic", "{name}");
                reports.try_recv().expect("the source should be dropped at once")
            };
            for action in items {
                match outcome_of(action) {
                    Ok(item) => assert_eq!((item, name == "panic"), (0, false), "{name}"),
                    Err(message) => assert!(
                        name == "panic" && message.starts_with("the iterator panicked earlier"),
                        "{name}: {message}"
                    ),
                }
            }
            for action in inspections {
                assert_eq!(outcome_of(action), Ok(0), "{name}");
            }
            assert!(outcome_of(lock) == Ok(0) || !free, "{name}");
        }
    });
}
