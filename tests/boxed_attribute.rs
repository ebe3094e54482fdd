//! Annotated functions that return boxed generators, whose types can be written down, and bounds that are true of every
//! lock.

use std::fmt::Display;
use std::io;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::pin::Pin;
use std::sync::LazyLock;

use futures::executor::block_on;
use threadsafe_gen::{
    BoxCoroutine, Coroutine, GeneratorState, Stream, ThreadsafeCoroutine, ThreadsafeIter, ThreadsafeStream,
    threadsafe_generator,
};

fn is_shared(_: &(impl Send + Sync + UnwindSafe + RefUnwindSafe + Unpin)) {}

type BoxStream<'a, T> = Pin<Box<dyn Stream<Item = T> + Send + 'a>>;

/// The expansion of each form of return type.
struct Generators<'a> {
    sum: ThreadsafeCoroutine<BoxCoroutine<'static, u32, u32, u32>>,
    lengths: ThreadsafeCoroutine<BoxCoroutine<'a, usize, (), &'a str>>,
    words: ThreadsafeStream<BoxStream<'a, &'a str>>,
    numbers: ThreadsafeStream<BoxStream<'static, io::Result<u8>>>,
    unpinned: ThreadsafeStream<Box<dyn Stream<Item = u8> + Send + Unpin>>,
    letters: ThreadsafeIter<Box<dyn Iterator<Item = char> + Send + 'a>>,
}

#[threadsafe_generator]
fn sum() -> Box<dyn Coroutine<Yield = u32, Resume = u32, Return = u32>> {
    let mut sum = resumed_with!();
    while sum < 10 {
        sum += yield_!(sum);
    }
    sum
}

#[threadsafe_generator]
fn lengths<'a>(text: &'a str) -> Box<dyn Coroutine<Yield = usize, Resume = (), Return = &'a str> + 'a> {
    for word in text.split(' ') {
        yield_!(word.len());
    }
    text
}

#[threadsafe_generator]
fn words(text: &str) -> Pin<Box<dyn Stream<Item = &str> + '_>> {
    for word in text.split(' ') {
        yield_!(std::future::ready(word).await);
    }
}

#[threadsafe_generator]
fn numbers(n: u8) -> std::pin::Pin<std::boxed::Box<dyn Stream<Item = io::Result<u8>> + Send + Sync>> {
    yield_!(Ok(n));
    Err(io::Error::other("failed"))?;
}

#[threadsafe_generator]
fn unpinned(n: u8) -> Box<dyn Stream<Item = u8>> {
    yield_!(n);
}

#[threadsafe_generator]
fn letters(text: &str) -> Box<dyn Iterator<Item = char> + Sync + '_> {
    yield_from!(text.chars());
}

#[test]
fn a_boxed_generator_has_a_type_that_can_be_written_down() {
    let all = Generators {
        sum: sum(),
        lengths: lengths("a bc"),
        words: words("a bc"),
        numbers: numbers(1),
        unpinned: unpinned(1),
        letters: letters("ab"),
    };
    is_shared(&all);
    assert_eq!(all.sum.resume_with(4), Some(GeneratorState::Yielded(4)));
    assert_eq!(all.sum.resume_with(7), Some(GeneratorState::Complete(11)));
    assert_eq!(all.sum.resume_with(7), None);
    let mut states = std::iter::from_fn(|| all.lengths.resume());
    assert_eq!(states.next(), Some(GeneratorState::Yielded(1)));
    assert_eq!(states.next(), Some(GeneratorState::Yielded(2)));
    assert_eq!(states.next(), Some(GeneratorState::Complete("a bc")));
    assert_eq!(states.next(), None);
    block_on(async {
        assert_eq!(all.words.next().await, Some("a"));
        assert_eq!(all.words.next().await, Some("bc"));
        assert_eq!(all.words.next().await, None);
        assert_eq!(all.numbers.next().await.map(|item| item.map_err(|error| error.to_string())), Some(Ok(1)));
        assert!(all.numbers.next().await.is_some_and(|item| item.is_err()));
        assert!(all.numbers.next().await.is_none());
        assert_eq!(all.unpinned.next().await, Some(1));
        assert_eq!(all.unpinned.next().await, None);
    });
    assert!(all.letters.iter().eq(['a', 'b']));
}

static IDS: LazyLock<ThreadsafeCoroutine<BoxCoroutine<'_, u32, u32, u32>>> = LazyLock::new(sum);

#[test]
fn a_static_holds_a_boxed_coroutine() {
    assert_eq!(IDS.resume_with(1), Some(GeneratorState::Yielded(1)));
    assert!(format!("{:?}", *IDS).starts_with("ThreadsafeCoroutine"));
}

#[test]
fn a_boxed_coroutine_implements_the_trait_of_coroutines() {
    fn first<C: Coroutine<Resume = u32> + Unpin>(mut coroutine: C) -> GeneratorState<C::Yield, C::Return> {
        Pin::new(&mut coroutine).resume_with(3)
    }

    let inner: Pin<Box<dyn Coroutine<Yield = u32, Resume = u32, Return = u32> + Send>> =
        Box::pin(threadsafe_gen::coroutine(async |_, first| first));
    let boxed = BoxCoroutine::from(inner);
    assert_eq!(format!("{boxed:?}"), "BoxCoroutine { .. }");
    assert_eq!(first(boxed), GeneratorState::<u32, u32>::Complete(3));
    assert_eq!(first(sum()), GeneratorState::Yielded(3));
}

trait Family {
    #[threadsafe_generator]
    fn coroutine(&self) -> Box<dyn Coroutine<Yield = u8, Resume = (), Return = ()> + '_>;

    #[threadsafe_generator]
    fn stream(&self) -> Pin<Box<dyn Stream<Item = u8> + Send + '_>>;

    #[threadsafe_generator]
    fn items(&self) -> impl Iterator<Item = u8> + Send + Sync;
}

impl Family for Vec<u8> {
    #[threadsafe_generator]
    fn coroutine(&self) -> Box<dyn Coroutine<Yield = u8, Resume = (), Return = ()> + '_> {
        yield_from!(self.iter().copied());
    }

    #[threadsafe_generator]
    fn stream(&self) -> Pin<Box<dyn Stream<Item = u8> + Send + '_>> {
        yield_from!(self.iter().copied());
    }

    #[threadsafe_generator]
    fn items(&self) -> impl Iterator<Item = u8> + Send + Sync {
        yield_from!(self.iter().copied());
    }
}

#[test]
fn methods_of_traits_return_boxed_generators() {
    let family = vec![1, 2];
    assert_eq!(family.coroutine().resume(), Some(GeneratorState::Yielded(1)));
    assert_eq!(block_on(family.stream().next()), Some(1));
    assert!(family.items().eq([1, 2]));
}

#[threadsafe_generator]
fn sync_iterator(n: u8) -> impl Iterator<Item = u8> + Send + Sync {
    yield_!(n);
}

#[threadsafe_generator]
fn sync_coroutine(n: u8) -> impl Coroutine<Yield = u8, Resume = (), Return = ()> + Sync + Send + 'static {
    yield_!(n);
}

#[threadsafe_generator]
fn sync_stream(n: u8) -> impl Sync + Stream<Item = u8> {
    yield_!(n);
}

#[threadsafe_generator]
fn unwind_safe(text: &str) -> impl UnwindSafe + Iterator<Item = String> + RefUnwindSafe + '_ + std::marker::Sync {
    yield_!(text.to_owned());
}

#[threadsafe_generator]
fn sync_boxed_coroutine(n: u8) -> Box<dyn Coroutine<Yield = u8, Resume = (), Return = ()> + Send + Sync + UnwindSafe> {
    yield_!(n);
}

#[threadsafe_generator]
fn displayed(n: u8) -> Box<dyn Iterator<Item = Box<dyn Display + Send + Sync>> + Send + Sync> {
    yield_!(Box::new(n));
}

#[test]
fn bounds_that_are_true_of_every_lock_are_accepted() {
    let (iterator, coroutine, stream) = (sync_iterator(1), sync_coroutine(1), sync_stream(1));
    is_shared(&(&iterator, &coroutine, &stream));
    assert!(iterator.eq([1]));
    assert_eq!(coroutine.resume(), Some(GeneratorState::Yielded(1)));
    assert_eq!(block_on(stream.next()), Some(1));
    let text = String::from("text");
    let (texts, coroutine, displayed) = (unwind_safe(&text), sync_boxed_coroutine(1), displayed(1));
    is_shared(&(&texts, &coroutine, &displayed));
    assert!(texts.eq(["text"]));
    assert_eq!(coroutine.resume(), Some(GeneratorState::Yielded(1)));
    assert_eq!(displayed.map(|item| item.to_string()).collect::<String>(), "1");
}

struct Owned(Vec<u8>);

impl Owned {
    #[threadsafe_generator]
    #[expect(clippy::multiple_bound_locations, reason = "the attribute is to accept both")]
    fn into_boxed<T: Into<u8> + Copy + Send>(mut self, more: T) -> Box<dyn Iterator<Item = u8> + 'static>
    where
        T: 'static,
    {
        self.0.push(more.into());
        yield_from!(self.0);
    }

    #[threadsafe_generator]
    fn drained(&mut self) -> Box<dyn Iterator<Item = u8> + '_> {
        yield_from!(self.0.drain(..));
    }

    #[threadsafe_generator]
    fn shared(self: std::sync::Arc<Self>, f: impl Fn(u8) -> u8 + Send + 'static) -> Box<dyn Iterator<Item = u8>> {
        for n in &self.0 {
            yield_!(f(*n));
        }
    }
}

#[threadsafe_generator]
fn of_unsized<'a, T: Iterator<Item = u8> + Send + ?Sized>(
    items: &'a mut T,
    f: &'a (dyn Fn(u8) -> u8 + Sync),
    _: Box<dyn Fn() + Send>,
) -> Pin<Box<dyn Stream<Item = u8> + 'a>> {
    for n in items {
        yield_!(f(n));
    }
}

#[test]
fn the_arguments_of_a_boxed_generator_can_be_of_any_type_that_is_send() {
    let mut owned = Owned(vec![1]);
    assert!(owned.drained().eq([1]));
    owned.0.push(2);
    assert!(owned.into_boxed(3_u8).eq([2, 3]));
    assert!(std::sync::Arc::new(Owned(vec![4])).shared(|n| n + 1).eq([5]));
    let (mut items, double) = ([1, 2].into_iter(), |n| 2 * n);
    let items: &mut (dyn Iterator<Item = u8> + Send) = &mut items;
    let doubled = of_unsized(items, &double, Box::new(|| ()));
    assert_eq!(block_on(async { [doubled.next().await, doubled.next().await] }), [Some(2), Some(4)]);
}
