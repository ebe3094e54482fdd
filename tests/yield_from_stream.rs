//! `yield_from!(await stream)`: a stream's body yields every item of another stream.

use std::time::Duration;

use futures::executor::block_on;
use futures::stream::{self as streams, StreamExt};
use support::limited;
use threadsafe_gen::{Stream, ThreadsafeStream, threadsafe_generator};

#[threadsafe_generator]
fn numbers(from: u32, to: u32) -> impl Stream<Item = u32> {
    for n in from..to {
        tokio::task::yield_now().await;
        yield_!(n);
    }
}

#[threadsafe_generator]
fn all_forms(shared: &ThreadsafeStream<impl Stream<Item = u32> + Unpin + Send>) -> impl Stream<Item = u32> {
    yield_from!([0, 1]);
    yield_from!(await numbers(2, 4));
    yield_from!(await shared.stream().map(|n| n + 1));
    yield_from!(await { yield_!(90); streams::iter([91]) },);
    for n in 0..2 {
        yield_from!(await numbers(0, n + 1));
    }
    if false {
        yield_from!(await streams::pending());
    }
}

fn collect<S: Stream + Unpin>(stream: &ThreadsafeStream<S>) -> Vec<S::Item> {
    block_on(stream.stream().collect())
}

#[test]
fn a_stream_is_yielded_from_wherever_items_are() {
    limited(|| {
        let shared = ThreadsafeStream::new(streams::iter([3, 4]));
        assert_eq!(collect(&all_forms(&shared)), [0, 1, 2, 3, 4, 5, 90, 91, 0, 0, 1]);
    });
}

#[threadsafe_generator]
fn parsed(words: &'static [&'static str]) -> impl Stream<Item = Result<u32, std::num::ParseIntError>> {
    let first: u32 = words[0].parse()?;
    yield_!(Ok(first));
    yield_from!(await streams::iter(&words[1..]).map(|word| word.parse()));
    yield_from!(await streams::iter([Ok("7".parse::<u32>()?)]));
    yield_from!(await streams::iter([Ok("x".parse::<u32>()?)]));
    yield_!(Ok(0));
}

#[test]
fn a_question_mark_in_the_stream_is_the_bodys_own() {
    let items = collect(&parsed(&["1", "2", "y", "3"]));
    let numbers: Vec<_> = items.iter().map(|item| item.clone().ok()).collect();
    assert_eq!(numbers, [Some(1), Some(2), None, Some(3), Some(7), None]);
}

#[threadsafe_generator]
fn walk(depth: u32) -> impl Stream<Item = u32> {
    yield_!(depth);
    if depth > 0 {
        let below: std::pin::Pin<Box<dyn Stream<Item = u32> + Send>> = Box::pin(walk(depth - 1));
        yield_from!(await below);
        tokio::time::sleep(Duration::ZERO).await;
    }
}

#[test]
fn a_stream_yields_from_itself_in_a_box() {
    limited(|| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let items = runtime.block_on(async { walk(3).stream().collect::<Vec<_>>().await });
        assert_eq!(items, [3, 2, 1, 0]);
    });
}
