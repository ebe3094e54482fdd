//! A thread that waits for a guard, or for its turn, while another ends the source or panics in it.

use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Weak};
use std::{iter, thread};

use support::{gated, limited, message_of, settle};
use threadsafe_gen::{Coroutine, GeneratorState, ThreadsafeCoroutine, ThreadsafeExt};

#[test]
fn a_thread_that_waits_for_a_guard_is_told_of_a_panic() {
    limited(|| {
        let (gate, source) = gated::<u32>();
        let iter = source.threadsafe();
        thread::scope(|scope| {
            let panics = scope.spawn(|| message_of(|| iter.next()));
            gate.entered();
            // Nothing is asked of the guard.
            let waits = scope.spawn(|| message_of(|| drop(iter.lock())));
            settle();
            gate.let_in(|| panic!("out of paper"));
            assert_eq!(panics.join().unwrap(), "out of paper");
            assert_eq!(waits.join().unwrap(), "the iterator panicked earlier: out of paper");
        });
    });
}

#[test]
fn a_thread_that_waits_for_a_guard_finds_nothing_after_close() {
    limited(|| {
        let (gate, source) = gated::<u32>();
        let iter = source.threadsafe();
        thread::scope(|scope| {
            let delivers = scope.spawn(|| iter.next());
            gate.entered();
            let waits = scope.spawn(|| {
                let mut guard = iter.lock();
                (guard.size_hint(), guard.next())
            });
            settle();
            iter.close();
            gate.let_in(|| Some(1));
            assert_eq!(delivers.join().unwrap(), Some(1));
            assert_eq!(waits.join().unwrap(), ((0, Some(0)), None));
        });
    });
}

#[test]
fn the_hint_of_a_guard_counts_what_a_consumer_may_put_back() {
    let iter = iter::repeat_n(7, 5).threadsafe();
    let mut consumer = iter.buffered(3);
    assert_eq!(consumer.next(), Some(7));
    let mut guard = iter.lock();
    // Two in the source, and two that the consumer may put back while the guard lives.
    for consumer in [Some(consumer), None] {
        let (lower, upper) = guard.size_hint();
        assert!(lower <= 2 && upper.is_none_or(|upper| upper >= 4), "{lower} {upper:?}");
        drop(consumer);
    }
    assert_eq!(guard.by_ref().count(), 4);
    assert_eq!(guard.size_hint(), (0, Some(0)));
}

/// A coroutine that is complete at its first call, as soon as it is told so.
struct Once {
    entered: Sender<()>,
    told: Receiver<()>,
}

impl Coroutine for Once {
    type Yield = ();
    type Resume = Argument;
    type Return = ();

    fn resume_with(self: Pin<&mut Self>, _: Argument) -> GeneratorState<(), ()> {
        self.entered.send(()).unwrap();
        self.told.recv().unwrap();
        GeneratorState::Complete(())
    }
}

/// An argument that takes the lock of the coroutine when it is dropped.
#[derive(Default)]
struct Argument {
    coroutine: Weak<ThreadsafeCoroutine<Once>>,
    dropped: Arc<AtomicUsize>,
}

impl Drop for Argument {
    fn drop(&mut self) {
        if let Some(coroutine) = self.coroutine.upgrade() {
            drop(coroutine.lock());
            self.dropped.fetch_add(1, SeqCst);
        }
    }
}

#[test]
fn an_argument_that_comes_after_the_end_is_dropped_without_the_lock() {
    limited(|| {
        let ((entered, at_work), (tell, told)) = (channel(), channel());
        let coroutine = Arc::new(ThreadsafeCoroutine::new(Once { entered, told }));
        let dropped = Arc::new(AtomicUsize::new(0));
        let argument = Argument { coroutine: Arc::downgrade(&coroutine), dropped: Arc::clone(&dropped) };
        thread::scope(|scope| {
            let first = scope.spawn(|| coroutine.resume_with(Argument::default()));
            at_work.recv().unwrap();
            let late = scope.spawn(|| coroutine.resume_with(argument));
            settle();
            tell.send(()).unwrap();
            assert_eq!(first.join().unwrap(), Some(GeneratorState::Complete(())));
            assert_eq!(late.join().unwrap(), None);
        });
        assert_eq!(dropped.load(SeqCst), 1);
    });
}
