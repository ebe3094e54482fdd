//! The argument of `lock.rs` alone, with three threads. Leftovers, which cost steps, are left out.

use std::convert::identity;
use std::sync::Arc;
use std::time::Duration;

use super::{End, Log, Source};
use crate::TryNextError;
use crate::lock::Lock;
use crate::model::backend::{explore, spawn};

type Shared = Arc<Lock<Source, ()>>;

fn shared() -> (Shared, Arc<Log>) {
    let (source, log) = Source::new(9, End::None);
    (Arc::new(Lock::new("source", source, ())), log)
}

/// One call, which blocks for the lock.
fn call(lock: &Shared) -> impl FnOnce() + use<> {
    let lock = Arc::clone(lock);
    move || drop(lock.call(|source, ()| source.next(), identity, drop))
}

/// One call, which blocks for the lock up to a timeout.
fn timed_call(lock: &Shared) -> impl FnOnce() + use<> {
    let lock = Arc::clone(lock);
    move || {
        if let Ok(Some(guard)) = lock.try_lock_open(Some(Duration::from_millis(1)), TryNextError::TimedOut) {
            drop(guard.call_and_unlock(|source, ()| source.next(), identity, drop));
        }
    }
}

fn closed(lock: Shared, log: &Log) {
    assert!(log.source_is_dropped(), "the source outlives close");
    drop(lock);
    log.settle();
}

#[test]
fn close_with_two_calls_drops_the_source() {
    explore("lock: call, call, close", Some(2), Some(3), || {
        let (lock, log) = shared();
        let (one, other) = (spawn(call(&lock)), spawn(call(&lock)));
        drop(lock.close());
        one.join().unwrap();
        other.join().unwrap();
        closed(lock, &log);
    });
}

#[test]
fn close_with_a_call_and_a_timed_call_drops_the_source() {
    explore("lock: call, timed call, close", Some(2), Some(3), || {
        let (lock, log) = shared();
        let (one, other) = (spawn(timed_call(&lock)), spawn(call(&lock)));
        drop(lock.close());
        one.join().unwrap();
        other.join().unwrap();
        closed(lock, &log);
    });
}

#[test]
fn close_with_a_holder_and_a_timed_wait_drops_the_source() {
    explore("lock: held, timed wait, close", Some(3), Some(3), || {
        let (lock, log) = shared();
        // The other two threads queue behind this one. This thread's unlock may read a write of neither.
        let held = lock.lock();
        let waiting = {
            let lock = Arc::clone(&lock);
            spawn(move || drop(lock.try_lock(Some(Duration::from_millis(1)))))
        };
        let closing = {
            let lock = Arc::clone(&lock);
            spawn(move || drop(lock.close()))
        };
        drop(held);
        waiting.join().unwrap();
        closing.join().unwrap();
        closed(lock, &log);
    });
}
