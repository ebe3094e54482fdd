//! `Tee`: every branch gets every item from its position on.

use std::panic::{AssertUnwindSafe, catch_unwind};

use fastrand::Rng;
use threadsafe_gen::Tee;

use crate::items::{Count, check_panic, planned_panic};
use crate::on_threads;

pub(crate) fn round(rng: &mut Rng) -> u64 {
    let count = Count::default();
    let length = rng.usize(0..300);
    let panics = if rng.u8(..4) == 0 { rng.usize(..=length) } else { usize::MAX };
    let tee = Tee::new((0..length).map({
        let count = count.clone();
        move |number| if number == panics { planned_panic() } else { count.item(number) }
    }));
    // Each thread has one branch and clones more.
    let root = std::sync::Arc::new(parking_lot::Mutex::new(tee));
    let read = on_threads(rng.usize(2..=16), rng, {
        let root = root.clone();
        move |mut rng| {
            let mut branch = root.lock().clone();
            let (mut at, mut read) = (0, 0);
            let mut restarts = rng.u32(1..4);
            loop {
                match catch_unwind(AssertUnwindSafe(|| branch.next())) {
                    Ok(Some(item)) => {
                        assert_eq!(item.number(), at, "out of order");
                        at += 1;
                        read += 1;
                    }
                    Ok(None) => {
                        assert_eq!(at, length);
                        break;
                    }
                    Err(payload) => {
                        check_panic(payload);
                        assert_eq!(at, panics);
                        break;
                    }
                }
                match rng.u8(..64) {
                    // The branch is dropped midway, with other branches behind and ahead of it.
                    0 => break,
                    1 => {
                        let mut clone = branch.clone();
                        std::mem::swap(&mut clone, &mut branch);
                    }
                    2 if restarts > 0 => {
                        restarts -= 1;
                        (branch, at) = (root.lock().clone(), 0);
                    }
                    _ => (),
                }
            }
            read
        }
    });
    drop(root);
    count.assert_none_left();
    read.into_iter().sum()
}
