//! Sources whose body follows a script and records its progress: the same items from each kind of source.

use std::panic::panic_any;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use threadsafe_gen::{ThreadsafeExt, ThreadsafeIter, generator, threadsafe_generator};

/// The payload that a scripted source panics with: the number of the item in whose place it panicked.
#[derive(Debug, PartialEq)]
pub struct Boom(pub usize);

/// The behaviour of a source, and its progress.
#[derive(Debug)]
pub struct Script {
    end: usize,
    panics_at: usize,
    begun: AtomicUsize,
    resumed: AtomicUsize,
}

impl Script {
    /// A source that yields the numbers below `end`.
    #[must_use]
    pub fn counting_to(end: usize) -> Arc<Self> {
        Self::panicking_at(usize::MAX, end)
    }

    /// A source that yields the numbers below `end`, but panics in the place of the number `panics_at`.
    #[must_use]
    pub fn panicking_at(panics_at: usize, end: usize) -> Arc<Self> {
        Arc::new(Self { end, panics_at, begun: AtomicUsize::new(0), resumed: AtomicUsize::new(0) })
    }

    fn before(&self, n: usize) {
        if n == self.panics_at {
            panic_any(Boom(n));
        }
        self.begun.fetch_add(1, SeqCst);
    }

    fn after(&self) {
        self.resumed.fetch_add(1, SeqCst);
    }

    /// Sets the progress to zero, for the next source with this script.
    pub fn reset(&self) {
        self.begun.store(0, SeqCst);
        self.resumed.store(0, SeqCst);
    }

    /// Returns how many steps the body has begun, one per item and one for the end, and how many yields it has resumed
    /// from.
    pub fn progress(&self) -> (usize, usize) {
        (self.begun.load(SeqCst), self.resumed.load(SeqCst))
    }
}

/// A generator made by the function `generator`.
pub fn by_hand(script: Arc<Script>) -> ThreadsafeIter<impl Iterator<Item = usize> + Send> {
    generator(async move |co| {
        for n in 0..=script.end {
            script.before(n);
            if n == script.end {
                break;
            }
            co.yield_(n).await;
            script.after();
        }
    })
    .threadsafe()
}

/// A generator made by the attribute.
#[threadsafe_generator]
pub fn annotated(script: Arc<Script>) -> impl Iterator<Item = usize> {
    for n in 0..=script.end {
        script.before(n);
        if n == script.end {
            break;
        }
        yield_!(n);
        script.after();
    }
}

/// A plain iterator. The step that a generator does after yielding an item is done here before the next item.
pub fn plain(script: Arc<Script>) -> ThreadsafeIter<impl Iterator<Item = usize> + Send> {
    let end = script.end;
    let run = move |n: &usize| {
        if *n > 0 {
            script.after();
        }
        script.before(*n);
    };
    (0..=end).inspect(run).take_while(move |n| *n < end).threadsafe()
}

/// A boxed generator.
pub fn boxed(script: Arc<Script>) -> ThreadsafeIter<Box<dyn Iterator<Item = usize> + Send>> {
    ThreadsafeIter::new(Box::new(by_hand(script)))
}

/// Runs a test with each kind of source: `each_source!(script, |kind, shared| { .. })`.
#[macro_export]
macro_rules! each_source {
    ($script:expr, |$kind:ident, $shared:ident| $test:block) => {{
        $crate::each_source!(@one by_hand, $script, $kind, $shared, $test);
        $crate::each_source!(@one annotated, $script, $kind, $shared, $test);
        $crate::each_source!(@one plain, $script, $kind, $shared, $test);
        $crate::each_source!(@one boxed, $script, $kind, $shared, $test);
    }};
    (@one $make:ident, $script:expr, $kind:ident, $shared:ident, $test:block) => {{
        let ($kind, $shared) = (stringify!($make), $crate::scripted::$make($script));
        $test
    }};
}

/// An endless source of counted items: the strong count of `items` is one more than the number of items alive.
pub fn counted_items(items: &Arc<()>) -> ThreadsafeIter<impl Iterator<Item = Arc<()>> + Send + use<>> {
    let items = Arc::downgrade(items);
    generator(async move |co| {
        while let Some(item) = items.upgrade() {
            co.yield_(item).await;
        }
    })
    .threadsafe()
}
