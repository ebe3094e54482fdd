//! The expansion of the attribute triggers no lint, and the return type captures all lifetimes in edition 2021 too.

#![forbid(unsafe_code)]
#![deny(warnings, missing_docs, missing_debug_implementations, unused, unused_braces, unused_qualifications)]
#![deny(unreachable_code, unreachable_pub, rust_2018_idioms, single_use_lifetimes, let_underscore_drop)]
#![deny(clippy::all, clippy::pedantic, clippy::nursery, clippy::cargo)]
#![allow(
    clippy::cargo_common_metadata,
    clippy::multiple_crate_versions,
    reason = "these lints are about the package, not about the code"
)]

use std::convert::Infallible;
use std::fmt::Display;
use std::sync::Mutex;

use threadsafe_gen::{threadsafe_generator, Coroutine};

/// Two lifetimes that the return type does not name: in this edition a plain `impl Iterator` would not capture them.
#[threadsafe_generator]
pub fn elided(a: &str, b: &str) -> impl Iterator<Item = String> {
    yield_!(a.to_owned());
    yield_!(b.to_owned());
}

/// A lifetime and an `impl Trait`.
#[threadsafe_generator]
pub fn shown<'a>(items: &'a [impl Display + Sync], prefix: &str) -> impl Iterator<Item = (&'a str, String)> {
    for item in items {
        yield_!(("item", format!("{prefix}{item}")));
    }
}

/// An endless generator, whose body does not return.
#[threadsafe_generator]
pub fn endless(mut from: u64, (step, _): (u64, u64), _unused: u8) -> impl Iterator<Item = u64> {
    loop {
        yield_!(from);
        from += step;
    }
}

/// A fallible generator that ends only by an error.
#[threadsafe_generator]
pub fn fallible(text: &str) -> Box<dyn Iterator<Item = Result<u8, std::num::ParseIntError>> + '_> {
    if text.is_empty() {
        return;
    }
    let n = text.parse()?;
    loop {
        yield_!(Ok(n));
    }
}

/// A yield in every kind of position.
#[threadsafe_generator]
pub fn places() -> impl Iterator<Item = ()> {
    yield_!();
    yield_!(());
    let () = yield_!(yield_!());
    println!("{:?}", yield_!());
    yield_from!([(); 2]);
    yield_!();
}

/// A coroutine with one lifetime that its types name and one that they do not name.
#[threadsafe_generator]
pub fn longest<'a>(least: &str) -> impl Coroutine<Yield = usize, Resume = &'a str, Return = Option<&'a str>> {
    let mut longest = resumed_with!();
    if longest.is_empty() {
        return None;
    }
    loop {
        let next = yield_!(longest.len() - least.len());
        if next.is_empty() {
            return Some(longest);
        }
        if next.len() > longest.len() {
            longest = next;
        }
    }
}

/// A coroutine that receives results and ends only by an error.
#[threadsafe_generator]
pub fn thrown(from: &u32) -> impl Coroutine<Yield = u32, Resume = Result<u32, String>, Return = Result<(), String>> {
    let mut sum = from + resumed_with!()?;
    loop {
        sum += yield_!(sum)?;
    }
}

/// A coroutine that delegates and takes no arguments.
#[threadsafe_generator]
pub fn delegating((from, _): (u32, u32), _unused: u8) -> impl Coroutine<Yield = (), Resume = (), Return = u32> {
    yield_!();
    yield_from!([(), ()]);
    if from > 0 {
        yield_from!(delegating((from - 1, 0), 0), ()) + from
    } else {
        0
    }
}

/// A coroutine that completes without a yield.
#[threadsafe_generator]
pub fn silent() -> impl Coroutine<Yield = u8, Resume = (), Return = ()> {}

/// A type whose methods are generators.
#[derive(Debug, Default)]
pub struct Shelf {
    books: Vec<String>,
}

impl Shelf {
    /// A generator that borrows `self`.
    #[threadsafe_generator]
    pub fn titles(&self, prefix: &str) -> impl Iterator<Item = String> {
        for book in &self.books {
            yield_!(format!("{prefix}{book}"));
        }
    }

    /// A coroutine that borrows `self`.
    #[threadsafe_generator]
    pub fn look_up(&self) -> impl Coroutine<Yield = Option<&str>, Resume = usize, Return = Infallible> {
        let mut place = resumed_with!();
        loop {
            place = yield_!(self.books.get(place).map(String::as_str));
        }
    }

    /// A generator that consumes `self`.
    #[threadsafe_generator]
    pub fn into_titles(self) -> impl Iterator<Item = String> {
        yield_from!(self.books);
    }
}

/// A trait whose methods are generators.
pub trait Source {
    /// A generator without a default body.
    #[threadsafe_generator]
    fn items(&self) -> impl Iterator<Item = u32>;

    /// A coroutine without a default body.
    #[threadsafe_generator]
    fn sum(&self) -> impl Coroutine<Yield = u32, Resume = u32, Return = ()>;
}

impl Source for u32 {
    #[threadsafe_generator]
    fn items(&self) -> impl Iterator<Item = Self> {
        yield_from!(0..*self);
    }

    #[threadsafe_generator]
    fn sum(&self) -> impl Coroutine<Yield = Self, Resume = Self, Return = ()> {
        let mut sent = resumed_with!();
        while sent > 0 {
            sent = yield_!(*self + sent);
        }
    }
}

struct Noted<'a>(&'static str, &'a Mutex<Vec<&'static str>>);

impl Noted<'_> {
    const fn name(&self) -> &'static str {
        self.0
    }
}

impl Drop for Noted<'_> {
    fn drop(&mut self) {
        self.1.lock().unwrap().push(self.0);
    }
}

/// In this edition a temporary in the last expression of a body outlives the locals.
///
/// # Panics
///
/// Never.
#[allow(clippy::semicolon_if_nothing_returned, reason = "the test is about an expression without a semicolon")]
#[threadsafe_generator]
pub fn temporary(log: &Mutex<Vec<&'static str>>) -> impl Iterator<Item = u32> {
    let _local = Noted("local", log);
    yield_!(1);
    assert_eq!(Noted("temporary", log).name(), "temporary")
}

/// The same for a body whose last expression is a value.
#[threadsafe_generator]
pub fn temporary_value(log: &Mutex<Vec<&'static str>>) -> impl Coroutine<Yield = u32, Resume = u32, Return = usize> {
    let _local = Noted("local", log);
    let first = resumed_with!();
    yield_!(first);
    Noted("temporary", log).name().len()
}

#[cfg(test)]
mod tests {
    use super::*;
    use threadsafe_gen::GeneratorState::{Complete, Yielded};

    #[test]
    fn generators_capture_their_arguments() {
        assert!(elided(&String::from("a"), &String::from("b")).eq(["a", "b"]));
        assert!(shown(&[1, 2], &String::from("n")).eq([("item", "n1".into()), ("item", "n2".into())]));
        assert!(endless(1, (2, 0), 0).take(2).eq([1, 3]));
        assert!(fallible("7").take(2).eq([Ok(7), Ok(7)]));
        assert_eq!(fallible("").count(), 0);
        assert_eq!(places().count(), 8);
        let shelf = Shelf { books: vec!["a".into()] };
        assert!(shelf.titles(&String::from("n")).eq(["na"]));
        assert!(shelf.into_titles().eq(["a"]));
        let log = Mutex::new(vec![]);
        assert_eq!(temporary(&log).count(), 1);
        assert_eq!(*log.lock().unwrap(), ["local", "temporary"]);
        assert!(2.items().eq([0, 1]));
    }

    #[test]
    fn coroutines_capture_their_arguments_and_complete() {
        let least = String::from("x");
        let longest = longest(&least);
        assert_eq!(
            ["a", "abc", ""].map(|sent| longest.resume_with(sent)),
            [Some(Yielded(0)), Some(Yielded(2)), Some(Complete(Some("abc")))]
        );
        let thrown = thrown(&5);
        assert_eq!((thrown.resume_with(Ok(1)), thrown.resume_with(Ok(2))), (Some(Yielded(6)), Some(Yielded(8))));
        assert_eq!(thrown.resume_with(Err("up".into())), Some(Complete(Err("up".into()))));
        let delegating = delegating((2, 0), 0);
        assert_eq!(std::iter::from_fn(|| delegating.resume()).last(), Some(Complete(3)));
        assert_eq!(silent().resume(), Some(Complete(())));
        let shelf = Shelf { books: vec!["a".into()] };
        let books = shelf.look_up();
        assert!(books.resume_with(0) == Some(Yielded(Some("a"))) && books.resume_with(1) == Some(Yielded(None)));
        let sum = 2.sum();
        assert_eq!((sum.resume_with(3), sum.resume_with(0)), (Some(Yielded(5)), Some(Complete(()))));
        let log = Mutex::new(vec![]);
        let temporary = temporary_value(&log);
        assert_eq!((temporary.resume_with(1), temporary.resume_with(2)), (Some(Yielded(1)), Some(Complete(9))));
        assert_eq!(*log.lock().unwrap(), ["local", "temporary"]);
    }
}
