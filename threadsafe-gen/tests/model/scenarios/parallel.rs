//! The tasks of a rayon drive: no idle task is forgotten. `src/parallel/idle.rs` needs no rayon, and is compiled here
//! alone.

#[allow(dead_code, reason = "what the scenarios do not need")]
#[path = "../../../src/parallel/idle.rs"]
mod idle;

use std::sync::Arc;
use std::time::Duration;

use self::idle::Idle;
use super::both;
use crate::model::backend::explore;

/// Two tasks, of which one is in line.
fn two_tasks() -> Arc<Idle> {
    let idle = Idle::new(2);
    for _ in 0..2 {
        assert!(idle.call(), "all tasks are to be spawned");
        idle.arrive();
    }
    assert!(idle.try_line_up());
    Arc::new(idle)
}

/// Goes on until this task is in line. Returns whether it is; if not, it has left.
fn find_place(idle: &Idle, limit: Duration) -> bool {
    loop {
        if idle.try_line_up() {
            return true;
        }
        if !idle.sleep(limit) {
            return false;
        }
    }
}

/// Pulls an item, and calls another task if none is in line. Returns whether that is to be spawned.
fn pull(idle: &Idle) -> bool {
    idle.step_out();
    idle.state().lacks_next() && idle.call()
}

#[test]
fn a_task_that_falls_asleep_beside_one_that_leaves_the_line_takes_its_place() {
    explore("parallel: sleep beside a pull", Some(3), None, || {
        let idle = two_tasks();
        let other = Arc::clone(&idle);
        let (in_line, spawns) = both(move || find_place(&other, Duration::MAX), || pull(&idle));
        assert!(in_line && !spawns);
    });
}

#[test]
fn a_task_that_ends_beside_one_that_leaves_the_line_is_replaced() {
    explore("parallel: the end of a sleep beside a pull", Some(3), None, || {
        let idle = two_tasks();
        let other = Arc::clone(&idle);
        let (in_line, spawns) = both(move || find_place(&other, Duration::from_millis(1)), || pull(&idle));
        assert!(in_line != spawns, "one task is next: in line {in_line}, spawned {spawns}");
    });
}

#[test]
fn a_task_that_falls_asleep_beside_the_end_wakes() {
    explore("parallel: sleep beside the end", Some(3), None, || {
        let idle = two_tasks();
        let other = Arc::clone(&idle);
        let (awake, ()) = both(move || other.state().has_ended() || other.sleep(Duration::MAX), || idle.end());
        assert!(awake && !idle.try_line_up());
    });
}
