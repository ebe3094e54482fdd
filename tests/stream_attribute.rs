//! Every shape of function and body from which the attribute makes a stream.

use std::fmt::Display;
use std::future::{Future, pending, ready};
use std::num::ParseIntError;
use std::pin::Pin;
use std::sync::{Arc, LazyLock};

use futures::StreamExt;
use futures::executor::block_on;
use support::{limited, message_of};
use threadsafe_gen::{AsyncGenerator, Stream, ThreadsafeStream, stream, threadsafe_generator, try_stream};
use tokio::runtime::Builder;
use tokio::sync::{Mutex, mpsc, oneshot};
use tokio::task::yield_now;

const NOT_AWAITED: &str = "an item was yielded and not awaited: write `.yield_(item).await`";

/// Sends a stream to another thread and takes its items there through a shared reference: every stream must allow that.
fn drain<S: Stream<Item: Send> + Send + Unpin>(stream: ThreadsafeStream<S>) -> Vec<S::Item> {
    std::thread::scope(|scope| scope.spawn(move || block_on(stream.stream().collect())).join().unwrap())
}

#[threadsafe_generator]
fn free(n: u32) -> impl Stream<Item = u32> {
    for i in 0..n {
        yield_now().await;
        yield_!(i);
    }
}

#[threadsafe_generator]
fn no_yield() -> impl Stream<Item = u32> {}

#[threadsafe_generator]
fn no_yield_but_awaits(future: impl Future<Output = ()> + Send) -> impl Stream<Item = u32> {
    future.await;
    yield_from!([]);
}

#[threadsafe_generator]
fn generic<T, const N: usize>(item: T) -> impl Stream<Item = T>
where
    T: Clone + Display + Send,
{
    for _ in 0..N {
        yield_!(ready(item.clone()).await);
    }
}

#[threadsafe_generator]
fn named_lifetimes<'a, 'b: 'a>(a: &'a str, b: &'b [u32]) -> impl Stream<Item = (&'a str, &'b u32)> {
    for n in b {
        yield_now().await;
        yield_!((a, n));
    }
}

#[threadsafe_generator]
fn elided_lifetimes(a: &str, b: &str) -> impl Stream<Item = String> {
    yield_!(a.to_owned());
    yield_!(b.to_owned());
}

#[threadsafe_generator]
fn impl_and_dyn(
    futures: impl IntoIterator<Item = impl Future<Output = u32> + Send, IntoIter: Send> + Send,
    show: &(dyn Fn(u32) -> String + Sync),
) -> impl Stream<Item = String> {
    for future in futures {
        yield_!(show(future.await));
    }
}

struct Point {
    x: u32,
    y: u32,
}

#[threadsafe_generator]
fn patterns(
    (a, mut b): (u32, u32),
    [first, .., last]: [u32; 4],
    Point { x, y: renamed }: Point,
    &reference: &u32,
    mut counter: u32,
    _: Arc<()>,
    _unused: Arc<()>,
) -> impl Stream<Item = u32> {
    b += 1;
    counter += 1;
    yield_from!([a, b, first, last, x, renamed, reference, counter]);
}

#[threadsafe_generator]
fn more_bounds(n: &u32) -> impl Stream<Item = u32> + Unpin + Send + '_ {
    yield_!(*n);
}

#[threadsafe_generator]
fn by_its_path() -> impl threadsafe_gen::Stream<Item = u32> {
    yield_!(1);
}

mod renamed {
    pub(crate) use threadsafe_gen as inner;
}

#[threadsafe_generator(crate = crate::renamed::inner)]
fn with_option() -> impl Stream<Item = u32> {
    yield_!(7);
}

/// Doc comments and attributes are kept.
#[must_use = "it is lazy"]
#[threadsafe_generator]
pub fn with_attributes() -> impl Stream<Item = u32> {
    #![allow(unused_variables)]
    let unused = 1;
    yield_!(1);
}

#[test]
fn free_functions() {
    limited(|| {
        assert_eq!(drain(free(3)), [0, 1, 2]);
        assert_eq!(drain(no_yield()), []);
        assert_eq!(drain(no_yield_but_awaits(yield_now())), []);
        assert_eq!(drain(generic::<_, 2>("a")), ["a", "a"]);
        assert_eq!(drain(named_lifetimes("a", &[1, 2])), [("a", &1), ("a", &2)]);
        assert_eq!(drain(elided_lifetimes(&String::from("a"), "b")), ["a", "b"]);
        assert_eq!(drain(impl_and_dyn([ready(1), ready(2)], &|n| n.to_string())), ["1", "2"]);
        assert_eq!(drain(more_bounds(&5)), [5]);
        assert_eq!(drain(by_its_path()), [1]);
        assert_eq!(drain(with_option()), [7]);
        assert_eq!(drain(with_attributes()), [1]);
    });
}

#[test]
fn arguments_live_as_long_as_the_stream() {
    limited(|| {
        let alive = Arc::new(());
        for taken in [0, 1, 8] {
            let point = Point { x: 5, y: 6 };
            let (unnamed, unused) = (Arc::clone(&alive), Arc::clone(&alive));
            let numbers = patterns((1, 1), [3, 0, 0, 4], point, &7, 7, unnamed, unused);
            let items: Vec<_> = block_on(numbers.stream().take(taken).collect());
            assert!(items.into_iter().eq(1..=u32::try_from(taken).unwrap()));
            assert_eq!(Arc::strong_count(&alive), 3);
            drop(numbers);
            assert_eq!(Arc::strong_count(&alive), 1);
        }
    });
}

struct Shelf {
    books: Vec<String>,
    lent: usize,
}

impl Shelf {
    const FIRST: &'static str = "index";

    #[threadsafe_generator]
    fn by_ref(&self) -> impl Stream<Item = &str> {
        yield_!(Self::FIRST);
        for book in &self.books {
            yield_now().await;
            yield_!(book.as_str());
        }
    }

    #[threadsafe_generator]
    fn by_mut(&mut self) -> impl Stream<Item = usize> {
        while self.lent < 3 {
            yield_now().await;
            self.lent += 1;
            yield_!(self.lent);
        }
    }

    #[threadsafe_generator]
    fn by_value(mut self) -> impl Stream<Item = String> {
        while let Some(book) = self.books.pop() {
            yield_!(book);
        }
    }

    #[threadsafe_generator]
    fn by_arc(self: Arc<Self>) -> impl Stream<Item = usize> {
        yield_!(self.books.len());
    }

    #[threadsafe_generator]
    fn by_pin(self: Pin<&mut Self>) -> impl Stream<Item = usize> {
        yield_!(self.books.len());
    }

    #[threadsafe_generator]
    fn associated(book: &str) -> impl Stream<Item = Self> {
        yield_!(Self { books: vec![book.to_owned()], lent: 0 });
    }
}

#[test]
fn methods_with_every_receiver() {
    limited(|| {
        let shelf = || Shelf { books: vec!["a".into(), "b".into()], lent: 1 };
        assert_eq!(drain(shelf().by_ref()), ["index", "a", "b"]);
        assert_eq!(drain(shelf().by_mut()), [2, 3]);
        assert_eq!(drain(shelf().by_value()), ["b", "a"]);
        assert_eq!(drain(Arc::new(shelf()).by_arc()), [2]);
        assert_eq!(drain(Pin::new(&mut shelf()).by_pin()), [2]);
        assert_eq!(drain(Shelf::associated("c"))[0].books, ["c"]);
    });
}

trait Source: Send + Sync + 'static {
    type Out: Send;

    #[threadsafe_generator]
    fn declared(&self) -> impl Stream<Item = Self::Out>;

    #[threadsafe_generator]
    fn provided(&self) -> impl Stream<Item = Self::Out> {
        for _ in 0..2 {
            let declared = self.declared();
            while let Some(item) = declared.next().await {
                yield_!(item);
            }
        }
    }

    #[threadsafe_generator]
    fn without_self(n: u32) -> impl Stream<Item = u32>;
}

impl Source for [char; 2] {
    type Out = char;

    #[threadsafe_generator]
    fn declared(&self) -> impl Stream<Item = char> {
        for letter in self {
            yield_now().await;
            yield_!(*letter);
        }
    }

    #[threadsafe_generator]
    fn without_self(n: u32) -> impl Stream<Item = u32> {
        yield_!(n);
    }
}

/// Takes items in spawned tasks of a generic function: by the trait's signature alone, the stream is `Send` and
/// `Unpin`.
async fn in_two_tasks<T: Source>(source: T) -> Vec<T::Out> {
    let source = Arc::new(source);
    let others = Arc::clone(&source);
    let shared = tokio::spawn(async move {
        let shared = others.provided();
        let all = async || shared.stream().collect::<Vec<_>>().await;
        let (mut some, rest) = tokio::join!(all(), all());
        some.extend(rest);
        some
    });
    let owned = tokio::spawn(async move {
        let mut owned = source.declared();
        let first = StreamExt::next(&mut owned).await;
        first.into_iter().chain(owned.collect::<Vec<_>>().await).collect::<Vec<_>>()
    });
    let mut items = shared.await.unwrap();
    items.extend(owned.await.unwrap());
    items
}

#[test]
fn trait_methods_in_generic_tasks() {
    limited(|| {
        let runtime = Builder::new_multi_thread().worker_threads(2).build().unwrap();
        let mut items = runtime.block_on(in_two_tasks(['a', 'b']));
        items.sort_unstable();
        assert_eq!(items, ['a', 'a', 'a', 'b', 'b', 'b']);
        assert_eq!(drain(<[char; 2]>::without_self(3)), [3]);
    });
}

#[test]
fn a_stream_in_a_static_is_shared_by_spawned_tasks() {
    static SHARED: LazyLock<ThreadsafeStream<Pin<Box<dyn Stream<Item = u32> + Send>>>> =
        LazyLock::new(|| ThreadsafeStream::new(Box::pin(free(1000))));

    limited(|| {
        let runtime = Builder::new_multi_thread().worker_threads(2).build().unwrap();
        let tasks = [(); 4].map(|()| runtime.spawn(SHARED.stream().collect::<Vec<_>>()));
        let mut items: Vec<_> = tasks.into_iter().flat_map(|task| runtime.block_on(task).unwrap()).collect();
        items.sort_unstable();
        assert!(items.into_iter().eq(0..1000));
    });
}

#[threadsafe_generator]
fn in_macros() -> impl Stream<Item = u32> {
    assert_eq!(vec![yield_!(ready(1).await), yield_!(2)], [(), ()]);
    println!("{} {:?}", ready("a").await, yield_!(vec![ready(3).await][0]));
    assert!(matches!(async { ready(4).await }.await, 4), "{}", ready("b").await);
    macro_rules! twice {
        ($future:expr) => {
            yield_!($future.await);
            yield_!($future.await + 1)
        };
    }
    twice!(ready(4));
    let _ = format_args!("{}", {
        yield_now().await;
        yield_!({
            yield_!(6);
            ready(7).await
        });
        ""
    });
}

#[threadsafe_generator]
fn selecting(mut numbers: mpsc::Receiver<u32>, mut words: mpsc::Receiver<&str>) -> impl Stream<Item = String> {
    loop {
        tokio::select! {
            Some(n) = numbers.recv() => yield_!(n.to_string()),
            Some(word) = words.recv() => {
                yield_!(word.to_owned());
                yield_!(word.to_uppercase());
            }
            else => return,
        }
    }
}

#[threadsafe_generator]
fn joining(total: &Mutex<u32>, reply: oneshot::Receiver<u32>) -> impl Stream<Item = u32> {
    let (reply, locked) = tokio::join!(reply, async {
        yield_now().await;
        total.lock().await
    });
    yield_!(reply.unwrap());
    yield_!(*locked);
    let (three, four) = futures::join!(ready(3), async { ready(4).await });
    yield_from!([three, four]);
}

#[test]
fn bodies_can_await_inside_macros() {
    limited(|| {
        assert_eq!(drain(in_macros()), [1, 2, 3, 4, 5, 6, 7]);
    });
}

#[test]
fn bodies_can_await_channels_locks_and_several_futures_at_once() {
    limited(|| {
        let runtime = Builder::new_multi_thread().worker_threads(2).build().unwrap();
        let (number, numbers) = mpsc::channel(1);
        let (word, words) = mpsc::channel(1);
        let senders = [
            runtime.spawn(async move {
                for n in 0..100 {
                    number.send(n).await.unwrap();
                }
            }),
            runtime.spawn(async move {
                for sent in ["a"; 100] {
                    word.send(sent).await.unwrap();
                }
            }),
        ];
        let shared = Arc::new(selecting(numbers, words));
        let receivers = [(); 3].map(|()| {
            let shared = Arc::clone(&shared);
            runtime.spawn(async move { shared.stream().collect::<Vec<_>>().await })
        });
        let mut items: Vec<_> = receivers.into_iter().flat_map(|task| runtime.block_on(task).unwrap()).collect();
        for sender in senders {
            runtime.block_on(sender).unwrap();
        }
        items.sort_unstable_by_key(|item| (item.parse().unwrap_or(100), item.clone()));
        let words = ["A"; 100].into_iter().chain(["a"; 100]).map(str::to_owned);
        assert!(items.into_iter().eq((0..100).map(|n| n.to_string()).chain(words)));

        let (send, receive) = oneshot::channel();
        let total = Mutex::new(2);
        let shared = joining(&total, receive);
        let (items, ()) = runtime
            .block_on(async { futures::join!(shared.stream().collect::<Vec<_>>(), async { send.send(1).unwrap() }) });
        assert_eq!(items, [1, 2, 3, 4]);
    });
}

#[derive(Debug, PartialEq)]
enum Failure {
    Number(ParseIntError),
    Empty,
}

impl From<ParseIntError> for Failure {
    fn from(error: ParseIntError) -> Self {
        Self::Number(error)
    }
}

#[threadsafe_generator]
fn numbers(words: &str) -> impl Stream<Item = Result<u32, Failure>> {
    if words == "-" {
        return;
    }
    for word in words.split(' ') {
        if word.is_empty() {
            yield_now().await;
            Err(Failure::Empty)?;
        }
        let number = async { word.parse() }.await?;
        yield_!(Ok(number));
    }
}

#[test]
fn an_error_is_the_last_item() {
    limited(|| {
        let number = |word: &str| Failure::from(word.parse::<u32>().unwrap_err());
        assert_eq!(drain(numbers("1 2")), [Ok(1), Ok(2)]);
        assert_eq!(drain(numbers("1 x 2")), [Ok(1), Err(number("x"))]);
        assert_eq!(drain(numbers("1  2")), [Ok(1), Err(Failure::Empty)]);
        assert_eq!(drain(numbers("-")), []);

        let in_a_closure = try_stream(async |co| {
            for word in ["1", "x", "2"] {
                let number: u32 = ready(word).await.parse()?;
                co.yield_(Ok(number)).await;
            }
            Ok::<(), Failure>(())
        });
        assert_eq!(drain(in_a_closure.threadsafe()), [Ok(1), Err(number("x"))]);
    });
}

/// Polls `numbers` to the end. Returns the items and the number of polls without an item.
fn items_of(numbers: AsyncGenerator<u64, impl Future<Output = ()>>) -> (Vec<u64>, usize) {
    let numbers = numbers.threadsafe();
    let (mut items, mut pending) = (Vec::new(), 0);
    loop {
        match numbers.poll_once() {
            Ok(Some(item)) => items.push(item),
            Ok(None) => return (items, pending),
            Err(_) if pending < 10 => pending += 1,
            Err(error) => panic!("{error}"),
        }
    }
}

#[test]
fn a_yield_that_is_dropped_or_awaited_later_loses_no_item() {
    // The yield is dropped before the body suspends.
    let dropped = items_of(stream(async |co| {
        tokio::select! { biased; () = ready(()) => (), () = co.yield_(1) => unreachable!() }
        yield_now().await;
        co.yield_(2).await;
    }));
    // The yield is dropped after its item has been taken.
    let dropped_after_delivery = items_of(stream(async |co| {
        tokio::select! { biased; () = yield_now() => (), () = co.yield_(1) => unreachable!() }
        co.yield_(2).await;
    }));
    let awaited_later = items_of(stream(async |co| {
        let first = co.yield_(1);
        yield_now().await;
        yield_now().await;
        first.await;
        co.yield_(2).await;
    }));
    let joined = items_of(stream(async |co| {
        futures::join!(co.yield_(1), async {
            yield_now().await;
            yield_now().await;
        });
        co.yield_(2).await;
    }));
    let pending = [0, 0, 1, 1];
    assert_eq!([dropped, dropped_after_delivery, awaited_later, joined], pending.map(|polls| (vec![1, 2], polls)));
}

#[test]
fn a_yield_that_is_not_awaited_panics() {
    let two = stream(async |co| {
        drop(co.yield_(1));
        drop(co.yield_(2));
        pending::<()>().await;
    });
    let last = stream(async |co| drop(co.yield_(1)));
    assert_eq!([message_of(|| items_of(two)), message_of(|| items_of(last))], [NOT_AWAITED; 2]);
}
