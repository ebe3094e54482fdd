//! The keyword `yield` works like the macro `yield_!`.

#![allow(clippy::semicolon_if_nothing_returned, reason = "a yield can be the last expression of a body")]

use std::num::ParseIntError;

use threadsafe_gen::GeneratorState::{Complete, Yielded};
use threadsafe_gen::{Coroutine, Stream, ThreadsafeIter, ThreadsafeStream, generator, threadsafe_generator};

fn items<I: Iterator>(iter: ThreadsafeIter<I>) -> Vec<I::Item> {
    iter.collect()
}

fn ready_items<S: Stream + Unpin>(stream: &ThreadsafeStream<S>) -> Vec<S::Item> {
    std::iter::from_fn(|| stream.poll_once().expect("the stream awaits only ready futures")).collect()
}

/// A macro whose arms are not Rust syntax, under a name that the attribute knows.
macro_rules! select {
    ($($name:ident = $value:expr => $work:expr,)+) => {
        $(if let Some($name) = $value {
            $work;
        })+
    };
}

#[threadsafe_generator]
fn numbers(from: u32) -> impl Iterator<Item = u32> {
    yield from;
    let () = yield from + 1;
    if from > 0 {
        yield from + 2
    } else {
        yield 0
    }
    for n in [3, 4] {
        yield from + n;
    }
    yield_!(from + 5);
    yield_from!([from + 6]);
    for n in generator! { yield 7; } {
        yield from + n;
    }
    #[cfg(any())]
    yield 0;
    yield from + 8
}

#[threadsafe_generator]
fn units() -> impl Iterator<Item = ()> {
    yield;
    yield yield yield
}

#[threadsafe_generator]
fn in_macros() -> impl Iterator<Item = u32> {
    assert_eq!(vec![yield 1, yield 2], [(), ()]);
    println!("{:?} {}", yield 3, {
        yield 4;
        ""
    });
    select! {
        n = Some(5) => yield n,
        n = Some(6) => { yield n; yield n + 1 },
    }
}

#[threadsafe_generator]
fn parsed(words: &str) -> Box<dyn Iterator<Item = Result<u32, ParseIntError>> + '_> {
    for word in words.split(' ') {
        if word == "end" {
            return;
        }
        yield Ok(word.parse()?);
    }
}

#[threadsafe_generator]
fn sum() -> impl Coroutine<Yield = u32, Resume = u32, Return = String> {
    let mut sum = resumed_with!();
    loop {
        let more = yield sum;
        if more == 0 {
            return sum.to_string();
        }
        // The reply to an item that is itself a reply, and then a reply in a macro.
        sum += yield yield more;
        if matches!(yield sum, 9) {
            sum += 1;
        }
    }
}

#[threadsafe_generator]
fn awaited(from: u32) -> impl Stream<Item = Result<u32, ParseIntError>> {
    let n = std::future::ready(from).await;
    yield Ok(n);
    select! { n = Some(n + 1) => yield Ok(std::future::ready(n).await), }
    assert_eq!([yield Ok(n + 2)], [()]);
    yield Ok("x".parse()?);
}

trait Source: Sync {
    #[threadsafe_generator]
    fn items(&self) -> impl Iterator<Item = u32> {
        yield 1;
        yield self.last();
    }

    fn last(&self) -> u32;
}

impl Source for u32 {
    fn last(&self) -> u32 {
        *self
    }
}

#[test]
fn an_iterator_yields() {
    assert_eq!(items(numbers(1)), [1, 2, 3, 4, 5, 6, 7, 8, 9]);
    assert_eq!(items(units()).len(), 4);
    assert_eq!(items(2.items()), [1, 2]);
}

#[test]
fn a_yield_works_in_macros() {
    assert_eq!(items(in_macros()), [1, 2, 3, 4, 5, 6, 7]);
}

#[test]
fn an_error_is_the_last_item() {
    let error = "x".parse::<u32>().unwrap_err();
    assert_eq!(items(parsed("1 x 2")), [Ok(1), Err(error)]);
    assert_eq!(items(parsed("1 end x")), [Ok(1)]);
}

#[test]
fn a_coroutine_yields_and_receives_replies() {
    let sum = sum();
    assert_eq!(sum.resume_with(1), Some(Yielded(1)));
    assert_eq!(sum.resume_with(5), Some(Yielded(5)));
    assert_eq!(sum.resume_with(7), Some(Yielded(7)));
    assert_eq!(sum.resume_with(10), Some(Yielded(11)));
    assert_eq!(sum.resume_with(9), Some(Yielded(12)));
    assert_eq!(sum.resume_with(0), Some(Complete("12".into())));
    assert_eq!(sum.resume_with(1), None);
}

#[test]
fn a_stream_yields_and_awaits() {
    let error = "x".parse::<u32>().unwrap_err();
    assert_eq!(ready_items(&awaited(1)), [Ok(1), Ok(2), Ok(3), Err(error)]);
}
