//! What the attribute expands to is silent under every lint, and holds on to its arguments in edition 2021 too.

#![forbid(unsafe_code)]
#![deny(warnings, missing_docs, missing_debug_implementations, unused, unused_braces, unused_qualifications)]
#![deny(unreachable_code, unreachable_pub, rust_2018_idioms, single_use_lifetimes, let_underscore_drop)]
#![deny(clippy::all, clippy::pedantic, clippy::nursery, clippy::cargo)]
#![allow(
    clippy::cargo_common_metadata,
    clippy::multiple_crate_versions,
    reason = "they are about the package, not about the code"
)]

use std::fmt::Display;
use std::sync::Mutex;

use threadsafe_gen::threadsafe_generator;

/// Two lifetimes that the return type does not name: in this edition a plain `impl Iterator` would not hold them.
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

/// An endless one, whose body does not end.
#[must_use]
#[threadsafe_generator]
pub fn endless(mut from: u64, (step, _): (u64, u64), _unused: u8) -> impl Iterator<Item = u64> {
    loop {
        yield_!(from);
        from += step;
    }
}

/// One that can fail and does not end otherwise.
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

/// A yield in each place.
#[threadsafe_generator]
pub fn places() -> impl Iterator<Item = ()> {
    yield_!();
    yield_!(());
    let () = yield_!(yield_!());
    println!("{:?}", yield_!());
    yield_from!([(); 2]);
    yield_!();
}

/// A type with generators for methods.
#[derive(Debug, Default)]
pub struct Shelf {
    books: Vec<String>,
}

impl Shelf {
    /// By reference.
    #[threadsafe_generator]
    pub fn titles(&self, prefix: &str) -> impl Iterator<Item = String> {
        for book in &self.books {
            yield_!(format!("{prefix}{book}"));
        }
    }

    /// By value.
    #[threadsafe_generator]
    pub fn into_titles(self) -> impl Iterator<Item = String> {
        yield_from!(self.books);
    }
}

/// A trait with generators for methods.
pub trait Source {
    /// Declared.
    #[threadsafe_generator]
    fn items(&self) -> impl Iterator<Item = u32>;
}

impl Source for u32 {
    #[threadsafe_generator]
    fn items(&self) -> impl Iterator<Item = u32> {
        yield_from!(0..*self);
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

/// In this edition a temporary at the end of a body outlives the locals.
#[allow(clippy::semicolon_if_nothing_returned, reason = "it is what there is to see")]
#[threadsafe_generator]
pub fn temporary(log: &Mutex<Vec<&'static str>>) -> impl Iterator<Item = u32> {
    let _local = Noted("local", log);
    yield_!(1);
    assert_eq!(Noted("temporary", log).name(), "temporary")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_held() {
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
}
