//! Chains of adaptors with closures, alive at a yield.
//!
//! rustc rejects some of them in a body that must be `Send`: "implementation of `FnOnce` is not general enough". Those
//! that a `for` loop or a `yield_from!` takes are accepted, and the documented ways around the others work.

#![allow(
    clippy::map_flatten,
    clippy::needless_continue,
    clippy::redundant_closure_for_method_calls,
    reason = "the closures and adaptors are what is tested"
)]

use std::future::ready;
use std::iter::Peekable;

use futures::executor::block_on;
use threadsafe_gen::{Coroutine, GeneratorState, Stream, ThreadsafeExt, generator, threadsafe_generator};

#[threadsafe_generator]
fn flat_map(rows: &[Vec<u8>]) -> impl Iterator<Item = u8> {
    for n in rows.iter().flat_map(|row| row.iter().map(|n| n + 1)) {
        yield_!(n);
    }
}

#[threadsafe_generator]
fn yielded_from(rows: &[Vec<u8>]) -> impl Iterator<Item = u8> {
    yield_from!(rows.iter().flat_map(|row| row.iter().map(|n| n + 1)));
    yield_from!(rows.iter().map(|row| row.iter().map(|n| n + 2)).flatten().peekable());
}

#[threadsafe_generator]
fn of_a_local(text: &str) -> impl Iterator<Item = String> {
    let local = text.replace(';', "\n");
    for line in local.lines().map(|line| line.trim()).peekable() {
        vec![yield_!(line.to_owned()); 1].clear();
    }
    assert!(
        vec![{
            for line in local.lines().flat_map(|line| line.split(' ')) {
                yield_!(line.to_owned());
            }
        }]
        .len()
            == 1
    );
}

#[threadsafe_generator]
fn results(text: &str) -> Box<dyn Iterator<Item = Result<u8, std::num::ParseIntError>> + '_> {
    'lines: for (i, word) in text.lines().flat_map(|line| line.split(' ').filter(|word| !word.is_empty())).enumerate() {
        match word {
            "skip" => continue 'lines,
            "end" => break,
            "stop" => return,
            word => yield_!(Ok(word.parse::<u8>()? + u8::try_from(i).unwrap_or(0))),
        }
    }
    yield_!(Ok(0));
}

#[threadsafe_generator]
fn coroutine(rows: &[Vec<u8>]) -> impl Coroutine<Yield = u8, Resume = bool, Return = usize> {
    let mut on = resumed_with!();
    let mut count = 0;
    for n in rows.iter().flat_map(|row| row.iter().copied().filter(|n| *n > 0)) {
        if !on {
            return count;
        }
        count += 1;
        on = yield_!(n);
    }
    count
}

#[threadsafe_generator]
fn stream(text: &str) -> impl Stream<Item = usize> {
    for word in text.lines().flat_map(|line| line.split(' ')) {
        ready(()).await;
        yield_!(word.len());
    }
    let mut sum = 0;
    for word in text.lines().flat_map(|line| line.split(' ')) {
        sum += ready(word.len()).await;
    }
    yield_!(sum);
}

#[test]
fn a_loop_over_a_chain_with_closures_may_yield() {
    let rows = [vec![0, 1], vec![], vec![2]];
    assert!(flat_map(&rows).eq([1, 2, 3]));
    assert!(yielded_from(&rows).eq([1, 2, 3, 2, 3, 4]));
    assert!(of_a_local(" a b; c").eq(["a b", "c", "", "a", "b", "", "c"]));
    assert!(results("1 skip\n2 end").eq([Ok(1), Ok(4), Ok(0)]));
    assert!(results("1 stop").eq([Ok(1)]));
    assert_eq!(results("1\nx").filter_map(Result::err).count(), 1);
    let coroutine = coroutine(&rows);
    assert_eq!(coroutine.resume_with(true), Some(GeneratorState::Yielded(1)));
    assert_eq!(coroutine.resume_with(true), Some(GeneratorState::Yielded(2)));
    assert_eq!(coroutine.resume_with(false), Some(GeneratorState::Complete(2)));
    let stream = stream("a bc\nd");
    for expected in [Some(1), Some(2), Some(1), Some(4), None] {
        assert_eq!(block_on(stream.next()), expected);
    }
}

/// A loop that does not yield may take a chain that is not `Send`.
#[threadsafe_generator]
fn not_send_between_yields(rows: &[Vec<u8>]) -> impl Iterator<Item = usize> {
    let mut lengths = Vec::new();
    {
        let seen = std::rc::Rc::new(std::cell::Cell::new(0));
        for n in rows.iter().flat_map(|row| row.iter().map(|n| (seen.set(seen.get() + 1), *n).1)) {
            lengths.push(usize::from(n));
        }
        lengths.push(seen.get());
    }
    yield_from!(lengths);
}

/// An unshared generator may use one even across a yield.
#[test]
fn what_need_not_be_send_is_not_asked_to_be() {
    assert!(not_send_between_yields(&[vec![4], vec![5, 6]]).eq([4, 5, 6, 3]));
    let seen = std::rc::Rc::new(std::cell::Cell::new(0));
    let numbers = generator! {
        for n in [1, 2].iter().flat_map(|n| [seen.get(), *n]) {
            yield n;
            seen.set(n);
        }
        yield_from!([1].iter().map(|n| seen.get() + n));
    };
    assert!(numbers.eq([0, 1, 1, 2, 3]));
}

#[threadsafe_generator]
fn boxed_chain(text: &str) -> impl Iterator<Item = &str> {
    let lines: Box<dyn Iterator<Item = &str> + Send> = Box::new(text.lines().map(|line| line.trim()));
    let mut lines = lines.peekable();
    while let Some(line) = lines.next() {
        if lines.peek().is_some() {
            yield_!(line);
        }
    }
}

fn trimmed(text: &str) -> impl Iterator<Item = &str> + Send {
    text.lines().map(|line| line.trim())
}

#[threadsafe_generator]
fn chain_of_a_function(text: &str) -> impl Iterator<Item = &str> {
    let mut lines = trimmed(text).peekable();
    while let Some(line) = lines.next() {
        if lines.peek().is_some() {
            yield_!(line);
        }
    }
}

#[threadsafe_generator]
fn nested_loops(rows: &[Vec<u8>]) -> impl Iterator<Item = u8> {
    for row in rows {
        for n in row {
            yield_!(n + 1);
        }
    }
}

#[threadsafe_generator]
fn collected(text: &str) -> impl Iterator<Item = &str> {
    let lines: Vec<_> = text.lines().map(|line| line.trim()).collect();
    let mut lines = lines.into_iter().peekable();
    while let Some(line) = lines.next() {
        if lines.peek().is_some() {
            yield_!(line);
        }
    }
}

#[test]
fn the_documented_ways_around_the_limit_work() {
    let text = " a \n b\n c";
    assert!(boxed_chain(text).eq(["a", "b"]));
    assert!(chain_of_a_function(text).eq(["a", "b"]));
    assert!(collected(text).eq(["a", "b"]));
    assert!(nested_loops(&[vec![0, 1], vec![2]]).eq([1, 2, 3]));
}

/// Lends items.
trait Lend: Sync {
    type Item<'a>: Send
    where
        Self: 'a;

    fn lend(&self) -> Self::Item<'_>;
}

impl Lend for String {
    type Item<'a> = &'a str;

    fn lend(&self) -> &str {
        self
    }
}

#[threadsafe_generator]
fn lent<'a, L: Lend>(lender: &'a L) -> impl Iterator<Item = L::Item<'a>> {
    let first = lender.lend();
    yield_!(lender.lend());
    yield_!(first);
}

#[test]
fn items_of_a_generic_associated_type_are_send_by_the_traits_own_bound() {
    assert!(lent(&"a".to_owned()).eq(["a", "a"]));
}

/// A loop whose chain is alive no longer than its last item may change what it borrowed.
#[threadsafe_generator]
fn changed_after_the_loop(mut rows: Vec<Vec<u8>>) -> impl Iterator<Item = u8> {
    for n in rows.iter().flat_map(|row| row.iter().map(|n| n + 1)) {
        yield_!(n);
    }
    rows.clear();
    yield_!(u8::try_from(rows.len()).unwrap_or(1));
    let peekable: Peekable<_> = [1].into_iter().threadsafe().into_inner().into_iter().flatten().peekable();
    yield_from!(peekable);
}

#[test]
fn a_chain_is_dropped_with_its_loop() {
    assert!(changed_after_the_loop(vec![vec![1]]).eq([2, 0, 1]));
}
