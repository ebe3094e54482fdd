//! Every shape of function that the attribute accepts.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use threadsafe_gen::{ThreadsafeIter, threadsafe_generator};

/// Sends a generator to another thread and takes its items there through a shared reference: every generator must allow
/// that.
fn drain<I: Iterator<Item: Send> + Send>(iter: ThreadsafeIter<I>) -> Vec<I::Item> {
    std::thread::scope(|scope| scope.spawn(move || iter.iter().collect()).join().unwrap())
}

#[threadsafe_generator]
fn free(n: u32) -> impl Iterator<Item = u32> {
    for i in 0..n {
        yield_!(i);
    }
}

#[threadsafe_generator]
fn no_yield() -> impl Iterator<Item = u32> {}

#[threadsafe_generator]
fn generic<T, const N: usize>(item: T) -> impl Iterator<Item = T>
where
    T: Clone + Display + Send,
{
    for _ in 0..N {
        yield_!(item.clone());
    }
}

#[threadsafe_generator]
fn named_lifetimes<'a, 'b: 'a>(a: &'a str, b: &'b [u32]) -> impl Iterator<Item = (&'a str, &'b u32)> {
    for n in b {
        yield_!((a, n));
    }
}

#[threadsafe_generator]
fn elided_lifetimes(a: &str, b: &str) -> impl Iterator<Item = String> {
    yield_!(a.to_owned());
    yield_!(b.to_owned());
}

#[threadsafe_generator]
fn elided_in_item(text: &str) -> impl Iterator<Item = &str> {
    for word in text.split(' ') {
        yield_!(word);
    }
}

#[threadsafe_generator]
fn impl_and_dyn(
    items: impl IntoIterator<Item = u32, IntoIter: Send> + Send,
    show: &(dyn Fn(u32) -> String + Sync),
) -> impl Iterator<Item = String> {
    for item in items {
        yield_!(show(item));
    }
}

struct Point {
    x: i32,
    y: i32,
}

#[threadsafe_generator]
fn patterns(
    (a, mut b): (u32, u32),
    [first, .., last]: [u32; 4],
    Point { x, y: renamed }: Point,
    &reference: &u32,
    mut counter: u32,
    whole @ Point { .. }: Point,
) -> impl Iterator<Item = i64> {
    b += 1;
    counter += 1;
    for n in [a, b, first, last, reference, counter] {
        yield_!(i64::from(n));
    }
    for n in [x, renamed, whole.x, whole.y] {
        yield_!(i64::from(n));
    }
}

struct Dropped(Arc<AtomicUsize>);

impl Drop for Dropped {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

#[threadsafe_generator]
fn unused_arguments(
    #[allow(unused_variables)] unused: Dropped,
    _underscored: Dropped,
    _: Dropped,
    (_, _kept): (Dropped, Dropped),
) -> impl Iterator<Item = ()> {
    yield_!();
}

impl Dropped {
    #[threadsafe_generator]
    fn unused_self(self) -> impl Iterator<Item = ()> {
        yield_!();
    }
}

#[threadsafe_generator]
fn attributes_on_arguments(#[cfg(test)] kept: u32, #[cfg(not(test))] gone: u32) -> impl Iterator<Item = u32> {
    yield_!(kept);
}

/// Doc comments and attributes are kept.
#[must_use = "it is lazy"]
#[inline]
#[threadsafe_generator]
#[doc(alias = "first")]
pub fn with_attributes() -> impl Iterator<Item = u32> {
    #![allow(unused_variables)]
    let unused = 1;
    yield_!(1);
}

/// # Safety
///
/// This function has no requirements. It is unsafe only to test that the attribute accepts it.
#[expect(unsafe_code, reason = "the attribute accepts such functions")]
#[threadsafe_generator]
unsafe fn not_safe(n: &u32) -> impl Iterator<Item = u32> {
    yield_!(*n);
}

#[threadsafe_generator]
fn more_bounds(n: &u32) -> impl Iterator<Item = u32> + Unpin + Send + '_ {
    yield_!(*n);
}

#[expect(clippy::implied_bounds_in_impls, reason = "the attribute looks for the bound `Iterator`")]
#[threadsafe_generator]
fn fused() -> impl std::iter::FusedIterator + core::iter::Iterator<Item = u32> {
    yield_!(1);
}

#[threadsafe_generator]
fn impl_in_item() -> impl Iterator<Item = (u32, impl Display)> {
    yield_!((1, "one"));
    yield_!((2, "two"));
}

#[threadsafe_generator]
#[rustfmt::skip]
fn parenthesised() -> (impl Iterator<Item = u32>) {
    yield_!(1);
}

#[threadsafe_generator]
fn boxed(n: u32) -> Box<dyn Iterator<Item = u32>> {
    if n > 0 {
        yield_from!(boxed(n - 1));
        yield_!(n);
    }
}

#[threadsafe_generator]
fn boxed_borrowing<'a>(text: &'a str) -> std::boxed::Box<dyn Iterator<Item = &'a str> + Send + 'a> {
    yield_from!(text.split(','));
}

#[threadsafe_generator(crate = threadsafe_gen)]
fn with_option() -> impl Iterator<Item = u32> {
    yield_!(7);
}

mod renamed {
    pub(crate) use threadsafe_gen as inner;
}

#[threadsafe_generator(crate = crate::renamed::inner,)]
pub(crate) fn with_path() -> impl Iterator<Item = u32> {
    yield_!(8);
}

#[derive(Default)]
struct Shelf {
    books: Vec<String>,
    lent: usize,
}

impl Shelf {
    const FIRST: &'static str = "index";

    #[threadsafe_generator]
    fn by_ref(&self) -> impl Iterator<Item = &str> {
        yield_!(Self::FIRST);
        for book in &self.books {
            yield_!(book.as_str());
        }
    }

    #[threadsafe_generator]
    fn by_mut(&mut self) -> impl Iterator<Item = usize> {
        while self.lent < 3 {
            self.lent += 1;
            yield_!(self.lent);
        }
    }

    #[threadsafe_generator]
    fn by_value(mut self) -> impl Iterator<Item = String> {
        while let Some(book) = self.books.pop() {
            yield_!(book);
        }
    }

    #[threadsafe_generator]
    fn by_arc(self: Arc<Self>) -> impl Iterator<Item = usize> {
        yield_!(self.books.len());
    }

    #[threadsafe_generator]
    fn by_pin(self: Pin<&mut Self>) -> impl Iterator<Item = usize> {
        yield_!(self.books.len());
    }

    #[threadsafe_generator]
    fn associated(book: &str) -> impl Iterator<Item = Self> {
        yield_!(Self { books: vec![book.to_owned()], lent: 0 });
    }

    #[threadsafe_generator]
    fn self_unused(self: Box<Self>) -> impl Iterator<Item = u32> {
        yield_!(1);
    }
}

trait Source {
    type Out: Send;

    #[threadsafe_generator]
    fn declared(&self) -> impl Iterator<Item = Self::Out>;

    #[threadsafe_generator]
    fn provided(&self) -> impl Iterator<Item = Self::Out>
    where
        Self: Sync,
    {
        yield_from!(self.declared());
        yield_from!(self.declared());
    }

    #[threadsafe_generator]
    fn boxed<'a>(&'a self) -> Box<dyn Iterator<Item = u8> + 'a>;
}

impl Source for BTreeMap<u32, char> {
    type Out = (u32, char);

    #[threadsafe_generator]
    fn declared(&self) -> impl Iterator<Item = (u32, char)> {
        for (&key, &value) in self {
            yield_!((key, value));
        }
    }

    #[threadsafe_generator]
    fn boxed<'a>(&'a self) -> Box<dyn Iterator<Item = u8> + 'a> {
        yield_!(u8::try_from(self.len()).unwrap());
    }
}

macro_rules! function {
    ($name:ident, $ty:ty, $body:block) => {
        #[threadsafe_generator]
        fn $name() -> $ty $body
    };
}

function!(from_macro, Box<dyn Iterator<Item = u32>>, {
    yield_!(1);
    yield_!(2);
});

#[test]
fn free_functions() {
    assert_eq!(drain(free(3)), [0, 1, 2]);
    assert_eq!(drain(no_yield()), []);
    assert_eq!(drain(generic::<_, 2>("a")), ["a", "a"]);
    assert_eq!(drain(named_lifetimes("a", &[1, 2])), [("a", &1), ("a", &2)]);
    assert_eq!(drain(elided_lifetimes(&String::from("a"), "b")), ["a", "b"]);
    assert_eq!(drain(elided_in_item("a b")), ["a", "b"]);
    assert_eq!(drain(impl_and_dyn([1, 2], &|n| n.to_string())), ["1", "2"]);
    assert_eq!(drain(with_attributes()), [1]);
    #[expect(unsafe_code, reason = "the annotated function is unsafe")]
    // SAFETY: `not_safe` has no requirements.
    let not_safe = unsafe { not_safe(&5) };
    assert_eq!(drain(not_safe), [5]);
    assert_eq!(drain(more_bounds(&5)), [5]);
    assert_eq!(drain(fused()), [1]);
    assert_eq!(
        drain(impl_in_item()).iter().map(|(n, text)| format!("{n} {text}")).collect::<Vec<_>>(),
        ["1 one", "2 two"]
    );
    assert_eq!(drain(parenthesised()), [1]);
    assert_eq!(drain(with_option()), [7]);
    assert_eq!(drain(with_path()), [8]);
    assert_eq!(drain(from_macro()), [1, 2]);
    assert_eq!(drain(attributes_on_arguments(3)), [3]);
}

#[test]
fn patterns_as_arguments() {
    let (point, whole) = (Point { x: -7, y: -8 }, Point { x: -9, y: -10 });
    let items = drain(patterns((1, 1), [3, 0, 0, 4], point, &5, 5, whole));
    assert_eq!(items, [1, 2, 3, 4, 5, 6, -7, -8, -9, -10]);
}

#[test]
fn a_boxed_generator_can_be_named_and_recursive() {
    static SHARED: std::sync::LazyLock<ThreadsafeIter<Box<dyn Iterator<Item = u32> + Send>>> =
        std::sync::LazyLock::new(|| boxed(3));
    assert_eq!(SHARED.iter().collect::<Vec<_>>(), [1, 2, 3]);
    assert_eq!(drain(boxed_borrowing("a,b")), ["a", "b"]);
}

#[test]
fn arguments_live_as_long_as_the_generator() {
    let count = Arc::new(AtomicUsize::new(0));
    let dropped = || Dropped(Arc::clone(&count));
    let generator = unused_arguments(dropped(), dropped(), dropped(), (dropped(), dropped()));
    assert_eq!(count.load(Ordering::SeqCst), 0);
    assert_eq!(generator.next(), Some(()));
    assert_eq!(count.load(Ordering::SeqCst), 0);
    drop(generator);
    assert_eq!(count.load(Ordering::SeqCst), 5);
    drop(unused_arguments(dropped(), dropped(), dropped(), (dropped(), dropped())));
    assert_eq!(count.load(Ordering::SeqCst), 10, "the arguments of a generator that never ran");
    let generator = dropped().unused_self();
    assert_eq!((generator.next(), count.load(Ordering::SeqCst)), (Some(()), 10));
    drop(generator);
    assert_eq!(count.load(Ordering::SeqCst), 11);
}

#[test]
fn methods_with_every_receiver() {
    let shelf = || Shelf { books: vec!["a".into(), "b".into()], lent: 1 };
    assert_eq!(drain(shelf().by_ref()), ["index", "a", "b"]);
    assert_eq!(drain(shelf().by_mut()), [2, 3]);
    assert_eq!(drain(shelf().by_value()), ["b", "a"]);
    assert_eq!(drain(Arc::new(shelf()).by_arc()), [2]);
    assert_eq!(drain(Pin::new(&mut shelf()).by_pin()), [2]);
    assert_eq!(drain(Shelf::associated("c"))[0].books, ["c"]);
    assert_eq!(drain(Box::new(shelf()).self_unused()), [1]);
}

#[test]
fn trait_methods() {
    let map = BTreeMap::from([(1, 'a'), (2, 'b')]);
    assert_eq!(drain(map.declared()), [(1, 'a'), (2, 'b')]);
    assert_eq!(drain(map.provided()).len(), 4);
    assert_eq!(drain(Source::boxed(&map)), [2]);
}

#[test]
fn a_generator_in_an_arc_is_shared_by_spawned_threads() {
    let shared = Arc::new(free(1000));
    let seen = Arc::new(Mutex::new(Vec::new()));
    let workers: Vec<_> = (0..4)
        .map(|_| {
            let (shared, seen) = (Arc::clone(&shared), Arc::clone(&seen));
            std::thread::spawn(move || {
                while let Some(item) = shared.next() {
                    seen.lock().unwrap().push(item);
                }
            })
        })
        .collect();
    for worker in workers {
        worker.join().unwrap();
    }
    let mut seen = seen.lock().unwrap().clone();
    seen.sort_unstable();
    assert!(seen.into_iter().eq(0..1000));
}

#[threadsafe_generator]
fn borrowing_patterns(ref a: u32, ref mut b: u32, (ref mut c, _): (u32, u32)) -> impl Iterator<Item = u32> {
    *b += 1;
    *c += 1;
    yield_from!([*a, *b, *c]);
}

#[threadsafe_generator]
fn expected_attributes(
    #[expect(unused_variables, reason = "the body does not use it")] unused: u32,
) -> impl Iterator<Item = u32> {
    yield_!(1);
}

#[test]
fn attributes_and_borrows_in_arguments() {
    assert_eq!(drain(borrowing_patterns(1, 1, (2, 0))), [1, 2, 3]);
    assert_eq!(drain(expected_attributes(1)), [1]);
}
