//! The library's hot paths, to measure while changing them: `cargo bench -p benches`.
//!
//! Each figure is the time per item. That of the `make_and_drop` benches is the time per generator.

use benches::sources::{self, Count};
use benches::work::Nothing;
use divan::{Bencher, black_box};
use threadsafe_gen::ThreadsafeIter;

fn main() {
    divan::main();
}

/// The number of items of a source that no run exhausts.
const ENDLESS: u64 = u64::MAX;

#[divan::bench]
fn next(bencher: Bencher<'_, '_>) {
    let items = sources::shared(ENDLESS, Nothing);
    bencher.bench_local(|| black_box(&items).next());
}

// The samples are long enough for the threads to contend.
#[divan::bench(threads = [1, 2, 4], sample_size = 10_000)]
fn next_contended(bencher: Bencher<'_, '_>) {
    let items = sources::shared(ENDLESS, Nothing);
    bencher.bench(|| black_box(&items).next());
}

#[divan::bench]
fn next_of_a_hand_written_iterator(bencher: Bencher<'_, '_>) {
    let items = ThreadsafeIter::new(Count::new(ENDLESS, Nothing));
    bencher.bench_local(|| black_box(&items).next());
}

/// The baseline for `next`.
#[divan::bench]
fn parking_lot_of_a_hand_written_iterator(bencher: Bencher<'_, '_>) {
    let items = parking_lot::Mutex::new(Count::new(ENDLESS, Nothing));
    bencher.bench_local(|| black_box(&items).lock().next());
}

#[divan::bench]
fn next_indexed(bencher: Bencher<'_, '_>) {
    let items = sources::shared(ENDLESS, Nothing);
    bencher.bench_local(|| black_box(&items).next_indexed());
}

#[divan::bench]
fn try_next(bencher: Bencher<'_, '_>) {
    let items = sources::shared(ENDLESS, Nothing);
    bencher.bench_local(|| black_box(&items).try_next());
}

#[divan::bench]
fn next_after_the_end(bencher: Bencher<'_, '_>) {
    let items = sources::shared(0, Nothing);
    assert_eq!(items.next(), None);
    bencher.bench_local(|| black_box(&items).next());
}

#[divan::bench]
fn lock_and_next(bencher: Bencher<'_, '_>) {
    let items = sources::shared(ENDLESS, Nothing);
    bencher.bench_local(|| black_box(&items).lock().next());
}

/// `next` on a guard whose lock is held throughout.
#[divan::bench]
fn next_of_a_guard(bencher: Bencher<'_, '_>) {
    let items = sources::shared(ENDLESS, Nothing);
    let mut guard = items.lock();
    bencher.bench_local(|| black_box(&mut guard).next());
}

#[divan::bench]
fn owned(bencher: Bencher<'_, '_>) {
    let mut items = sources::shared(ENDLESS, Nothing);
    bencher.bench_local(|| Iterator::next(black_box(&mut items)));
}

#[divan::bench]
fn bare_generator(bencher: Bencher<'_, '_>) {
    let mut items = sources::bare(ENDLESS, Nothing);
    bencher.bench_local(|| black_box(&mut items).next());
}

#[divan::bench]
fn make_and_drop(bencher: Bencher<'_, '_>) {
    bencher.bench_local(|| {
        black_box(&sources::shared(ENDLESS, Nothing));
    });
}

#[divan::bench]
fn make_and_drop_a_bare_generator(bencher: Bencher<'_, '_>) {
    bencher.bench_local(|| {
        black_box(&sources::bare(ENDLESS, Nothing));
    });
}
