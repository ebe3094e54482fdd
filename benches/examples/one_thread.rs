//! Takes items on one thread; `callgrind.sh` counts the instructions. Usage: `one_thread CONTENDER ITEMS`.

use std::env;
use std::hint::black_box;
use std::process::ExitCode;

use benches::sources::{self, Count};
use benches::work::Nothing;
use threadsafe_gen::ThreadsafeIter;

fn main() -> ExitCode {
    let mut arguments = env::args().skip(1);
    let contender = arguments.next();
    let Some(Ok(items)) = arguments.next().map(|items| items.parse()) else {
        eprintln!("usage: one_thread CONTENDER ITEMS");
        return ExitCode::from(2);
    };
    match contender.as_deref() {
        Some("next") => {
            let source = sources::shared(u64::MAX, Nothing);
            take(items, || source.next());
        }
        Some("buffered") => {
            let source = sources::shared(u64::MAX, Nothing);
            let mut batches = source.buffered(64);
            take(items, || batches.next());
        }
        Some("chunks") => {
            let source = sources::shared(u64::MAX, Nothing);
            let mut batches = source.chunks(64).flatten();
            take(items, || batches.next());
        }
        Some("boxed-next") => {
            let source = sources::shared(u64::MAX, Nothing).boxed();
            take(items, || source.next());
        }
        Some("boxed-buffered") => {
            let source = sources::shared(u64::MAX, Nothing).boxed();
            let mut batches = source.buffered(64);
            take(items, || batches.next());
        }
        Some("lock") => {
            let source = ThreadsafeIter::new(Count::new(u64::MAX, Nothing));
            take(items, || source.next());
        }
        Some("hand") => {
            let source = parking_lot::Mutex::new(Count::new(u64::MAX, Nothing));
            take(items, || source.lock().next());
        }
        Some("owned") => {
            let mut source = sources::shared(u64::MAX, Nothing);
            take(items, || Iterator::next(&mut source));
        }
        Some("generator") => {
            let mut source = sources::bare(u64::MAX, Nothing);
            take(items, || source.next());
        }
        Some("genawaiter-rc") => {
            let mut source = sources::genawaiter_rc(u64::MAX, Nothing);
            take(items, || source.next());
        }
        Some("genawaiter-sync") => {
            let mut source = sources::genawaiter_sync(u64::MAX, Nothing);
            take(items, || source.next());
        }
        _ => {
            eprintln!(
                "contenders: next buffered chunks boxed-next boxed-buffered lock hand owned generator genawaiter-rc genawaiter-sync"
            );
            return ExitCode::from(2);
        }
    }
    ExitCode::SUCCESS
}

/// The loop of every contender. Its three instructions are part of every figure.
fn take(items: u64, mut next: impl FnMut() -> Option<u64>) {
    for _ in 0..items {
        black_box(next());
    }
}
