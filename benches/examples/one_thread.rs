//! Takes items on one thread; `callgrind.sh` counts the instructions. Usage: `one_thread CONTENDER ITEMS`, or
//! `one_thread --list`.

use std::env;
use std::hint::black_box;
use std::mem;
use std::pin::pin;
use std::process::ExitCode;
use std::task::{Context, Poll, Waker};

use benches::sources::{self, Count};
use benches::work::Work;
use rayon::iter::{IntoParallelIterator, ParallelIterator};
use threadsafe_gen::{Stream, ThreadsafeExt, ThreadsafeIter, threadsafe_generator};

/// A name, and a function that takes so many items.
type Contender = (&'static str, fn(u64));

/// Each contender has a source of a type of its own, as in a program that takes the items in one place. Otherwise the
/// compiler would inline less the more contenders there are.
const CONTENDERS: &[Contender] = &[
    ("next", |items| {
        let source = shared::<0>();
        take(items, || source.next());
    }),
    ("next-twice", |items| {
        // The same in two places, so that the generator is not inlined.
        let source = shared::<1>();
        take(items / 2, || source.next());
        take(items / 2, || source.next());
    }),
    ("buffered", |items| {
        let source = shared::<2>();
        let mut batches = source.buffered(64);
        take(items, || batches.next());
    }),
    ("chunks", |items| {
        let source = shared::<3>();
        let mut left = items;
        for chunk in source.chunks(64) {
            for item in chunk {
                black_box(Some(item));
            }
            left = left.saturating_sub(64);
            if left == 0 {
                break;
            }
        }
    }),
    ("boxed-next", |items| {
        let source = shared::<4>().boxed();
        take(items, || source.next());
    }),
    ("boxed-buffered", |items| {
        let source = shared::<5>().boxed();
        let mut batches = source.buffered(64);
        take(items, || batches.next());
    }),
    ("lock", |items| {
        let source = ThreadsafeIter::new(Count::new(u64::MAX, Alone::<6>));
        take(items, || source.next());
    }),
    ("hand", |items| {
        let source = parking_lot::Mutex::new(Count::new(u64::MAX, Alone::<7>));
        take(items, || source.lock().next());
    }),
    ("hand-batches", |items| {
        let source = parking_lot::Mutex::new(Count::new(u64::MAX, Alone::<15>));
        let mut batch = Vec::with_capacity(64).into_iter();
        take(items, || {
            batch.next().or_else(|| {
                // As `buffered` does, it keeps the allocation.
                let mut emptied: Vec<u64> = mem::take(&mut batch).take(0).collect();
                emptied.extend(source.lock().by_ref().take(64));
                batch = emptied.into_iter();
                batch.next()
            })
        });
    }),
    ("lock-batches", |items| {
        let source = ThreadsafeIter::new(Count::new(u64::MAX, Alone::<16>));
        let mut batches = source.buffered(64);
        take(items, || batches.next());
    }),
    ("owned", |items| {
        let mut source = shared::<8>();
        take(items, || Iterator::next(&mut source));
    }),
    ("generator", |items| {
        let mut source = sources::bare(u64::MAX, Alone::<9>);
        take(items, || source.next());
    }),
    ("stream", |items| {
        let source = stream();
        let mut cx = Context::from_waker(Waker::noop());
        take(items, || match pin!(source.next()).poll(&mut cx) {
            Poll::Ready(item) => item,
            Poll::Pending => unreachable!("the stream awaits only its yields"),
        });
    }),
    ("prefetch", |items| {
        let source = shared::<10>().prefetch(64);
        take(items, || source.next());
    }),
    ("parallel-map", |items| {
        let mut results = Count::new(u64::MAX, Alone::<11>).parallel_map(2, |item| item);
        take(items, || results.next());
    }),
    ("into-par-iter", |items| {
        sources::shared(items, Alone::<12>).into_par_iter().for_each(|item| _ = black_box(item));
    }),
    ("making", |items| {
        for _ in 0..items {
            drop(black_box(shared::<17>()));
        }
    }),
    ("making-genawaiter-sync", |items| {
        for _ in 0..items {
            drop(black_box(sources::genawaiter_sync(u64::MAX, Alone::<18>)));
        }
    }),
    ("genawaiter-rc", |items| {
        let mut source = sources::genawaiter_rc(u64::MAX, Alone::<13>);
        take(items, || source.next());
    }),
    ("genawaiter-sync", |items| {
        let mut source = sources::genawaiter_sync(u64::MAX, Alone::<14>);
        take(items, || source.next());
    }),
];

fn main() -> ExitCode {
    let mut arguments = env::args().skip(1);
    let name = arguments.next();
    if name.as_deref() == Some("--list") {
        for (name, _) in CONTENDERS {
            println!("{name}");
        }
        return ExitCode::SUCCESS;
    }
    let contender = CONTENDERS.iter().find(|contender| name.as_deref() == Some(contender.0));
    let (Some((_, run)), Some(Ok(items))) = (contender, arguments.next().map(|items| items.parse())) else {
        eprintln!("usage: one_thread CONTENDER ITEMS, or one_thread --list");
        return ExitCode::from(2);
    };
    run(items);
    ExitCode::SUCCESS
}

/// No work, of a type of its own for each contender.
#[derive(Clone, Copy, Debug)]
struct Alone<const CONTENDER: usize>;

impl<const CONTENDER: usize> Work for Alone<CONTENDER> {
    #[inline]
    fn run(self) {}
}

fn shared<const CONTENDER: usize>() -> ThreadsafeIter<impl Iterator<Item = u64> + Send> {
    sources::shared(u64::MAX, Alone::<CONTENDER>)
}

#[threadsafe_generator]
fn stream() -> impl Stream<Item = u64> {
    for i in 1.. {
        yield_!(i);
    }
}

/// The loop of every contender. Its three instructions are part of every figure.
fn take(items: u64, mut next: impl FnMut() -> Option<u64>) {
    for _ in 0..items {
        black_box(next());
    }
}
