//! Every shape of function and body from which the attribute makes a coroutine.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::fmt::Display;
use std::num::ParseIntError;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::thread;

use threadsafe_gen::GeneratorState::{Complete, Yielded};
use threadsafe_gen::{Coroutine, ThreadsafeCoroutine, coroutine, threadsafe_generator};

/// Sends each argument from another thread, up to the end. Returns the answers, and the return value if there is one.
fn talk<C>(shared: &ThreadsafeCoroutine<C>, arguments: impl IntoIterator<Item = C::Resume>) -> Talk<C>
where
    C: Coroutine<Yield: Send, Resume: Send, Return: Send> + Unpin + Send,
{
    let mut answers = Vec::new();
    for argument in arguments {
        match thread::scope(|scope| scope.spawn(|| shared.resume_with(argument)).join().unwrap()) {
            Some(Yielded(answer)) => answers.push(answer),
            Some(Complete(end)) => return (answers, Some(end)),
            None => panic!("the coroutine had completed before"),
        }
    }
    (answers, None)
}

type Talk<C> = (Vec<<C as Coroutine>::Yield>, Option<<C as Coroutine>::Return>);

/// Receives numbers until a zero, and returns their sum.
#[threadsafe_generator]
fn sum() -> impl Coroutine<Yield = usize, Resume = u32, Return = u32> {
    let mut numbers = vec![resumed_with!()];
    while *numbers.last().unwrap() != 0 {
        let number = yield_!(numbers.len());
        numbers.push(number);
    }
    numbers.iter().sum()
}

#[threadsafe_generator]
fn no_yield() -> impl Coroutine<Yield = (), Resume = u32, Return = u32> {
    resumed_with!() + 1
}

#[threadsafe_generator]
fn nothing_but_yields() -> impl Coroutine<Yield = u32, Resume = (), Return = ()> {
    yield_!(1);
    let () = yield_!(2,);
    yield_from!([3, 4],);
    yield_from!(5..6);
    yield_!(6);
}

#[threadsafe_generator]
fn units() -> impl Coroutine<Yield = (), Resume = u32, Return = u32> {
    resumed_with!() + yield_!() + yield_!(()) + yield_!({})
}

#[threadsafe_generator]
fn diverging() -> impl Coroutine<Yield = u32, Resume = u32, Return = Infallible> {
    let mut n = resumed_with!();
    loop {
        n = yield_!(n * 2);
    }
}

#[threadsafe_generator]
fn returning(limit: u32) -> impl Coroutine<Yield = &'static str, Resume = u32, Return = String> {
    let mut n = resumed_with!();
    loop {
        match n {
            0 => return "zero".into(),
            n if n > limit => {
                return format!("{n} is too much");
            }
            _ => n = yield_!("next?"),
        }
    }
}

#[threadsafe_generator]
fn labels() -> impl Coroutine<Yield = u32, Resume = Option<u32>, Return = u32> {
    let Some(mut n) = resumed_with!() else { return 0 };
    let end = 'outer: loop {
        for i in 0.. {
            match yield_!(n + i) {
                Some(0) => break 'outer n,
                Some(other) => {
                    n = other;
                    continue 'outer;
                }
                None => {}
            }
        }
    };
    end * 100
}

#[threadsafe_generator]
fn nested_yields() -> impl Coroutine<Yield = u32, Resume = u32, Return = Vec<u32>> {
    let sent = vec![resumed_with!(), yield_!(yield_!(1) + yield_!(2)), yield_!(3)];
    println!("{}", yield_!(sent.iter().sum::<u32>() - 1));
    assert!(matches!(yield_!(5), 50), "{}", yield_!(0));
    sent
}

macro_rules! twice {
    ($item:expr) => {
        yield_!($item) + yield_!($item)
    };
}

#[threadsafe_generator]
fn in_a_macro() -> impl Coroutine<Yield = u32, Resume = u32, Return = u32> {
    macro_rules! first {
        () => {
            resumed_with!()
        };
    }
    first!() + twice!(7)
}

/// `resumed_with!` still returns the first argument after a yield.
#[threadsafe_generator]
fn first_argument_later() -> impl Coroutine<Yield = u32, Resume = u32, Return = (u32, u32)> {
    let second = yield_!(0);
    let first = || resumed_with!();
    (first(), second)
}

#[threadsafe_generator]
fn any_names(co: u32, __first: u32) -> impl Coroutine<Yield = u32, Resume = u32, Return = u32> {
    let (__resumed_with, __item, __yielder, __arg0) = (1, 10, 100, 1000);
    let __inner = resumed_with!() + yield_!(co) + yield_!(__first);
    __resumed_with + __item + __yielder + __arg0 + __inner
}

#[derive(Debug, PartialEq)]
enum Error {
    Parse(ParseIntError),
    Thrown(&'static str),
}

impl From<ParseIntError> for Error {
    fn from(error: ParseIntError) -> Self {
        Self::Parse(error)
    }
}

/// The counterpart of Python's `throw`: the caller sends an error, and the yield returns it.
#[threadsafe_generator]
fn throw() -> impl Coroutine<Yield = i32, Resume = Result<&'static str, Error>, Return = Result<i32, Error>> {
    let mut sum = resumed_with!()?.parse()?;
    while sum < 100 {
        let sent = match yield_!(sum) {
            Err(Error::Thrown("ignored")) => continue,
            sent => sent?,
        };
        sum += sent.parse::<i32>()?;
    }
    Ok(sum)
}

#[threadsafe_generator]
fn optional() -> impl Coroutine<Yield = u32, Resume = Option<u32>, Return = Option<u32>> {
    let first = resumed_with!()?;
    let second = yield_!(first)?;
    first.checked_sub(second)
}

#[threadsafe_generator]
fn two_sums() -> impl Coroutine<Yield = usize, Resume = u32, Return = (u32, u32)> {
    let one = yield_from!(sum(), resumed_with!());
    let first = yield_!(1000);
    (one, yield_from!(sum(), first,))
}

#[threadsafe_generator]
fn delegating(
    inner: impl Coroutine<Yield = u32, Resume = (), Return = u32> + Send,
) -> impl Coroutine<Yield = u32, Resume = (), Return = u32> {
    yield_from!([1, 2]);
    let end = yield_from!(inner, ());
    yield_from!(nothing_but_yields(), ());
    end
}

#[threadsafe_generator]
fn foreign() -> impl Coroutine<Yield = u32, Resume = u32, Return = u32> {
    yield_from!(genawaiter::sync::Gen::new(|co| async move { co.yield_(1).await }), resumed_with!())
}

/// Counts the nodes of a tree. For each node the caller answers whether it has children.
#[threadsafe_generator]
fn recursive(depth: u32) -> impl Coroutine<Yield = u32, Resume = bool, Return = u32> {
    if !resumed_with!() {
        return 1;
    }
    let mut count = 1;
    for _ in 0..2 {
        let deeper = yield_!(depth);
        count += yield_from!(recursive(depth + 1), deeper);
    }
    count
}

#[threadsafe_generator]
fn items_within() -> impl Coroutine<Yield = u32, Resume = u32, Return = u32> {
    #[threadsafe_generator]
    fn inner(add: u32) -> impl Coroutine<Yield = u32, Resume = u32, Return = u32> {
        let twice = |n| -> u32 { 2 * n };
        yield_!(resumed_with!() + twice(add))
    }
    yield_from!(inner(5), resumed_with!())
}

/// Yielded values and the return value coerce to the types in the signature.
#[threadsafe_generator]
fn coerced() -> impl Coroutine<Yield = Box<dyn Display + Send>, Resume = u32, Return = Box<dyn Display + Send>> {
    let first = resumed_with!();
    if first == 0 {
        return Box::new("none");
    }
    let second = yield_!(Box::new(1));
    Box::new(first + second + yield_!(Box::new("two")))
}

#[threadsafe_generator]
fn opaque() -> impl Coroutine<Yield = impl Display, Resume = (), Return = (u8, impl Fn(u32) -> u32)> {
    yield_!("shown");
    (1, |n| n + 1)
}

#[threadsafe_generator]
fn generic<T, E, const N: usize>(last: E) -> impl Coroutine<Yield = usize, Resume = T, Return = (Vec<T>, E)>
where
    T: Clone + Send,
    E: Send,
{
    let mut sent = vec![resumed_with!()];
    while sent.len() < N {
        sent.push(yield_!(sent.len()));
    }
    (sent, last)
}

#[threadsafe_generator]
fn lifetimes<'a, 'b: 'a>(
    a: &'a str,
    b: &'b str,
) -> impl Coroutine<Yield = &'a str, Resume = &'a str, Return = &'b str> {
    let first = resumed_with!();
    let second = yield_!(a);
    yield_!(if first == second { b } else { second });
    b
}

#[threadsafe_generator]
fn elided(text: &str) -> impl Coroutine<Yield = &str, Resume = usize, Return = &str> {
    let mut at = resumed_with!();
    while let Some((word, _)) = text[at..].split_once(' ') {
        at += yield_!(word);
    }
    &text[at..]
}

#[threadsafe_generator]
fn borrowing(
    log: &Mutex<Vec<u32>>,
    (mut a, [b, ..]): (u32, [u32; 2]),
    ref c: u32,
    _: &str,
) -> impl Coroutine<Yield = u32, Resume = u32, Return = usize> {
    let mut add = resumed_with!();
    while add != 0 {
        a += add;
        // The guard is a temporary that is dropped before the body suspends.
        log.lock().unwrap().push(a);
        add = yield_!(a + b + c);
    }
    log.lock().unwrap().len()
}

#[threadsafe_generator]
fn impl_and_dyn(
    numbers: impl IntoIterator<Item = u32, IntoIter: Send> + Send,
    show: &(dyn Fn(u32) -> String + Sync),
) -> impl Coroutine<Yield = String, Resume = u32, Return = usize> {
    let mut add = resumed_with!();
    let mut count = 0;
    for n in numbers {
        count += 1;
        add = yield_!(show(n + add));
    }
    count
}

/// Attributes and further bounds are kept.
#[threadsafe_generator(crate = threadsafe_gen)]
#[rustfmt::skip]
fn more(n: &u32) -> (impl Unpin + threadsafe_gen::Coroutine<Return = u32, Resume = u32, Yield = u32> + '_) {
    yield_!(*n + resumed_with!())
}

#[threadsafe_generator]
fn unused_arguments(
    #[allow(unused_variables)] unused: Arc<()>,
    _underscored: Arc<()>,
    _: Arc<()>,
) -> impl Coroutine<Yield = (), Resume = (), Return = ()> {
    yield_!();
}

struct Shelf {
    books: Vec<String>,
}

impl Shelf {
    #[threadsafe_generator]
    fn find(&self) -> impl Coroutine<Yield = Option<&str>, Resume = String, Return = ()> {
        let mut title = resumed_with!();
        while !title.is_empty() {
            title = yield_!(self.books.iter().find(|book| **book == title).map(String::as_str));
        }
    }

    #[threadsafe_generator]
    fn fill(&mut self) -> impl Coroutine<Yield = usize, Resume = &'static str, Return = &[String]> {
        let mut title = resumed_with!();
        while !title.is_empty() {
            self.books.push(title.to_owned());
            title = yield_!(self.books.len());
        }
        &self.books
    }

    #[threadsafe_generator]
    fn take(mut self) -> impl Coroutine<Yield = String, Resume = usize, Return = Self> {
        let mut place = resumed_with!();
        while place < self.books.len() {
            place = yield_!(self.books.remove(place));
        }
        self
    }
}

trait Dictionary {
    type Key: Send;

    #[threadsafe_generator]
    fn look_up(&self) -> impl Coroutine<Yield = Option<char>, Resume = Self::Key, Return = Infallible>;

    #[threadsafe_generator]
    fn look_up_two(&self) -> impl Coroutine<Yield = (Option<char>, Option<char>), Resume = [Self::Key; 2], Return = ()>
    where
        Self: Sync,
    {
        let look_up = self.look_up();
        let look_up = |key| match look_up.resume_with(key) {
            Some(Yielded(answer)) => answer,
            end => unreachable!("{:?}", end.is_some()),
        };
        let mut keys = resumed_with!();
        loop {
            let [one, other] = keys;
            keys = yield_!((look_up(one), look_up(other)));
        }
    }
}

impl Dictionary for BTreeMap<u32, char> {
    type Key = u32;

    #[threadsafe_generator]
    fn look_up(&self) -> impl Coroutine<Yield = Option<char>, Resume = u32, Return = Infallible> {
        let mut key = resumed_with!();
        loop {
            key = yield_!(self.get(&key).copied());
        }
    }
}

#[test]
fn a_body_returns_its_value_from_any_point() {
    assert_eq!(talk(&sum(), [1, 2, 3, 0, 4]), (vec![1, 2, 3], Some(6)));
    assert_eq!(talk(&no_yield(), [1]), (vec![], Some(2)));
    assert_eq!(talk(&returning(10), [1, 2, 0]), (vec!["next?"; 2], Some("zero".into())));
    assert_eq!(talk(&returning(10), [1, 11]), (vec!["next?"], Some("11 is too much".into())));
    assert_eq!(talk(&labels(), [None]), (vec![], Some(0)));
    assert_eq!(talk(&labels(), [Some(5), None, None, Some(8), Some(0)]), (vec![5, 6, 7, 8], Some(800)));
    assert_eq!(talk(&diverging(), 0..5), (vec![0, 2, 4, 6, 8], None));
}

#[test]
fn yielded_values_and_arguments_can_be_units() {
    assert_eq!(talk(&nothing_but_yields(), [(); 7]), ((1..=6).collect(), Some(())));
    assert_eq!(talk(&units(), [1, 10, 100, 1000]), (vec![(); 3], Some(1111)));
    let numbers = nothing_but_yields();
    assert_eq!((numbers.resume(), numbers.try_resume()), (Some(Yielded(1)), Ok(Some(Yielded(2)))));
}

#[test]
fn a_yield_is_an_expression_whose_value_is_the_reply() {
    assert_eq!(talk(&nested_yields(), [1, 10, 20, 30, 40, 60, 50]), (vec![1, 2, 30, 3, 70, 5], Some(vec![1, 30, 40])));
    assert_eq!(talk(&in_a_macro(), [1, 10, 100]), (vec![7, 7], Some(111)));
    assert_eq!(talk(&first_argument_later(), [1, 2]), (vec![0], Some((1, 2))));
    assert_eq!(talk(&any_names(5, 6), [10_000, 100_000, 1_000_000]), (vec![5, 6], Some(1_111_111)));
}

#[test]
fn an_error_sent_as_argument_is_returned_by_the_yield() {
    let parse_error = || Error::Parse("x".parse::<i32>().unwrap_err());
    assert_eq!(talk(&throw(), [Ok("1"), Ok("99")]), (vec![1], Some(Ok(100))));
    assert_eq!(talk(&throw(), [Ok("1"), Ok("2"), Ok("x")]), (vec![1, 3], Some(Err(parse_error()))));
    assert_eq!(talk(&throw(), [Err(Error::Thrown("a"))]), (vec![], Some(Err(Error::Thrown("a")))));
    let ignored = [Ok("1"), Err(Error::Thrown("ignored")), Err(Error::Thrown("b"))];
    assert_eq!(talk(&throw(), ignored), (vec![1, 1], Some(Err(Error::Thrown("b")))));
    assert_eq!(talk(&optional(), [Some(5), Some(3)]), (vec![5], Some(Some(2))));
    assert_eq!(talk(&optional(), [Some(5), None]), (vec![5], Some(None)));
    assert_eq!(talk(&optional(), [None]), (vec![], Some(None)));
}

#[test]
fn a_coroutine_can_delegate_to_another() {
    assert_eq!(talk(&two_sums(), [1, 2, 0, 4, 0]), (vec![1, 2, 1000, 1], Some((3, 4))));
    let inner = coroutine(async |co, ()| {
        co.yield_(9).await;
        10
    });
    assert_eq!(talk(&delegating(inner), [(); 20]), (vec![1, 2, 9, 1, 2, 3, 4, 5, 6], Some(10)));
    // A coroutine of genawaiter loses its first argument.
    assert_eq!(talk(&foreign(), [5, 6]), (vec![1], Some(6)));
    assert_eq!(talk(&recursive(0), [true, true, false, false, false]), (vec![0, 1, 1, 0], Some(5)));
    assert_eq!(talk(&items_within(), [1, 2]), (vec![11], Some(2)));
}

#[test]
fn items_and_the_return_value_have_the_types_of_the_signature() {
    for (arguments, expected) in [(vec![1, 10, 100], ["1", "two", "111"].as_slice()), (vec![0], &["none"])] {
        let (items, end) = talk(&coerced(), arguments);
        assert!(items.into_iter().chain(end).map(|shown| shown.to_string()).eq(expected.iter().copied()));
    }
    let (shown, end) = talk(&opaque(), [(), ()]);
    assert_eq!((shown[0].to_string(), end.map(|(n, add)| add(n.into()))), ("shown".into(), Some(2)));
    assert_eq!(talk(&generic::<_, _, 3>("end"), ["a", "b", "c"]), (vec![1, 2], Some((vec!["a", "b", "c"], "end"))));
}

#[test]
fn function_arguments_can_be_borrowed_destructured_and_kept_alive() {
    assert_eq!(talk(&lifetimes(&String::from("a"), "b"), ["x", "x", "y"]), (vec!["a", "b"], Some("b")));
    assert_eq!(talk(&elided(&String::from("a bc d")), [0, 2, 3]), (vec!["a", "bc"], Some("d")));
    let log = Mutex::new(vec![]);
    let talked = talk(&borrowing(&log, (1, [10, 0]), 100, &String::from("unused")), [1, 2, 0]);
    assert_eq!((talked, log.into_inner().unwrap()), ((vec![112, 114], Some(2)), vec![2, 4]));
    assert_eq!(talk(&impl_and_dyn([1, 2], &|n| n.to_string()), [0, 10, 20]), (vec!["1".into(), "12".into()], Some(2)));
    assert_eq!(talk(&more(&5), [1, 2]), (vec![6], Some(2)));

    let kept = Arc::new(());
    let unused = unused_arguments(Arc::clone(&kept), Arc::clone(&kept), Arc::clone(&kept));
    assert_eq!(Arc::strong_count(&kept), 4);
    assert_eq!((unused.resume(), Arc::strong_count(&kept)), (Some(Yielded(())), 4));
    unused.close();
    assert_eq!(Arc::strong_count(&kept), 1);
}

#[test]
fn methods_and_trait_methods_can_be_coroutines() {
    /// Uses the trait's method without knowing the type that implements it.
    fn look_up(dictionary: &impl Dictionary<Key = u32>, keys: [u32; 2]) -> Vec<Option<char>> {
        talk(&dictionary.look_up(), keys).0
    }

    let mut shelf = Shelf { books: vec!["a".into()] };
    let (sizes, books) = talk(&shelf.fill(), ["b", "c", ""]);
    assert_eq!((sizes, books.map(<[_]>::len)), (vec![2, 3], Some(3)));
    assert_eq!(talk(&shelf.find(), ["c".into(), "d".into(), String::new()]), (vec![Some("c"), None], Some(())));
    let (taken, shelf) = talk(&shelf.take(), [1, 0, 7]);
    assert_eq!((taken, shelf.unwrap().books), (vec!["b".into(), "a".into()], vec![String::from("c")]));
    let map = BTreeMap::from([(1, 'a'), (2, 'b')]);
    assert_eq!(look_up(&map, [2, 3]), [Some('b'), None]);
    assert_eq!(talk(&map.look_up_two(), [[1, 2], [3, 1]]), (vec![(Some('a'), Some('b')), (None, Some('a'))], None));
}

#[threadsafe_generator]
fn noting(ran: &AtomicBool) -> impl Coroutine<Yield = (), Resume = (), Return = ()> {
    ran.store(true, Relaxed);
}

#[test]
fn the_body_does_not_run_before_the_first_resume() {
    let ran = AtomicBool::new(false);
    noting(&ran).close();
    let noting = noting(&ran);
    assert!(!ran.load(Relaxed));
    assert_eq!((noting.resume(), ran.load(Relaxed)), (Some(Complete(())), true));
}
