//! Errors as other functions return them: `return Err(..)`, macros that return an error, and a `?` in a macro.
//!
//! If the items are `Result`s, each of these yields the error as the last item.

use std::convert::Infallible;
use std::error::Error;
use std::num::ParseIntError;
use std::{io, result};

use anyhow::{Context, bail, ensure};
use threadsafe_gen::{Stream, generator, threadsafe_generator};

/// Returns the items of an iterator as text, with errors after a `!`.
fn shown<T: ToString, E: ToString>(items: impl Iterator<Item = Result<T, E>>) -> Vec<String> {
    items.map(|item| item.map_or_else(|error| format!("!{}", error.to_string()), |item| item.to_string())).collect()
}

/// A `?` that only the expansion of a macro contains.
macro_rules! parsed {
    ($text:expr) => {
        $text.parse::<u8>()?
    };
}

/// Returns an error.
macro_rules! fail {
    ($error:expr) => {
        return Err($error)
    };
}

#[threadsafe_generator]
fn bails(n: u8) -> impl Iterator<Item = anyhow::Result<u8>> {
    yield_!(Ok(1));
    if n > 1 {
        bail!("{n} is too much");
    }
    yield_!(Ok(2));
}

#[threadsafe_generator]
fn ensures(n: u8) -> impl Iterator<Item = Result<u8, anyhow::Error>> {
    ensure!(n < 2, "{n} is too much");
    yield_!(Ok(n));
    anyhow::ensure!(n < 1);
}

#[threadsafe_generator]
fn hides_a_question_mark(text: &str) -> impl Iterator<Item = Result<u8, ParseIntError>> {
    for word in text.split(' ') {
        yield_!(Ok(parsed!(word)));
    }
}

#[threadsafe_generator]
fn returns_an_error(text: &str) -> impl Iterator<Item = Result<u8, Box<dyn Error + Send + Sync>>> {
    for word in text.split(' ') {
        match word.parse() {
            Ok(n) => yield_!(Ok(n)),
            Err(error) if word.is_empty() => return Err(Box::new(error)),
            Err(_) if word == "end" => return Ok(()),
            Err(_) if word == "stop" => return,
            Err(_) => return Err("not a number".into()),
        }
    }
}

#[test]
fn a_macro_that_returns_an_error_yields_it_last() {
    assert_eq!(shown(bails(1)), ["1", "2"]);
    assert_eq!(shown(bails(2)), ["1", "!2 is too much"]);
    assert_eq!(shown(ensures(0)), ["0"]);
    assert_eq!(shown(ensures(1)), ["1", "!Condition failed: `n < 1` (1 vs 1)"]);
    assert_eq!(shown(ensures(2)), ["!2 is too much"]);
}

#[test]
fn a_question_mark_in_the_expansion_of_a_macro_yields_the_error_last() {
    assert_eq!(shown(hides_a_question_mark("1 2")), ["1", "2"]);
    assert_eq!(shown(hides_a_question_mark("1 x 2")), ["1", "!invalid digit found in string"]);
}

#[test]
fn a_returned_error_is_the_last_item() {
    assert_eq!(shown(returns_an_error("1 2")), ["1", "2"]);
    assert_eq!(shown(returns_an_error("1 x 2")), ["1", "!not a number"]);
    assert_eq!(shown(returns_an_error("1  2")), ["1", "!cannot parse integer from empty string"]);
    assert_eq!(shown(returns_an_error("1 end 2")), ["1"]);
    assert_eq!(shown(returns_an_error("1 stop 2")), ["1"]);
}

/// The error as a function's own `Result` type spells it.
type Fallible<T> = result::Result<T, io::Error>;

#[threadsafe_generator]
fn an_alias_that_is_not_named_result(n: u8) -> impl Iterator<Item = Fallible<u8>> {
    yield_!(Ok(n));
    if n > 0 {
        return Err(io::Error::other("too much"));
    }
    fail!(io::Error::other("none"));
}

#[threadsafe_generator]
fn by_paths(n: u8) -> Box<dyn Iterator<Item = std::io::Result<u8>>> {
    if n == 0 {
        std::io::Result::<u8>::Ok(n)?;
        return Result::Err(io::Error::other("zero"));
    }
    if n == 1 {
        return std::result::Result::Err(io::Error::other("one"));
    }
    fail!(io::Error::other("more"));
}

#[test]
fn the_result_may_have_any_path_or_be_seen_at_a_yield() {
    assert_eq!(shown(an_alias_that_is_not_named_result(1)), ["1", "!too much"]);
    assert_eq!(shown(an_alias_that_is_not_named_result(0)), ["0", "!none"]);
    assert_eq!([0, 1, 2].map(|n| shown(by_paths(n)).join("")), ["!zero", "!one", "!more"]);
}

fn failing(fails: bool) -> Result<(), io::Error> {
    if fails { Err(io::Error::other("failed")) } else { Ok(()) }
}

#[threadsafe_generator]
fn returns_a_value_of_any_form(how: u8) -> impl Iterator<Item = io::Result<u8>> {
    if how == 0 {
        return failing(true);
    }
    if how == 1 {
        return if how == 1 { failing(false) } else { Err(io::Error::other("two")) };
    }
    if how == 2 {
        return match failing(true) {
            Ok(()) => return,
            Err(error) => Err(io::Error::new(error.kind(), error)),
        };
    }
    if how == 3 {
        return yield_!(Ok(3));
    }
    if how == 4 {
        return ();
    }
    if how == 5 {
        return drop(String::new());
    }
    if how == 6 {
        return {
            let kind = io::ErrorKind::NotFound;
            Err(kind.into())
        };
    }
    if how == 7 {
        return failing(true).map_err(|_| io::Error::other("mapped"));
    }
    if how == 8 {
        return yield_!(failing(true).map(|()| 8));
    }
    return Err(failing(true).unwrap_err());
}

#[test]
fn a_return_takes_a_result_or_nothing() {
    let items = |how| shown(returns_a_value_of_any_form(how)).join(" ");
    assert_eq!([0, 1, 2, 3, 4, 5].map(items), ["!failed", "", "!failed", "3", "", ""]);
    assert_eq!([6, 7, 8, 9].map(items), ["!entity not found", "!mapped", "!failed", "!failed"]);
}

#[threadsafe_generator]
fn never_fails() -> impl Iterator<Item = Result<u8, Infallible>> {
    yield_!(Ok(1));
    if true {
        return;
    }
    yield_!(Ok(2));
}

/// Leaves a body without a value, which only a body that cannot fail permits.
macro_rules! stop_if {
    ($condition:expr) => {
        if $condition {
            return;
        }
    };
}

#[threadsafe_generator]
fn a_bare_return_in_a_macro(n: u8) -> impl Iterator<Item = u8> {
    yield_!(n);
    stop_if!(n == 0);
    yield_!(n - 1);
}

#[test]
fn a_body_that_cannot_fail_is_left_as_it_is() {
    assert_eq!(shown(never_fails()), ["1"]);
    assert_eq!(a_bare_return_in_a_macro(0).collect::<Vec<_>>(), [0]);
    assert_eq!(a_bare_return_in_a_macro(1).collect::<Vec<_>>(), [1, 0]);
}

#[threadsafe_generator]
fn bare_returns_in_known_macros(n: u8) -> impl Iterator<Item = anyhow::Result<u8>> {
    yield_!(Ok(vec![n][0]));
    println!("{}", if n > 1 { return } else { "" });
    assert!(matches!(n, 0 | 1 if { if n == 1 { return } true }));
    ensure!(n > 0, "none is {}", if n == 0 { "too few" } else { return });
}

#[test]
fn a_bare_return_in_the_input_of_a_known_macro_ends_a_body_that_can_fail() {
    assert_eq!(shown(bare_returns_in_known_macros(2)), ["2"]);
    assert_eq!(shown(bare_returns_in_known_macros(1)), ["1"]);
    assert_eq!(shown(bare_returns_in_known_macros(0)), ["0", "!none is too few"]);
}

#[threadsafe_generator]
fn context(text: &str) -> impl Iterator<Item = anyhow::Result<u8>> {
    fn inner(n: u8) -> anyhow::Result<u8> {
        if n > 2 {
            return Err(anyhow::anyhow!("{n}"));
        }
        Ok(n)
    }

    let n = text.parse().with_context(|| format!("{text:?} is no number"))?;
    let closure = || -> anyhow::Result<u8> {
        ensure!(n > 0, "zero");
        Ok(n)
    };
    yield_!(closure());
    yield_!(inner(n));
}

#[test]
fn closures_and_functions_within_a_body_return_for_themselves() {
    assert_eq!(shown(context("0")), ["!zero", "0"]);
    assert_eq!(shown(context("3")), ["3", "!3"]);
    assert_eq!(shown(context("x")), [r#"!"x" is no number"#]);
}

#[test]
fn generators_in_place_fail_alike_if_they_yield_results() {
    let bails = |n: u8| {
        generator! { move
            yield Ok(n);
            if n > 1 {
                bail!("{n} is too much");
            }
            yield Ok(10);
        }
    };
    assert_eq!(shown(bails(2)), ["2", "!2 is too much"]);
    assert_eq!(shown(bails(1)), ["1", "10"]);
    let returns = generator! {
        yield Ok(1);
        return Err("failed");
    };
    assert_eq!(shown(returns), ["1", "!failed"]);
    let hidden = generator! {
        yield_!(Ok::<u8, ParseIntError>(1));
        yield_!(Ok(parsed!("x")));
    };
    assert_eq!(shown(hidden), ["1", "!invalid digit found in string"]);
}

#[threadsafe_generator]
fn stream(n: u8) -> impl Stream<Item = anyhow::Result<u8>> {
    yield_!(Ok(n));
    tokio::select! {
        () = std::future::ready(()), if n == 1 => return,
        n = std::future::ready(n), if n > 1 => {
            ensure!(n < 3, "too much");
            return Err(anyhow::anyhow!("still too much"));
        }
        else => (),
    }
    bail!("too little");
}

#[tokio::test]
async fn a_stream_fails_as_an_iterator_does() {
    for (n, expected) in [(0, "0 !too little"), (1, "1"), (2, "2 !still too much"), (3, "3 !too much")] {
        let (stream, mut items) = (stream(n), Vec::new());
        while let Some(item) = stream.next().await {
            items.push(item);
        }
        assert_eq!(shown(items.into_iter()).join(" "), expected);
    }
}

struct Row(u8);

/// Items that are not `Result`s, although a macro's input has a `?`.
macro_rules! sql {
    ($($token:tt)*) => {
        stringify!($($token)*)
    };
}

macro_rules! pick {
    ($condition:ident ? $a:expr; $b:expr) => {
        if $condition { $a } else { $b }
    };
}

#[threadsafe_generator]
fn question_marks_that_are_not_operators(c: bool) -> impl Iterator<Item = Row> {
    let query = sql!(select * from t where id = ? and name = ?);
    yield_!(Row(u8::try_from(query.matches('?').count()).unwrap_or(0)));
    yield_!(Row(pick!(c ? 1; 2)));
}

#[test]
fn a_question_mark_in_the_input_of_an_unknown_macro_says_nothing_about_the_body() {
    assert_eq!(question_marks_that_are_not_operators(true).map(|Row(n)| n).collect::<Vec<_>>(), [2, 1]);
    let c = false;
    let in_place = generator! { yield pick!(c ? 1; 2); yield 3; };
    assert!(in_place.eq([2, 3]));
}
