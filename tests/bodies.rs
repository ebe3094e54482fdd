//! Every shape of body that the attribute accepts.

#![allow(
    clippy::diverging_sub_expression,
    clippy::let_and_return,
    clippy::needless_question_mark,
    clippy::needless_return,
    clippy::redundant_closure_for_method_calls,
    clippy::semicolon_if_nothing_returned,
    clippy::useless_vec,
    reason = "the tests cover unusual shapes too"
)]

use std::fmt::{self, Debug, Display};
use std::num::ParseIntError;
use std::sync::{Arc, Mutex};

use threadsafe_gen::{ThreadsafeIter, threadsafe_generator};

fn items<I: Iterator>(iter: ThreadsafeIter<I>) -> Vec<I::Item> {
    iter.collect()
}

#[threadsafe_generator]
fn forms() -> impl Iterator<Item = u32> {
    yield_!(1);
    yield_!(2,);
    yield_!({
        let three = 3;
        three
    });
    yield_! { 4 }
    let () = yield_!(5);
    if true {
        yield_!(6)
    } else {
        yield_!(7)
    }
    match 8 {
        n @ 8 => yield_!(n),
        _ => unreachable!(),
    }
    yield_from!([9, 10]);
    yield_from!(vec![11],);
    yield_!(12)
}

#[threadsafe_generator]
fn units() -> impl Iterator<Item = ()> {
    yield_!();
    yield_!(());
    yield_!(yield_!(yield_!()));
    yield_from!([(); 2])
}

#[threadsafe_generator]
fn in_macros() -> impl Iterator<Item = i32> {
    assert_eq!(vec![yield_!(1), yield_!(2)], [(), ()]);
    println!("{:?} {}", yield_!(3), {
        yield_!(4);
        ""
    });
    assert!(matches!(yield_!(5), ()), "{:?}", yield_!(-1));
    macro_rules! twice {
        ($item:expr) => {
            yield_!($item);
            yield_!($item + 1)
        };
    }
    twice!(6);
    let _ = format_args!("{}", {
        vec![vec![{
            yield_!(8);
        }]]
        .len()
    });
}

#[threadsafe_generator]
fn control_flow() -> impl Iterator<Item = u32> {
    'outer: for i in 0.. {
        let mut j = 0;
        while j < 3 {
            j += 1;
            if (i, j) == (0, 2) {
                continue 'outer;
            }
            if i == 2 {
                break 'outer;
            }
            yield_!(i * 10 + j);
        }
    }
    let Some(n) = "99".parse::<u32>().ok() else {
        return;
    };
    let block = 'block: {
        if n == 99 {
            break 'block 100;
        }
        0
    };
    yield_!(block);
    if n == 99 {
        return;
    }
    yield_!(unreachable!());
}

#[threadsafe_generator]
fn endless() -> impl Iterator<Item = u64> {
    let mut i = 0;
    loop {
        yield_!(i);
        i += 1;
    }
}

#[threadsafe_generator]
fn borrows_across_yields(text: String) -> impl Iterator<Item = usize> {
    let mut seen = Vec::new();
    for word in text.split(' ') {
        let last = seen.last();
        yield_!(last.map_or(0, |last: &&str| last.len()));
        seen.push(word);
    }
    let total = &mut 0;
    for word in &seen {
        *total += word.len();
        yield_!(*total);
    }
}

#[threadsafe_generator]
fn any_names(co: u32, item: u32, yield_: u32) -> impl Iterator<Item = u32> {
    let (v, items, __arg0, generator) = (4, 5, 6, 7);
    for n in [co, item, yield_, v, items, __arg0, generator] {
        yield_!(n);
    }
    let co = "shadowed";
    yield_!(u32::try_from(co.len()).unwrap());
}

#[threadsafe_generator]
fn items_within() -> impl Iterator<Item = u32> {
    use std::cmp::max;
    const START: u32 = 1;
    struct Double(u32);
    impl Double {
        fn get(&self) -> u32 {
            self.0 * 2
        }
    }
    #[threadsafe_generator]
    fn inner(n: u32) -> impl Iterator<Item = u32> {
        yield_!(n);
        yield_!(n + 1);
    }
    fn plain() -> Result<u32, ParseIntError> {
        "5".parse()
    }
    yield_!(max(START, 0));
    yield_!(Double(1).get());
    yield_from!(inner(3));
    yield_!(plain().unwrap());
    yield_!((|| -> Option<u32> { Some("6".parse().ok()?) })().unwrap());
    let future = async { Ok::<_, ParseIntError>("7".parse::<u32>()?) };
    drop(future);
}

#[threadsafe_generator]
fn recursive(n: u32) -> impl Iterator<Item = u32> {
    if n > 0 {
        yield_from!(recursive(n - 1));
        yield_!(n);
    }
}

trait Shape: Send {}
impl Shape for u8 {}
impl Shape for u16 {}

#[threadsafe_generator]
fn coerced() -> impl Iterator<Item = Box<dyn Shape>> {
    yield_!(Box::new(1_u8));
    yield_!(Box::new(1_u16));
}

#[threadsafe_generator]
fn closures() -> impl Iterator<Item = Box<dyn Fn(&str) -> usize + Send>> {
    yield_!(Box::new(|text| text.len()));
    yield_!(Box::new(|text| text.split(' ').count()));
}

#[threadsafe_generator]
fn inferred() -> impl Iterator<Item = Option<Vec<u8>>> {
    yield_!(None);
    yield_!(Some(Vec::new()));
    yield_!("1 2".split(' ').map(|n| n.parse().ok()).collect());
}

#[derive(Debug, PartialEq)]
enum Error {
    Parse(ParseIntError),
    Negative(i32),
}

impl From<ParseIntError> for Error {
    fn from(error: ParseIntError) -> Self {
        Self::Parse(error)
    }
}

impl Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Debug::fmt(self, f)
    }
}

impl std::error::Error for Error {}

fn check(n: i32) -> Result<i32, Error> {
    if n < 0 { Err(Error::Negative(n)) } else { Ok(n) }
}

type Checked<T> = Result<T, Error>;

#[threadsafe_generator]
fn fallible(words: &str) -> impl Iterator<Item = Checked<i32>> {
    for word in words.split(' ') {
        if word == "end" {
            return;
        }
        if word == "unit" {
            return ();
        }
        let n = word.parse()?;
        yield_!(Ok(check(n)?));
    }
}

#[threadsafe_generator]
fn fallible_in_macros(words: &[&str]) -> impl Iterator<Item = Result<i32, Box<dyn std::error::Error + Send + Sync>>> {
    for n in vec![words[0].parse::<i32>()?, words[1].parse()?] {
        yield_!(Ok(n));
    }
    let stop = || {
        return;
    };
    stop();
    println!("{}", if words.len() > 2 { return } else { 0 });
    Err(Error::Negative(1))?;
}

#[threadsafe_generator]
fn fallible_boxed(word: &str) -> Box<dyn Iterator<Item = std::io::Result<u8>> + '_> {
    let text = std::fs::read_to_string(word)?;
    loop {
        yield_!(Ok(text.as_bytes()[0]));
    }
}

#[threadsafe_generator]
fn results_without_question_mark() -> impl Iterator<Item = Result<u8, u8>> {
    yield_!(Err(1));
    yield_!(Ok(2));
    if true {
        return;
    }
    yield_!(Ok(3));
}

#[threadsafe_generator]
fn a_lock_between_yields(lock: Arc<Mutex<u32>>) -> impl Iterator<Item = u32> {
    loop {
        // The guard is a temporary that is dropped before the body suspends.
        yield_!(*lock.lock().unwrap());
        *lock.lock().unwrap() += 1;
    }
}

macro_rules! twice {
    ($item:expr) => {
        yield_!($item);
        yield_from!([$item])
    };
}

#[threadsafe_generator]
fn by_a_macro_around_it() -> impl Iterator<Item = u32> {
    twice!(1);
}

#[expect(
    non_upper_case_globals,
    reason = "a generated binding with such a name would be a pattern that matches the constant"
)]
mod constants {
    use threadsafe_gen::threadsafe_generator;

    const co: u32 = 1;
    static item: u32 = 2;

    #[threadsafe_generator]
    pub(super) fn named() -> impl Iterator<Item = u32> {
        yield_from!([co, item]);
    }
}

/// A macro whose arms are not Rust syntax, under a name that the attribute knows.
macro_rules! select {
    ($($name:ident = $value:expr => $work:expr),+ ; else $other:expr) => {
        'first: {
            $(if let Some($name) = $value {
                $work;
                break 'first;
            })+
            $other
        }
    };
}

#[threadsafe_generator]
fn in_macros_with_their_own_syntax(words: &[&str]) -> impl Iterator<Item = Result<u32, ParseIntError>> {
    for word in words {
        select!(n = word.strip_prefix('+') => yield_!(Ok(n.parse()?)), _n = word.strip_prefix('-') => if true { return; }; else return);
    }
}

#[threadsafe_generator]
fn text_of_code() -> impl Iterator<Item = &'static str> {
    yield_!(stringify!(if done {
        return;
    } else {
        work()?
    }));
}

#[threadsafe_generator]
fn lines() -> impl Iterator<Item = u32> {
    yield_!(line!());

    yield_!(line!());
}

#[test]
fn a_yield_can_stand_wherever_an_expression_can() {
    assert_eq!(items(forms()), [1, 2, 3, 4, 5, 6, 8, 9, 10, 11, 12]);
    assert_eq!(items(units()).len(), 7);
    assert_eq!(items(in_macros()), [1, 2, 3, 4, 5, 6, 7, 8]);
}

#[test]
fn loops_labels_and_return_work_in_a_body() {
    assert_eq!(items(control_flow()), [1, 11, 12, 13, 100]);
    assert_eq!(endless().iter().skip(10).take(2).collect::<Vec<_>>(), [10, 11]);
}

#[test]
fn a_generator_can_be_recursive() {
    assert_eq!(items(recursive(4)), [1, 2, 3, 4]);
}

#[test]
fn a_yield_can_come_from_a_macro_defined_outside() {
    assert_eq!(items(by_a_macro_around_it()), [1, 1]);
    assert_eq!(items(constants::named()), [1, 2]);
    assert_eq!(items(text_of_code())[0].replace(char::is_whitespace, ""), "ifdone{return;}else{work()?}");
}

#[test]
fn return_and_question_mark_work_in_macros_with_their_own_syntax() {
    let parse_error = "x".parse::<u32>().unwrap_err();
    assert_eq!(items(in_macros_with_their_own_syntax(&["+1", "+2", "-3", "+4"])), [Ok(1), Ok(2)]);
    assert_eq!(items(in_macros_with_their_own_syntax(&["+1", "2", "+3"])), [Ok(1)]);
    assert_eq!(items(in_macros_with_their_own_syntax(&["+1", "+x", "+3"])), [Ok(1), Err(parse_error)]);
}

#[test]
fn a_body_can_borrow_across_yields_and_use_any_names() {
    assert_eq!(items(borrows_across_yields("a bc def".into())), [0, 1, 2, 1, 3, 6]);
    assert_eq!(items(any_names(1, 2, 3)), [1, 2, 3, 4, 5, 6, 7, 8]);
    assert_eq!(items(items_within()), [1, 2, 3, 4, 5, 6]);
    let lock = Arc::new(Mutex::new(1));
    assert_eq!(a_lock_between_yields(Arc::clone(&lock)).iter().take(3).collect::<Vec<_>>(), [1, 2, 3]);
    assert!(lock.try_lock().is_ok());
}

#[test]
fn items_coerce_to_the_type_in_the_signature() {
    assert_eq!(items(coerced()).len(), 2);
    assert_eq!(items(closures()).iter().map(|f| f("ab c")).collect::<Vec<_>>(), [4, 2]);
    assert_eq!(items(inferred()), [None, Some(vec![]), Some(vec![1, 2])]);
}

#[test]
fn an_error_is_the_last_item() {
    let parse_error = || Err(Error::Parse("x".parse::<i32>().unwrap_err()));
    assert_eq!(items(fallible("1 x 2")), [Ok(1), parse_error()]);
    assert_eq!(items(fallible("1 -2 3")), [Ok(1), Err(Error::Negative(-2))]);
    assert_eq!(items(fallible("1 end x")), [Ok(1)]);
    assert_eq!(items(fallible("1 unit x")), [Ok(1)]);
    assert_eq!(items(results_without_question_mark()), [Err(1), Ok(2)]);

    let texts = |words: &[&str]| {
        items(fallible_in_macros(words)).into_iter().map(|item| format!("{item:?}")).collect::<Vec<_>>()
    };
    assert_eq!(texts(&["1", "2"]), ["Ok(1)", "Ok(2)", "Err(Negative(1))"]);
    assert_eq!(texts(&["1", "2", "3"]), ["Ok(1)", "Ok(2)"]);
    assert_eq!(texts(&["1", "x"]).len(), 1);
    assert!(items(fallible_boxed("no such file"))[0].is_err());
}

#[test]
fn tokens_keep_their_line_numbers() {
    let lines = items(lines());
    assert_eq!(lines[1], lines[0] + 2);
}
