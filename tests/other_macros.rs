//! Bodies with the macros of other crates, and with macros of which the attribute knows nothing.

use futures::future::ready;
use std::fmt::Write;

use futures::{join, select, try_join};
use threadsafe_gen::{Coroutine, GeneratorState, Stream, generator, threadsafe_generator};

/// Turns its input into text.
macro_rules! text {
    ($($token:tt)*) => {
        stringify!($($token)*)
    };
}

/// Defines a function that the caller does not see.
macro_rules! define_fn {
    ($name:ident, $output:ty, $body:block) => {
        fn $name() -> $output $body
    };
}

/// Calls a closure that the caller does not see.
macro_rules! run_closure {
    ($body:block) => {
        (|| $body)()
    };
}

/// Evaluates its input where it stands.
macro_rules! same {
    ($($code:tt)*) => {
        $($code)*
    };
}

/// Yields by macros that the body of the caller does not mention.
macro_rules! yield_three_times {
    ($item:expr) => {
        yield_!($item);
        yield_from!([$item, $item]);
    };
}

/// Defines a generator whose body calls a macro by a path of which the attribute sees no word.
macro_rules! define_generator {
    ($name:ident, $macro:path) => {
        #[threadsafe_generator]
        fn $name() -> impl Iterator<Item = u8> {
            $macro!(2);
        }
    };
}

#[threadsafe_generator]
fn texts() -> impl Iterator<Item = &'static str> {
    yield_!(text!(return x;));
    yield_!(text!(return));
    yield_!(text!(|| a?));
    yield_!(text!(x.await));
    yield_!(text!(a = -1));
}

#[threadsafe_generator]
fn texts_of_a_body_that_can_fail(fail: bool) -> impl Iterator<Item = anyhow::Result<&'static str>> {
    yield_!(Ok(text!(return x;)));
    yield_!(Ok(text!(return)));
    yield_!(Ok(text!({
        return;
    })));
    if fail {
        return Err(anyhow::anyhow!("{}", text!(return;)));
    }
}

#[threadsafe_generator]
fn texts_of_a_coroutine() -> impl Coroutine<Yield = &'static str, Resume = (), Return = &'static str> {
    yield_!(text!(return x;));
    return text!(return);
}

#[test]
fn a_macro_gets_its_tokens_as_they_are_written() {
    assert_eq!(texts().collect::<Vec<_>>(), ["return x;", "return", "|| a?", "x.await", "a = -1"]);
    let texts: Vec<_> =
        texts_of_a_body_that_can_fail(true).map(|item| item.map_err(|error| error.to_string())).collect();
    assert_eq!(texts, [Ok("return x;"), Ok("return"), Ok("{ return; }"), Err("return;".to_owned())]);
    let texts = texts_of_a_coroutine();
    assert_eq!(texts.resume(), Some(GeneratorState::Yielded("return x;")));
    assert_eq!(texts.resume(), Some(GeneratorState::Complete("return")));
    let in_place = generator! {
        yield text!(yield x);
        yield vec![text!(yield)][0];
    };
    assert_eq!(in_place.collect::<Vec<_>>(), ["yield x", "yield"]);
}

#[threadsafe_generator]
fn hidden_functions(c: bool) -> impl Iterator<Item = u8> {
    define_fn!(k, u8, { return 5 });
    define_fn!(unit, (), {
        if true {
            return;
        }
    });
    yield_!(k());
    run_closure!({
        if c {
            return;
        }
        unit();
    });
    yield_!(run_closure!({ return 6 }));
}

#[threadsafe_generator]
fn hidden_functions_in_a_body_that_can_fail(c: bool) -> impl Iterator<Item = Result<u8, String>> {
    define_fn!(failing, Result<u8, String>, { Err("x".parse::<u8>().map_err(|error| error.to_string())?.to_string()) });
    run_closure!({
        if c {
            return;
        }
    });
    yield_!(run_closure!({ return Ok(6) }));
    yield_!(Ok(failing()?));
}

#[threadsafe_generator]
fn hidden_functions_in_a_coroutine() -> impl Coroutine<Yield = u8, Resume = (), Return = u8> {
    define_fn!(k, &'static str, { return "text" });
    yield_!(u8::try_from(k().len()).unwrap_or(0));
    run_closure!({
        if true {
            return;
        }
    });
    return 1;
}

#[test]
fn a_function_or_closure_that_a_macro_hides_returns_for_itself() {
    assert!(hidden_functions(true).eq([5, 6]));
    let items: Vec<_> = hidden_functions_in_a_body_that_can_fail(true).collect();
    assert_eq!(items, [Ok(6), Err("invalid digit found in string".to_owned())]);
    let coroutine = hidden_functions_in_a_coroutine();
    assert_eq!(coroutine.resume(), Some(GeneratorState::Yielded(4)));
    assert_eq!(coroutine.resume(), Some(GeneratorState::Complete(1)));
}

#[threadsafe_generator]
fn unknown_macros_yield() -> impl Iterator<Item = u8> {
    same!(yield_!(1));
    same! {
        let two = 2;
        yield_!(two);
        if two == 2 {
            return yield_from!([3, 4]);
        }
    }
    yield_!(0);
}

#[threadsafe_generator]
fn a_macro_of_the_body_hides_a_known_one(n: u8) -> impl Iterator<Item = Result<u8, String>> {
    /// Not the standard library's.
    macro_rules! vec {
        ($($token:tt)*) => {
            stringify!($($token)*).len()
        };
    }
    yield_!(Ok(n));
    yield_!(u8::try_from(vec![return;]).map_err(|error| error.to_string()));
}

#[threadsafe_generator]
fn yields_unmentioned() -> impl Iterator<Item = u8> {
    yield_three_times!(1);
}

define_generator!(yields_unmentioned_by_a_path, yield_three_times);

#[test]
fn a_macro_yields_by_macros_that_the_body_does_not_mention() {
    assert!(yields_unmentioned().eq([1, 1, 1]));
    assert!(yields_unmentioned_by_a_path().eq([2, 2, 2]));
    let in_place = generator! { yield_three_times!(3_u8); };
    assert!(in_place.eq([3, 3, 3]));
}

#[test]
fn unknown_macros_yield_and_return_with_the_macros_of_the_body() {
    assert!(unknown_macros_yield().eq([1, 2, 3, 4]));
    assert!(a_macro_of_the_body_hides_a_known_one(1).eq([Ok(1), Ok(7)]));
}

#[threadsafe_generator]
fn logs(n: u8) -> impl Iterator<Item = Result<u8, std::num::ParseIntError>> {
    log::info!("{}", "1".parse::<u8>()?);
    log::debug!(target: "items", "{n} {}", n + 1);
    tracing::info!(?n, text = ?"a", %n, "{}", { yield_!(Ok(1)); 1 });
    tracing::debug!(
        value = {
            yield_!(Ok(2));
            "2"
        }
        .parse::<u8>()?
    );
    tracing::warn!(target: "items", n, "text");
    let mut text = String::new();
    write!(text, "{}", if n > 1 { return } else { 3 }).expect("a `String` takes everything");
    assert_eq!(text, "3", "{}", if n > 0 { return yield_!(Ok(0)) } else { "" });
    debug_assert!(matches!(n, 0 | 1 if dbg!("4".parse::<u8>()?) == 4), "{}", "x".parse::<u8>()?);
    yield_!(Ok(vec![text.parse()?; 2][0]));
}

#[threadsafe_generator]
fn only_logs_question_marks(n: u8) -> impl Iterator<Item = u8> {
    tracing::info!(?n, text = ?n, "text");
    tracing::trace!(?n);
    yield_!(n);
}

#[test]
fn logging_macros_take_yields_and_question_marks() {
    // Without a subscriber the macros evaluate none of their arguments.
    assert!(logs(0).eq([Ok(3)]));
    assert!(logs(2).eq([]));
    assert!(only_logs_question_marks(1).eq([1]));
}

#[threadsafe_generator]
fn of_futures(fail: bool) -> impl Stream<Item = Result<u8, &'static str>> {
    let (one, ()) = join!(ready(1), ready(()));
    yield_!(Ok(one));
    let (two, ()) = try_join!(ready(Ok::<_, &str>(2)), ready(Ok::<_, &str>(())))?;
    yield_!(Ok(two));
    let (mut three, mut never) = (ready(Ok::<_, &str>(3)), futures::future::pending::<()>());
    select! {
        three = three => yield_!(Ok(three?)),
        () = never => return,
    }
    select! {
        () = ready(()) => if fail {
            Err("failed")?;
        } else {
            return;
        },
        complete => (),
    }
}

#[threadsafe_generator]
fn of_tokio(which: u8) -> impl Stream<Item = Result<u8, &'static str>> {
    let (one, ()) = tokio::join!(ready(1), ready(()));
    yield_!(Ok(one));
    let (two, ()) = tokio::try_join!(ready(Ok::<_, &str>(2)), ready(Ok::<_, &str>(())))?;
    yield_!(Ok(two));
    tokio::select! {
        biased;
        () = ready(()), if which == 0 => return,
        n = ready(Ok::<_, &str>(3)), if which == 1 => yield_!(Ok(n?)),
        n = ready(Err("failed")), if which == 2 => n?,
        else => return Err("else"),
    }
    tokio::pin! {
        let four = ready(4);
    }
    yield_!(Ok(four.await));
}

#[tokio::test]
async fn select_and_join_are_code_of_the_body() {
    async fn items(
        stream: threadsafe_gen::ThreadsafeStream<impl Stream<Item = Result<u8, &'static str>> + Unpin>,
    ) -> Vec<Result<u8, &'static str>> {
        let mut items = Vec::new();
        while let Some(item) = stream.next().await {
            items.push(item);
        }
        items
    }

    assert_eq!(items(of_futures(false)).await, [Ok(1), Ok(2), Ok(3)]);
    assert_eq!(items(of_futures(true)).await, [Ok(1), Ok(2), Ok(3), Err("failed")]);
    assert_eq!(items(of_tokio(0)).await, [Ok(1), Ok(2)]);
    assert_eq!(items(of_tokio(1)).await, [Ok(1), Ok(2), Ok(3), Ok(4)]);
    assert_eq!(items(of_tokio(2)).await, [Ok(1), Ok(2), Err("failed")]);
    assert_eq!(items(of_tokio(3)).await, [Ok(1), Ok(2), Err("else")]);
}
