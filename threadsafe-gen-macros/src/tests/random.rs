//! Random input: no input makes the macros panic, and input that is Rust expands to Rust.
//!
//! `PROPTEST_CASES=100000` makes these tests search longer.

use std::env;

use proc_macro2::{Delimiter, TokenStream, TokenTree};
use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::{Config, TestRunner};
use syn::parse::Parser;
use syn::{Block, Expr, File};

use super::tokens::{Code, code, contains_ident, group, in_a_row, mutated, noise, one_of};
use super::{expand_attribute, parse_function, parse_in_place};
use crate::{expand, parse};

/// Functions to mutate, one of each kind.
const FUNCTIONS: [&str; 14] = [
    "fn count() -> impl Iterator<Item = u64> { let mut i = 0; loop { i += 1; yield_!(i); } }",
    "pub(crate) fn keyword<T: Clone>(x: T) -> impl Iterator<Item = T> + 'static { yield x.clone(); return yield x; }",
    "#[doc = \"a\"] fn macros(n: u8) -> impl Iterator<Item = u8> { #![allow(unused)] vec![yield_!(1), yield n]; \
     select! { x = y => yield_!(n), _ => { return; } } println!(\"{}\", yield_!(2)); }",
    "fn fallible(w: &str) -> impl Iterator<Item = Result<i32, E>> { for w in w.split(' ') { if w.is_empty() { return; } \
     yield_!(Ok(w.parse()?)); } join!(w?, return) }",
    "fn coroutine<'a>(s: &'a str) -> impl Coroutine<Yield = &'a str, Resume = u8, Return = Result<(), E>> { \
     let mut n = resumed_with!(); while n > 0 { n = yield_!(s); } n = yield s; f(n)?; Ok(()) }",
    "fn stream(urls: Vec<Url>) -> impl Stream<Item = Page> { for url in urls { let page = get(url).await; yield_!(page); } }",
    "async fn rejected(self: Box<Self>) -> impl Stream<Item = io::Result<u8>> { yield_!(Ok(get().await?)); }",
    "fn boxed<'a>(t: &'a Tree) -> Box<dyn Iterator<Item = u8> + 'a> { if let Some(l) = &t.l { yield_from!(boxed(l)); } }",
    "unsafe fn patterns((a, ref mut b): (u8, u8), [x, ..]: [u8; 2], _: u8, mut _c: u8, S { d, .. }: S, (e @ 1 | e @ 2): u8) \
     -> impl Iterator<Item = u8> where u8: Copy { yield_!(a); }",
    "fn method(&mut self, #[cfg(a)] x: impl Fn(u8) -> u8, y: &(dyn Send + Sync)) -> impl Iterator<Item = Self::T>;",
    "fn nested() -> impl Iterator<Item = u8> { let c = |x| { return x; }; async { c(1).await? }; const { 1 }; \
     #[threadsafe_generator] fn inner() -> impl Iterator<Item = u8> { yield_!(1); } yield_from!(inner()); try { f()? } }",
    "pub fn labels<const N: usize>(a: [u8; N]) -> ::std::boxed::Box<dyn ::std::iter::Iterator<Item = [u8; N]> + Sync> { \
     'a: loop { match yield_!(a) { () if true => break 'a, _ => continue 'a } } }",
    "fn captures<'a, T>(t: &'a T) -> impl Iterator<Item = &'a T> + use<'a, T> + ?Sized { yield_!(t,); yield_!() }",
    "extern \"C\" fn variadic(x: u8, ...) -> impl for<'a> Iterator<Item = fn(&'a u8)> { return 1; }",
];

const RETURN_TYPES: [&str; 13] = [
    "-> impl Iterator<Item = u8>",
    "-> Box<dyn Iterator<Item = u8> + 'a>",
    "-> impl Iterator<Item = Result<u8, E>> + use<'a> +",
    "-> impl Stream<Item = u8>",
    "-> (impl ?Sized + Stream<Item = Result<impl Send, E>>)",
    "-> impl Coroutine<Yield = u8, Resume = (), Return = u8>",
    "-> impl Coroutine<Yield = u8, Resume = u8, Return = Result<(), E>>",
    "-> Box<Iterator<Item = u8> + Send>",
    "-> impl Iterator<u8>",
    "-> impl Coroutine + Iterator(u8) -> u8",
    "-> Box",
    "-> Box<u8, A>",
    "",
];

const OPTIONS: [&str; 8] =
    ["", "crate = a::b", "crate = ::a,", "crate = crate", "crate", "crate = 1", "crate = a, crate = b", "other = 1"];

/// A function whose parts are chosen at random.
fn functions() -> impl Strategy<Value = Code> {
    let heads = select(vec!["fn f", "pub fn f<'a, T>", "unsafe fn f", "#[a] default fn f", "async fn f"]);
    let arguments = one_of(&["", "self, (x, _): (u8, u8)", "&self, mut x: impl Fn()"]);
    (heads, arguments, one_of(&RETURN_TYPES), noise()).prop_map(|(head, arguments, returns, body)| {
        let (arguments, body) = (group(Delimiter::Parenthesis, arguments), group(Delimiter::Brace, body));
        in_a_row([code(head), arguments, returns, body])
    })
}

/// Runs `test` on `cases` inputs, or on as many as `PROPTEST_CASES` says.
fn check<S: Strategy>(cases: u32, inputs: &S, test: fn(S::Value)) {
    // A failure becomes a test of its own instead of an entry in a file.
    let mut config = Config { failure_persistence: None, ..Config::default() };
    if env::var_os("PROPTEST_CASES").is_none() {
        config.cases = cases;
    }
    let run = |input| {
        test(input);
        Ok(())
    };
    if let Err(failure) = TestRunner::new(config).run(inputs, run) {
        panic!("{failure}");
    }
}

/// Expands the attribute and checks the expansion.
fn check_attribute(Code(options): Code, Code(item): Code) {
    let was_function = syn::parse2::<parse::Function>(item.clone()).is_ok();
    let was_rust = was_function && syn::parse2::<File>(item.clone()).is_ok();
    let is_accepted = parse::generator_fn(options.clone(), item.clone()).is_ok();
    let expanded = expand_attribute(options, item.clone());
    let text = expanded.to_string();
    assert!(is_accepted || contains_ident("compile_error", &expanded), "a rejection is an error: {text}");
    if was_function {
        assert!(syn::parse2::<parse::Function>(expanded.clone()).is_ok(), "a function stays a function: {text}");
    } else {
        assert!(!is_accepted && text.ends_with(&item.to_string()), "an item that is no function stays: {text}");
    }
    if was_rust {
        let error = syn::parse2::<File>(expanded).err();
        assert!(error.is_none(), "Rust expands to Rust: {error:?}: {text}");
    }
}

/// Expands `generator!`, checks the expansion, and returns whether the body was accepted.
fn check_in_place(body: Code) -> bool {
    let Ok(generator) = parse_in_place(body.clone()) else { return false };
    let was_rust = Block::parse_within.parse2(without_move(body)).is_ok();
    let expanded = expand::in_place(&generator);
    if was_rust {
        let text = expanded.to_string();
        let error = syn::parse2::<Expr>(expanded).err();
        assert!(error.is_none(), "Rust expands to Rust: {error:?}: {text}");
    }
    true
}

fn without_move(Code(body): Code) -> TokenStream {
    let moves = matches!(body.clone().into_iter().next(), Some(TokenTree::Ident(ident)) if ident == "move");
    body.into_iter().skip(usize::from(moves)).collect()
}

/// Returns what is in the braces of a function, or nothing if it has none.
fn body_of(Code(function): Code) -> Code {
    match function.into_iter().last() {
        Some(TokenTree::Group(body)) => Code(body.stream()),
        _ => code(""),
    }
}

#[test]
fn the_functions_to_mutate_are_accepted_unless_they_are_async_or_extern() {
    let rejected: Vec<_> = FUNCTIONS.into_iter().filter(|text| parse_function(text).is_none()).collect();
    assert_eq!(rejected, [FUNCTIONS[6], FUNCTIONS[13]]);
    let accepted_in_place = FUNCTIONS.into_iter().filter(|text| check_in_place(body_of(code(text)))).count();
    assert!(accepted_in_place >= 10, "{accepted_in_place}");
}

#[test]
fn noise_is_rejected_without_a_panic() {
    check(2000, &(one_of(&OPTIONS), noise()), |(options, item)| check_attribute(options, item));
}

#[test]
fn a_function_of_noise_expands_to_a_function() {
    check(2000, &(one_of(&OPTIONS), functions()), |(options, item)| check_attribute(options, item));
}

#[test]
fn a_mutated_function_expands_to_a_function() {
    check(2000, &mutated(&FUNCTIONS), |item| check_attribute(code(""), item));
}

#[test]
fn noise_in_place_expands_to_an_expression() {
    check(2000, &noise(), |body| {
        check_in_place(body);
    });
}

#[test]
fn a_mutated_body_expands_in_place_to_an_expression() {
    check(2000, &mutated(&FUNCTIONS), |function| {
        check_in_place(body_of(function));
    });
}
