//! The claim of `lock.rs` by itself, with three threads: without the items that are given back, which cost steps.

use std::sync::Arc;
use std::time::Duration;

use super::{End, Log, Source};
use crate::lock::Lock;
use crate::model::backend::{explore, spawn};

type Shared = Arc<Lock<Source, ()>>;

fn shared() -> (Shared, Arc<Log>) {
    let (source, log) = Source::new(9, End::None);
    (Arc::new(Lock::new("source", source, ())), log)
}

/// One call that waits for its turn.
fn call(lock: &Shared) -> impl FnOnce() + use<> {
    let lock = Arc::clone(lock);
    move || drop(lock.call(|source, ()| source.next(), drop))
}

/// One call that waits for its turn, but not for ever.
fn limited(lock: &Shared) -> impl FnOnce() + use<> {
    let lock = Arc::clone(lock);
    move || drop(lock.try_call(Some(Duration::from_millis(1)), |source, ()| source.next()))
}

fn closed(lock: Shared, log: &Log) {
    assert!(log.source_is_dropped(), "the source outlives close");
    drop(lock);
    log.settle();
}

#[test]
fn close_beside_two_calls_drops_the_source() {
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
fn close_beside_a_call_and_one_with_a_limit_drops_the_source() {
    explore("lock: call, call with a limit, close", Some(2), Some(3), || {
        let (lock, log) = shared();
        let (one, other) = (spawn(limited(&lock)), spawn(call(&lock)));
        drop(lock.close());
        one.join().unwrap();
        other.join().unwrap();
        closed(lock, &log);
    });
}

#[test]
fn close_beside_a_holder_and_a_call_with_a_limit_drops_the_source() {
    explore("lock: held, a wait with a limit, close", Some(3), Some(3), || {
        let (lock, log) = shared();
        // The other two queue behind this thread. Neither may have written last to the word that it reads.
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
