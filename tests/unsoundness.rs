//! Attacks on the `Send` of generators and yielders that compile, and their outcome. The attacks that do not compile
//! are `tests/ui/unsoundness-*.rs`; those with replies and streams are in `unsoundness_async.rs`.
//!
//! In each attack only one thread at a time may access a body's slot, and every item must have one owner. Assertions
//! detect an item that is lost or dropped twice; the sanitizers detect the rest.

use std::cell::RefCell;
use std::future::{Ready, ready};
use std::mem;
use std::ops::RangeFrom;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::ptr;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::mpsc::{self, Sender};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};
use std::task::{Context, Poll, Waker};
use std::thread::{self, ThreadId};

use support::{Source, limited, message_of, together};
use threadsafe_gen::__private::{generator_by_value, suspend};
use threadsafe_gen::{Generator, IterGuard, ThreadsafeExt, ThreadsafeIter, TryNextError, Yielder, generator};

const NOT_AWAITED: &str = "an item was yielded and not awaited: write `.yield_(item).await`";
const SOMETHING_ELSE: &str = "a generator awaited something other than a yield, which nothing would ever wake: await \
    each yield by itself, not inside a combinator that waits for wake-ups, such as `FuturesUnordered`";

type Shared = ThreadsafeIter<Source>;

/// A heap value that reports its drop and the thread that drops it.
struct Tracked(Box<u32>, Sender<(u32, ThreadId)>);

impl Drop for Tracked {
    fn drop(&mut self) {
        // The receiver may have been dropped by then.
        let _ = self.1.send((*self.0, thread::current().id()));
    }
}

#[test]
fn unsoundness_threads_with_a_yielder_behind_a_lock() {
    // A mutex makes the `Send` yielder `Sync`. The threads use it one at a time, and end before the body suspends.
    limited(|| {
        let items = generator(async |co| {
            let place = Mutex::new(co);
            together(4, |thread| {
                for n in 0..100 {
                    drop(place.lock().unwrap().yield_(Box::new(thread * 100 + n)));
                }
            });
            place.into_inner().unwrap().yield_(Box::new(400)).await;
        });
        let items = items.threadsafe();
        // A yield needs no `await` until the chunk is full.
        let mut chunk = items.chunks(401).next().unwrap();
        chunk.sort_unstable();
        assert!(chunk.into_iter().map(|n| *n).eq(0..=400));
        assert_eq!(items.next(), None);
    });
}

#[test]
fn unsoundness_a_thread_that_panics_while_it_holds_the_yielder() {
    // The scope waits for the thread that unwinds before it panics itself. The body can catch that panic and continue.
    limited(|| {
        let mut items = generator(async |co| {
            let mut place = Mutex::new(co);
            for n in 0_u32.. {
                let work = || {
                    let _co = place.lock().unwrap_or_else(PoisonError::into_inner);
                    panic!("with the yielder in hand");
                };
                assert_eq!(message_of(|| thread::scope(|s| drop(s.spawn(work)))), "a scoped thread panicked");
                place.get_mut().unwrap_or_else(PoisonError::into_inner).yield_(Box::new(n)).await;
            }
        });
        assert!(items.by_ref().take(3).map(|n| *n).eq([0, 1, 2]));
    });
}

#[test]
fn unsoundness_an_inner_generator_takes_the_outer_yielder_to_a_thread() {
    // On that thread the inner body can put an item into the outer slot, which no other thread accesses meanwhile, but
    // it cannot suspend the outer body.
    limited(|| {
        let mut outer = generator(async |outer| {
            let mut inner = generator(async |_: &mut Yielder<'_, ()>| outer.yield_(Box::new(1)).await);
            let message = thread::scope(|s| s.spawn(|| message_of(|| inner.next())).join());
            assert_eq!(message.unwrap(), SOMETHING_ELSE);
            drop(inner);
            outer.yield_(Box::new(2)).await;
        });
        assert_eq!(message_of(|| outer.next()), NOT_AWAITED);
    });
}

#[test]
fn unsoundness_a_future_of_a_yield_polled_on_a_thread() {
    // At the second poll the future claims that the body was suspended. The item is still in the slot, which is
    // detected.
    limited(|| {
        let mut items = generator(async |co| {
            let mut yielded = pin!(co.yield_(Box::new(1)));
            thread::scope(|s| {
                s.spawn(|| {
                    let mut cx = Context::from_waker(Waker::noop());
                    assert_eq!(yielded.as_mut().poll(&mut cx), Poll::Pending);
                    assert_eq!(yielded.as_mut().poll(&mut cx), Poll::Ready(()));
                });
            });
        });
        assert_eq!(message_of(|| items.next()), NOT_AWAITED);
    });
}

/// A yielder of any body: the trait object's type does not contain the yielder's lifetime.
trait Out: Send {
    fn put(&mut self, item: Box<u32>);
}

impl Out for Yielder<'_, Box<u32>> {
    fn put(&mut self, item: Box<u32>) {
        drop(self.yield_(item));
    }
}

#[test]
fn unsoundness_a_yielder_whose_type_is_erased() {
    // A trait object hides the lifetime that distinguishes two yielders. It also hides the size, so that they cannot be
    // swapped.
    limited(|| {
        let mut outer = generator(async |outer| {
            let place: Mutex<&mut dyn Out> = Mutex::new(outer);
            let inner = generator(async |inner| {
                inner.yield_(Box::new(1)).await;
                let erased: &mut dyn Out = inner;
                place.lock().unwrap().put(Box::new(2));
                erased.put(Box::new(3));
            });
            let inner = inner.threadsafe();
            // The second call runs the body to its end and finds a yield that was not awaited.
            let outcomes = together(2, |_| catch_unwind(AssertUnwindSafe(|| inner.next())).ok());
            assert!(outcomes.contains(&Some(Some(Box::new(1)))) && outcomes.contains(&None));
            drop(inner);
            place.into_inner().unwrap().put(Box::new(4));
        });
        assert_eq!(message_of(|| outer.next()), NOT_AWAITED);
    });
}

#[test]
fn unsoundness_one_body_of_several_generators() {
    async fn by_name(co: &mut Yielder<'_, Box<usize>>) {
        for n in 0..100 {
            co.yield_(Box::new(n)).await;
        }
    }

    // Generators made from one closure run at the same time. They share what the closure captured, but no yielder.
    limited(|| {
        let runs = AtomicUsize::new(0);
        let body = async |co: &mut Yielder<'_, Box<usize>>| {
            if runs.fetch_add(1, Relaxed) < 2 {
                co.yield_from(generator(&by_name)).await;
            }
            by_name(co).await;
        };
        let sums = together(2, |_| generator(body).chain(generator(by_name)).map(|n| *n).sum::<usize>());
        assert_eq!(sums, [3 * 4950, 3 * 4950]);
    });
}

#[test]
fn unsoundness_a_body_that_is_not_an_async_function() {
    /// Returns a future that does not borrow the yielder.
    fn early(co: &mut Yielder<'_, Box<u32>>) -> Ready<()> {
        drop(co.yield_(Box::new(1)));
        ready(())
    }

    // Function pointers and closures without `async` are bodies as well. An item that they leave in the slot is
    // detected.
    let body: for<'a, 'id> fn(&'a mut Yielder<'id, Box<u32>>) -> Ready<()> = early;
    let messages = together(2, |_| message_of(|| generator(body).next()));
    assert_eq!(messages, [NOT_AWAITED, NOT_AWAITED]);
    let mut items = generator(|co: &mut Yielder<'_, Box<u32>>| early(co));
    assert_eq!(message_of(|| items.next()), NOT_AWAITED);
    assert!(message_of(|| items.next()).contains("resumed after completion"));
}

#[test]
fn unsoundness_generators_that_are_swapped_and_moved_between_items() {
    // A generator moves together with its slot. Its body stays pinned on the heap, with the borrow that it holds.
    limited(|| {
        let letters = |word: &'static str| {
            generator(async move |co| {
                let word = word.to_owned();
                for letter in word.split("") {
                    co.yield_(letter.to_owned()).await;
                }
            })
        };
        let (mut one, mut other) = (letters("abc"), letters("xyz"));
        assert_eq!((one.next(), other.next()), (Some(String::new()), Some(String::new())));
        mem::swap(&mut one, &mut other);
        let mut all = vec![one, other];
        all.reserve(100);
        Pin::new(&mut all[0]).set(letters("."));
        let rest: Vec<String> =
            thread::scope(|s| all.into_iter().map(|items| s.spawn(|| items.collect()).join().unwrap()).collect());
        assert_eq!(rest, [".", "abc"]);
    });
}

#[test]
fn unsoundness_a_body_created_run_and_dropped_on_different_threads() {
    // The body's locals and the item in the slot, if any, are dropped once, on a thread that created none of them.
    limited(|| {
        let (dropped, drops) = mpsc::channel();
        let local = dropped.clone();
        let mut items = generator(async move |co| {
            let local = Tracked(Box::new(0), local);
            for n in 1_u32.. {
                let held = Tracked(Box::new(10 * n), local.1.clone());
                let reference = &*held.0;
                co.yield_(Tracked(Box::new(n), local.1.clone())).await;
                assert_eq!(*reference, 10 * n);
            }
        });
        for n in 1..=3 {
            let item;
            (item, items) = thread::spawn(move || (items.next(), items)).join().unwrap();
            assert_eq!(*item.unwrap().0, n);
        }
        while drops.try_recv().is_ok() {}
        let last = thread::spawn(move || drop(items));
        let id = last.thread().id();
        last.join().unwrap();
        drop(dropped);
        assert_eq!(drops.iter().collect::<Vec<_>>(), [(30, id), (0, id)]);
    });
}

/// A local that yields an item when it is dropped.
struct Parting<'a, 'id>(&'a mut Yielder<'id, Tracked>, Sender<(u32, ThreadId)>);

impl Drop for Parting<'_, '_> {
    fn drop(&mut self) {
        drop(self.0.yield_(Tracked(Box::new(99), self.1.clone())));
    }
}

#[test]
fn unsoundness_a_local_that_yields_when_it_is_dropped() {
    // The slot outlives the body's locals. An item that they leave in it is dropped with the generator, once.
    limited(|| {
        let parting = || {
            let (dropped, drops) = mpsc::channel();
            let items = generator(async move |co| {
                let Parting(co, dropped) = &mut Parting(co, dropped);
                co.yield_(Tracked(Box::new(1), dropped.clone())).await;
                panic!("out of paper");
            });
            (items, drops)
        };
        let (mut items, drops) = parting();
        assert_eq!(*items.next().unwrap().0, 1);
        thread::spawn(|| drop(items)).join().unwrap();
        assert_eq!(drops.iter().map(|(n, _)| n).collect::<Vec<_>>(), [1, 99]);

        // In a chunk that a panic ends early, the item is not lost: it is the last one.
        let (items, drops) = parting();
        let items = items.threadsafe();
        assert_eq!(items.chunks(8).next().unwrap().iter().map(|item| *item.0).collect::<Vec<_>>(), [1, 99]);
        assert_eq!(items.try_next().err(), Some(TryNextError::Poisoned));
        assert_eq!(drops.iter().map(|(n, _)| n).collect::<Vec<_>>(), [1, 99]);
    });
}

/// A local that yields an item and panics when it is dropped.
struct LoudParting<'id>(Yielder<'id, Tracked>, Sender<(u32, ThreadId)>);

impl Drop for LoudParting<'_> {
    fn drop(&mut self) {
        drop(self.0.yield_(Tracked(Box::new(99), self.1.clone())));
        panic!("bad destructor");
    }
}

#[test]
fn unsoundness_a_local_that_panics_when_the_generator_is_dropped() {
    // The frame is freed nevertheless, after all locals, and with it the item that the destructor has yielded.
    limited(|| {
        let (dropped, drops) = mpsc::channel();
        let mut items = generator_by_value(async move |co: Yielder<'_, Tracked>| {
            let _first = Tracked(Box::new(0), dropped.clone());
            let mut local = LoudParting(co, dropped);
            local.0.yield_(Tracked(Box::new(1), local.1.clone())).await;
        });
        assert_eq!(*items.next().unwrap().0, 1);
        thread::spawn(move || assert_eq!(message_of(|| drop(items)), "bad destructor")).join().unwrap();
        assert_eq!(drops.iter().map(|(n, _)| n).collect::<Vec<_>>(), [1, 0, 99]);
    });
}

#[test]
fn unsoundness_leaks() {
    // The destructor of a forgotten value does not run. A forgotten yield is detected, and forgetting an inner
    // generator ends its borrow of the outer yielder.
    let mut one = generator(async |co| {
        mem::forget(co.yield_(Box::new(1)));
        co.yield_(Box::new(2)).await;
    });
    assert_eq!(message_of(|| one.next()), NOT_AWAITED);

    let mut outer = generator(async |outer| {
        let mut inner = generator(async |inner| {
            inner.yield_(()).await;
            outer.yield_(Box::new(1)).await;
        });
        assert_eq!(inner.next(), Some(()));
        mem::forget(inner);
        outer.yield_(Box::new(2)).await;
    });
    assert_eq!(outer.next(), Some(Box::new(2)));
    mem::forget(outer);
}

#[test]
fn unsoundness_items_that_own_the_generator_of_the_next_item() {
    /// A number, and the generator of the next one.
    struct Numbers(u32, Box<dyn Iterator<Item = Numbers> + Send>);

    fn from(n: u32) -> Box<dyn Iterator<Item = Numbers> + Send> {
        Box::new(generator(async move |co| co.yield_(Numbers(n, from(n + 1))).await))
    }

    // Each generator runs on a new thread, which also drops the generator before it.
    limited(|| {
        let mut numbers = from(0);
        for n in 0..10 {
            let next = thread::spawn(move || numbers.next()).join().unwrap().unwrap();
            assert_eq!(next.0, n);
            numbers = next.1;
        }
    });
}

/// An item whose destructor takes an item from its iterator, reports the outcome, and panics if the flag is set.
struct Asking(Weak<ThreadsafeIter<Box<dyn Iterator<Item = Asking> + Send>>>, Sender<String>, bool);

impl Drop for Asking {
    fn drop(&mut self) {
        let outcome = self.0.upgrade().map(|me| match me.try_next() {
            Ok(item) => {
                mem::forget(item);
                "an item".to_owned()
            }
            Err(error) => error.to_string(),
        });
        let _ = self.1.send(outcome.unwrap_or_default());
        assert!(!self.2 || thread::panicking(), "bad item destructor");
    }
}

#[test]
fn unsoundness_destructors_of_items_that_re_enter_and_panic() {
    // An item that the body drops finds the lock held; an item that a caller drops finds it free. If the destructor
    // panics inside the body, the body has panicked.
    limited(|| {
        let (report, reports) = mpsc::channel();
        let shared = Arc::new_cyclic(|me| {
            let me: Weak<ThreadsafeIter<_>> = Weak::clone(me);
            let source: Box<dyn Iterator<Item = Asking> + Send> = Box::new(generator(async move |co| {
                let item = |panics| Asking(Weak::clone(&me), report.clone(), panics);
                drop(item(false));
                co.yield_(item(false)).await;
                co.yield_(item(false)).await;
                drop(item(true));
                co.yield_(item(false)).await;
            }));
            source.threadsafe()
        });
        drop(shared.next());
        assert_eq!(reports.try_iter().collect::<Vec<_>>(), ["generator already executing on this thread", "an item"]);
        assert_eq!(message_of(|| shared.next()), "bad item destructor");
        assert_eq!(reports.try_iter().collect::<Vec<_>>(), ["generator already executing on this thread"]);
    });
}

#[test]
fn unsoundness_an_item_in_the_slot_that_panics_when_it_is_dropped() {
    // The second yield drops the item of the first, which panics before the yield would. Each item is dropped once.
    limited(|| {
        let (report, reports) = mpsc::channel();
        let mut items = generator(async move |co| {
            let item = |panics| Asking(Weak::new(), report.clone(), panics);
            drop(co.yield_(item(true)));
            co.yield_(item(false)).await;
        });
        assert_eq!(message_of(|| items.next()), "bad item destructor");
        drop(items);
        assert_eq!(reports.iter().count(), 2);
    });
}

thread_local!(static TAKEN_HERE: RefCell<Vec<u64>> = const { RefCell::new(Vec::new()) });

#[test]
fn unsoundness_a_body_that_uses_thread_locals() {
    // The body uses the thread-locals of the thread that calls `next`, whichever thread called before. No reference
    // into a thread-local can be held across a yield: `with` takes a closure, which cannot yield.
    limited(|| {
        let items = generator(async |co| {
            for n in 1.. {
                let taken_here = TAKEN_HERE.with_borrow_mut(|taken| {
                    taken.push(n);
                    taken.clone()
                });
                co.yield_((taken_here, thread::current().id())).await;
            }
        });
        let items = items.threadsafe();
        together(4, |_| {
            for n in 1..=1000 {
                let (taken, thread) = items.next().unwrap();
                assert_eq!((taken.len(), thread), (n, thread::current().id()));
                TAKEN_HERE.with_borrow(|taken_here| assert_eq!(*taken_here, taken));
            }
        });
    });
}

thread_local!(static GUARD: RefCell<Option<IterGuard<'static, RangeFrom<u64>>>> = const { RefCell::new(None) });

#[test]
fn unsoundness_guards_that_outlive_their_threads_function() {
    static DROPPED_LATE: ThreadsafeIter<RangeFrom<u64>> = ThreadsafeIter::new(0..);
    static FORGOTTEN: ThreadsafeIter<RangeFrom<u64>> = ThreadsafeIter::new(0..);

    // A guard in a thread-local is dropped after the thread's function has returned, while the thread id is still
    // valid.
    limited(|| {
        thread::spawn(|| GUARD.set(Some(DROPPED_LATE.lock()))).join().unwrap();
        assert_eq!(DROPPED_LATE.next(), Some(0));

        // A forgotten guard leaves its thread id behind, which a new thread may get. That thread gets the same error as
        // all others.
        thread::spawn(|| mem::forget(FORGOTTEN.lock())).join().unwrap();
        for _ in 0..20 {
            let result = thread::spawn(|| FORGOTTEN.try_next()).join().unwrap();
            assert!(matches!(result, Err(TryNextError::WouldBlock | TryNextError::Reentrant)), "{result:?}");
        }
    });
}

#[test]
fn unsoundness_a_body_that_drops_or_replaces_its_own_generator() {
    static PLACE: Mutex<Option<Source>> = Mutex::new(None);
    static SHARED: OnceLock<Shared> = OnceLock::new();

    // The caller that runs a body holds a `&mut` to its generator, so the body cannot get one. `close` leaves the drop
    // to the caller that is executing the body.
    limited(|| {
        let body = async |co: &mut Yielder<'_, u64>| {
            assert!(PLACE.try_lock().is_err());
            SHARED.get().unwrap().close();
            co.yield_(1).await;
        };
        *PLACE.lock().unwrap() = Some(Box::new(generator(body)));
        SHARED.set((Box::new(generator(body)) as Source).threadsafe()).unwrap();
        let mut place = PLACE.lock().unwrap();
        assert_eq!(SHARED.get().unwrap().next(), Some(1));
        assert_eq!(SHARED.get().unwrap().next(), None);
        assert_eq!(place.as_mut().unwrap().next(), Some(1));
    });
}

#[test]
fn unsoundness_an_owned_yielder_is_moved_to_scoped_threads_and_dropped_there() {
    // The body of a macro owns its yielder. Each thread gives the yielder on to the next, and the last drops it.
    limited(|| {
        let items = || {
            generator_by_value(async |mut co: Yielder<'_, Box<u32>>| {
                co.yield_(Box::new(0)).await;
                let mut place = Some(co);
                for n in 1..=3 {
                    place = thread::scope(|s| {
                        let thread = s.spawn(move || {
                            let mut co = place?;
                            drop(co.yield_(Box::new(n)));
                            (n < 3).then_some(co)
                        });
                        thread.join().unwrap()
                    });
                }
            })
        };
        let mut chunks = items().threadsafe();
        assert!(chunks.chunks(8).next().unwrap().into_iter().eq([0, 1, 2, 3].map(Box::new)));
        assert_eq!(Iterator::next(&mut chunks), None);
        let mut one_by_one = items();
        assert_eq!(one_by_one.next(), Some(Box::new(0)));
        // The second of the scoped threads finds the item of the first in the slot, and panics.
        thread::spawn(move || message_of(|| one_by_one.next())).join().unwrap();
    });
}

#[test]
fn unsoundness_an_owned_yielder_that_outlives_its_body() {
    // A leaked yielder, or one that a forgotten inner generator owns, points to a slot that is gone. No code can use
    // it.
    limited(|| {
        let mut leaked = generator_by_value(async |mut co: Yielder<'_, Box<u32>>| {
            co.yield_(Box::new(1)).await;
            drop(co.yield_(Box::new(2)));
            Box::leak(Box::new(co));
        });
        assert_eq!(leaked.next(), Some(Box::new(1)));
        let leaked = thread::spawn(move || {
            assert_eq!(message_of(|| leaked.next()), NOT_AWAITED);
            leaked
        });
        drop(leaked.join().unwrap());

        let mut outer = generator_by_value(async |mut outer: Yielder<'_, Box<u32>>| {
            outer.yield_(Box::new(1)).await;
            let mut inner = generator_by_value(async move |mut inner: Yielder<'_, ()>| {
                inner.yield_(()).await;
                outer.yield_(Box::new(2)).await;
            });
            assert_eq!(inner.next(), Some(()));
            mem::forget(inner);
        });
        assert_eq!(outer.next(), Some(Box::new(1)));
        assert_eq!(thread::spawn(move || outer.next()).join().unwrap(), None);
    });
}

#[test]
fn unsoundness_owned_yielders_that_are_swapped_in_boxes() {
    // Boxes that forget the lifetimes of two yielders can be swapped within the inner body. They cannot leave it.
    limited(|| {
        let mut outer = generator_by_value(async |outer: Yielder<'_, Box<u32>>| {
            let inner = generator_by_value(async move |inner: Yielder<'_, Box<u32>>| {
                let mut boxes: [Box<dyn Out + '_>; 2] = [Box::new(outer), Box::new(inner)];
                boxes.swap(0, 1);
                let [mut inner, mut outer] = boxes;
                thread::scope(|s| {
                    s.spawn(|| inner.put(Box::new(1)));
                    s.spawn(|| outer.put(Box::new(2)));
                });
            });
            let message = thread::scope(|s| s.spawn(|| message_of(|| inner.for_each(drop))).join());
            assert_eq!(message.unwrap(), NOT_AWAITED);
        });
        assert_eq!(message_of(|| outer.next()), NOT_AWAITED);
    });
}

#[test]
fn unsoundness_a_body_that_runs_before_its_generator_is_there() {
    // A function that is not `async` is called with its yielder while the generator is created, and may yield, panic or
    // lend the yielder to threads then.
    fn early(mut co: Yielder<'_, Box<u32>>) -> impl Future<Output = ()> {
        let co = Mutex::new(&mut co);
        thread::scope(|s| {
            s.spawn(|| drop(co.lock().unwrap().yield_(Box::new(1))));
        });
        ready(())
    }

    fn panics(mut co: Yielder<'_, Box<u32>>) -> Ready<()> {
        drop(co.yield_(Box::new(1)));
        panic!("before the generator is there");
    }

    limited(|| {
        let mut items = generator_by_value(early);
        let message = thread::spawn(move || message_of(|| items.next())).join().unwrap();
        assert_eq!(message, NOT_AWAITED);
        assert_eq!(message_of(|| generator_by_value(panics)), "before the generator is there");
    });
}

/// A future without an `async` block that owns its yielder. It yields one item and ends. Its destructor yields on a
/// thread and panics.
struct ByHand<'id> {
    co: Yielder<'id, Tracked>,
    dropped: Sender<(u32, ThreadId)>,
    has_yielded: bool,
}

impl ByHand<'_> {
    fn put(&mut self, item: u32) -> Poll<()> {
        let yielded = self.co.yield_(Tracked(Box::new(item), self.dropped.clone()));
        pin!(yielded).poll(&mut Context::from_waker(Waker::noop()))
    }
}

impl Future for ByHand<'_> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        if mem::replace(&mut self.has_yielded, true) { Poll::Ready(()) } else { self.put(1) }
    }
}

impl Drop for ByHand<'_> {
    fn drop(&mut self) {
        let yielded = thread::scope(|s| s.spawn(|| self.put(99)).join().unwrap());
        panic!("bad body destructor: the item is in the chunk: {}", yielded.is_ready());
    }
}

fn by_hand(dropped: &Sender<(u32, ThreadId)>) -> Generator<Tracked, impl Future<Output = ()> + use<>> {
    /// Tells rustc that the closure takes yielders of all lifetimes, and that its result has the lifetime of each.
    fn body<B>(body: B) -> B
    where
        B: for<'id> FnOnce(Yielder<'id, Tracked>) -> ByHand<'id>,
    {
        body
    }

    let dropped = dropped.clone();
    generator_by_value(body(|co| ByHand { co, dropped, has_yielded: false }))
}

#[test]
fn unsoundness_a_body_by_hand_that_panics_when_it_is_dropped_at_its_end() {
    // The body is dropped once, at its end or with the generator, although its destructor panics. The item that the
    // destructor yields is dropped with the slot.
    limited(|| {
        let (dropped, drops) = mpsc::channel();
        let mut items = by_hand(&dropped);
        assert_eq!(items.next().map(|item| *item.0), Some(1));
        assert_eq!(message_of(|| drop(items.next())), "bad body destructor: the item is in the chunk: false");
        assert!(items.next().is_none());
        drop(items);
        assert_eq!(drops.try_iter().map(|(n, _)| n).collect::<Vec<_>>(), [1, 99]);

        let mut items = by_hand(&dropped);
        assert_eq!(items.next().map(|item| *item.0), Some(1));
        assert_eq!(message_of(|| drop(items)), "bad body destructor: the item is in the chunk: false");
        assert_eq!(drops.try_iter().map(|(n, _)| n).collect::<Vec<_>>(), [1, 99]);

        // The body ends while a chunk is filled. Its destructor's item is not in the chunk either.
        let items = by_hand(&dropped).threadsafe();
        assert!(items.chunks(8).next().unwrap().iter().map(|item| *item.0).eq([1]));
        assert_eq!(items.try_next().err(), Some(TryNextError::Poisoned));
        drop(items);
        assert_eq!(drops.try_iter().map(|(n, _)| n).collect::<Vec<_>>(), [99, 1]);
    });
}

#[test]
fn unsoundness_items_of_no_size_and_of_a_large_alignment() {
    /// An item without a size that counts its drops.
    struct Empty;

    /// An item that must not be moved to an address of a smaller alignment.
    #[repr(align(4096))]
    struct Aligned(Tracked);

    static DROPS: AtomicUsize = AtomicUsize::new(0);

    impl Drop for Empty {
        fn drop(&mut self) {
            DROPS.fetch_add(1, Relaxed);
        }
    }

    // A `Vec` of items without a size has room for `usize::MAX` of them. Others are moved whenever the chunk grows.
    limited(|| {
        let items = generator(async |co| {
            for _ in 0..1000 {
                co.yield_(Empty).await;
            }
            drop(co.yield_(Empty));
            panic!("out of paper");
        });
        let items = items.threadsafe();
        // The last one was not awaited. It is dropped with the generator.
        assert_eq!(items.chunks(usize::MAX).next().unwrap().len(), 1000);
        assert_eq!(items.try_next().err(), Some(TryNextError::Poisoned));
        assert_eq!(DROPS.load(Relaxed), 1001);

        let (dropped, drops) = mpsc::channel();
        let items = generator(async move |co| {
            for n in 0..100 {
                let item = Aligned(Tracked(Box::new(n), dropped.clone()));
                co.yield_(item).await;
            }
        });
        let items = items.threadsafe();
        for (size, expected) in [(1, 0..1), (70, 1..71), (usize::MAX, 71..100)] {
            let chunk = thread::scope(|s| s.spawn(|| items.chunks(size).next().unwrap()).join().unwrap());
            assert!(chunk.iter().all(|item| ptr::from_ref(item).addr() % 4096 == 0));
            assert!(chunk.iter().map(|item| *item.0.0).eq(expected));
        }
        drop(items);
        assert!(drops.iter().map(|(n, _)| n).eq(0..100));
    });
}

#[test]
fn unsoundness_the_hidden_parts_of_a_yield_in_any_order() {
    // `put` without `suspend` is a yield that is not awaited, `suspend` without `put` is another `await`. Outside of a
    // chunk each is detected; the items of the chunk before it are delivered.
    limited(|| {
        let parts = |script: &'static str| {
            generator(async move |co: &mut Yielder<'_, Box<usize>>| {
                let mut kept = Vec::new();
                for (n, part) in script.bytes().enumerate() {
                    match part {
                        b'p' => drop(co.put(Box::new(n))),
                        b's' => suspend().await,
                        b'k' => kept.push(suspend()),
                        b'a' => kept.pop().unwrap().await,
                        b'y' if !co.put(Box::new(n)) => suspend().await,
                        b'y' => (),
                        _ => panic!("out of paper"),
                    }
                }
            })
        };
        let outcome = |script, size| {
            let shared = parts(script).threadsafe();
            let mut items = Vec::new();
            let take = || match size {
                0 => items.extend(shared.iter().map(|n| *n)),
                size => items.extend(shared.buffered(size).map(|n| *n)),
            };
            let message = catch_unwind(AssertUnwindSafe(take)).map_err(|payload| match payload.downcast::<String>() {
                Ok(message) => *message,
                Err(payload) => payload.downcast::<&str>().unwrap().to_string(),
            });
            (items, message.err().unwrap_or_default())
        };
        let found = |items: &[usize], message: &str| (items.to_vec(), message.to_owned());
        for size in [0, 1] {
            assert_eq!(outcome("yyy", size), found(&[0, 1, 2], ""));
            assert_eq!(outcome("ypy", size), found(&[0], NOT_AWAITED));
            assert_eq!(outcome("yp", size), found(&[0], NOT_AWAITED));
            assert_eq!(outcome("psps", size), found(&[0, 2], ""));
            assert_eq!(outcome("ysy", size), found(&[0], SOMETHING_ELSE));
            assert_eq!(outcome("kkpapa", size), found(&[2, 4], ""));
            assert_eq!(outcome("yp!", size), found(&[0], "out of paper"));
        }
        for size in [4, 64] {
            assert_eq!(outcome("yyy", size), found(&[0, 1, 2], ""));
            assert_eq!(outcome("ypy", size), found(&[0, 1, 2], ""));
            assert_eq!(outcome("ypsy", size), found(&[0, 1], SOMETHING_ELSE));
            assert_eq!(outcome("s", size), found(&[], SOMETHING_ELSE));
            assert_eq!(outcome("yp!", size), found(&[0, 1], "out of paper"));
        }
        assert_eq!(outcome("ypyps", 4), found(&[0, 1, 2, 3], ""));
        assert_eq!(outcome("ypypp", 4), found(&[0, 1, 2], NOT_AWAITED));
    });
}

#[test]
fn unsoundness_an_item_that_is_put_before_the_generator_is_there() {
    // Each method that takes items finds it in the slot: it is delivered if the body suspends, and detected if not.
    fn put_and_suspend(mut co: Yielder<'_, u64>) -> impl Future<Output = ()> {
        assert!(!co.put(7));
        suspend()
    }

    fn put_and_end(mut co: Yielder<'_, u64>) -> Ready<()> {
        assert!(!co.put(7));
        ready(())
    }

    let methods: [fn(&Shared) -> Vec<u64>; 4] = [
        |items| items.iter().collect(),
        |items| items.buffered(1).collect(),
        |items| items.buffered(8).collect(),
        |items| items.chunks(8).flatten().collect(),
    ];
    for method in methods {
        assert_eq!(method(&generator_by_value(put_and_suspend).threadsafe().boxed()), [7]);
        let items = generator_by_value(put_and_end).threadsafe().boxed();
        assert_eq!(message_of(|| method(&items)), NOT_AWAITED);
        assert!(items.is_poisoned());
    }
}

#[test]
fn unsoundness_generators_that_are_swapped_between_two_locks() {
    // A lock has no pointer to the slot of its generator. It finds the slot of the generator that is there.
    limited(|| {
        let letters = |word: &'static str| {
            generator(async move |co| co.yield_from(word.chars().map(String::from)).await).threadsafe()
        };
        let (mut one, mut other) = (letters("abcdefgh"), letters("stuvwxyz"));
        assert!(one.chunks(3).next().unwrap().concat() == "abc" && other.buffered(4).next().unwrap() == "s");
        mem::swap(one.get_mut().unwrap(), other.get_mut().unwrap());
        let chunks = together(2, |thread| {
            let shared = if thread == 0 { &one } else { &other };
            shared.chunks(3).map(|chunk| chunk.concat()).collect::<Vec<_>>()
        });
        // The items that were put back stay with the lock.
        assert_eq!(chunks, [vec!["wxy", "z"], vec!["tuv", "def", "gh"]]);
    });
}
