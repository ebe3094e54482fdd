//! rayon: drives of all kinds, beside callers of `next`, with early exits, panics, closes, and consumers that use rayon
//! or wait for each other.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread;
use std::time::Duration;

use fastrand::Rng;
use parking_lot::{Condvar, Mutex};
use rayon::ThreadPoolBuilder;
use rayon::prelude::*;
use threadsafe_gen::ThreadsafeIter;

use crate::items::{Count, Item, check_panic, planned_panic};
use crate::iterators::{adapted, generated};

/// The time for which a consumer waits for another one.
const LIMIT: Duration = Duration::from_secs(20);

/// The work of a consumer on an item.
#[derive(Clone, Copy)]
enum Use {
    Nothing,
    /// Uses rayon, so that its thread runs other jobs meanwhile.
    Rayon,
    /// Sleeps for a moment now and then.
    Sleep,
    /// Waits now and then until other threads have items, too.
    Meet,
}

/// The way in which a drive ends.
#[derive(Clone, Copy)]
enum Stop {
    Never,
    Find,
    Error,
    Panic,
    Close,
}

pub(crate) fn round(rng: &mut Rng) -> u64 {
    let count = Count::default();
    let length = rng.usize(0..2000);
    let panics = if rng.u8(..6) == 0 { rng.usize(..=length) } else { usize::MAX };
    let operations = if rng.bool() {
        drive_all(&generated(count.clone(), length, panics), length, panics, rng)
    } else {
        drive_all(&ThreadsafeIter::new(adapted(count.clone(), length, panics)), length, panics, rng)
    };
    count.assert_none_left();
    operations
}

/// A place for a number of consumers to meet.
struct Meeting {
    size: usize,
    state: Mutex<Meets>,
    met: Condvar,
}

struct Meets {
    to_come: usize,
    /// The number of consumers that wait.
    here: usize,
    /// The number of meetings so far.
    times: usize,
}

impl Meeting {
    fn of(size: usize, consumers: usize) -> Self {
        Self { size, state: Mutex::new(Meets { to_come: consumers, here: 0, times: 0 }), met: Condvar::new() }
    }

    /// Waits for the others, as far as there are some to come.
    fn meet(&self) {
        let mut state = self.state.lock();
        state.to_come = state.to_come.saturating_sub(1);
        state.here += 1;
        if state.here == self.size || state.to_come == 0 {
            state.here = 0;
            state.times += 1;
            self.met.notify_all();
            return;
        }
        let times = state.times;
        let waits = |state: &mut Meets| state.to_come > 0 && state.times == times;
        let timeout = self.met.wait_while_for(&mut state, waits, LIMIT);
        assert!(!timeout.timed_out(), "no other thread has come for an item");
    }

    /// No more are going to come.
    fn end(&self) {
        self.state.lock().to_come = 0;
        self.met.notify_all();
    }
}

fn drive_all<I>(source: &ThreadsafeIter<I>, length: usize, panics: usize, rng: &mut Rng) -> u64
where
    I: Iterator<Item = Item> + Send,
{
    let threads = rng.usize(1..=6);
    let pool = ThreadPoolBuilder::new().num_threads(threads).build().expect("threads can be started");
    let taken = Mutex::new(Vec::new());
    let stop_at = rng.usize(..=length);
    let stop = [Stop::Never, Stop::Find, Stop::Error, Stop::Panic, Stop::Close][rng.usize(..5)];
    let plain = if rng.u8(..3) == 0 { rng.usize(1..3) } else { 0 };
    let uses = match rng.u8(..4) {
        0 => Use::Rayon,
        1 => Use::Sleep,
        // Threads that meet need to come from one drive, all of whose threads are there for it.
        2 if threads > 1 && plain == 0 => Use::Meet,
        _ => Use::Nothing,
    };
    let chunks = rng.u8(..4) == 0 && !matches!(uses, Use::Meet);
    let chunk = rng.usize(1..40);
    // The items before the last ones, and before the drive is told to stop.
    let meets = |number: usize| number % 16 == 0 && number + 64 < length.min(panics).min(stop_at);
    let meeting = Meeting::of(rng.usize(1..=threads), (0..length).filter(|number| meets(*number)).count());
    let consume = |item: Item| {
        let number = item.number();
        taken.lock().push(number);
        match uses {
            Use::Rayon if number % 3 == 0 => _ = rayon::yield_now(),
            Use::Rayon => _ = rayon::join(|| number, || number),
            Use::Sleep if number % 64 == 0 => thread::sleep(Duration::from_micros(300)),
            Use::Meet if meets(number) => meeting.meet(),
            Use::Nothing | Use::Sleep | Use::Meet => {}
        }
        let stops = number == stop_at;
        if stops && !matches!(stop, Stop::Never) {
            // One that should have come may be put back.
            meeting.end();
            match stop {
                Stop::Panic => planned_panic(),
                Stop::Close => source.close(),
                Stop::Never | Stop::Find | Stop::Error => {}
            }
        }
        stops && matches!(stop, Stop::Find | Stop::Error)
    };
    let drive = || {
        pool.install(|| {
            let any = |chunk: Vec<Item>| chunk.into_iter().map(consume).fold(false, |any, stops| any | stops);
            match stop {
                Stop::Error if chunks => {
                    _ = source.par_chunks(chunk).try_for_each(|chunk| if any(chunk) { Err(()) } else { Ok(()) });
                }
                Stop::Error => _ = source.par_iter().try_for_each(|item| if consume(item) { Err(()) } else { Ok(()) }),
                _ if chunks => _ = source.par_chunks(chunk).any(any),
                _ => _ = source.par_iter().any(consume),
            }
        });
    };
    thread::scope(|scope| {
        for _ in 0..plain {
            scope.spawn(|| {
                let all = || source.iter().for_each(|item| taken.lock().push(item.number()));
                if let Err(payload) = catch_unwind(AssertUnwindSafe(all)) {
                    check_panic(payload);
                }
            });
        }
        if let Err(payload) = catch_unwind(AssertUnwindSafe(drive)) {
            check_panic(payload);
        }
    });
    let mut taken = taken.into_inner();
    let by_drives = taken.len() as u64;
    // What is put back after `close` or a panic of the source is dropped, as is the rest of a chunk whose consumer
    // panics.
    let drops = match stop {
        Stop::Never => false,
        Stop::Find | Stop::Error => source.is_poisoned(),
        Stop::Panic => source.is_poisoned() || chunks,
        Stop::Close => true,
    };
    // The items that were put back, and those that were never pulled.
    let rest = || {
        while let Some((index, item)) = source.next_indexed() {
            assert_eq!(index, item.number());
            taken.push(index);
        }
    };
    if let Err(payload) = catch_unwind(AssertUnwindSafe(rest)) {
        check_panic(payload);
        assert!(panics < length, "the source should not have panicked");
    }
    taken.sort_unstable();
    let complete = panics.min(length);
    if drops {
        assert!(taken.windows(2).all(|pair| pair[0] < pair[1]), "an item came twice");
    } else {
        assert!(taken.iter().copied().eq(0..complete), "each item comes exactly once");
    }
    by_drives + 1
}
