//! Whatever tokens stand there, the macros do not panic; and what they make of Rust is Rust.
//!
//! With `PROPTEST_CASES=100000` these tests look longer.

mod readings;
mod tokens;

use std::env;

use proc_macro2::{Delimiter, TokenStream, TokenTree};
use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::{Config, TestRunner};
use syn::parse::Parser;
use syn::{Block, Expr, File};

use crate::{expand, parse};
use tokens::{Code, changed, code, group, in_a_row, noise, one_of};

/// Functions to change at random, one of each kind.
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
    "async fn refused(self: Box<Self>) -> impl Stream<Item = io::Result<u8>> { yield_!(Ok(get().await?)); }",
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

/// A function as it should be, but for its parts.
fn functions() -> impl Strategy<Value = Code> {
    let heads = select(vec!["fn f", "pub fn f<'a, T>", "unsafe fn f", "#[a] default fn f", "async fn f"]);
    let arguments = one_of(&["", "self, (x, _): (u8, u8)", "&self, mut x: impl Fn()"]);
    (heads, arguments, one_of(&RETURN_TYPES), noise()).prop_map(|(head, arguments, returns, body)| {
        let (arguments, body) = (group(Delimiter::Parenthesis, arguments), group(Delimiter::Brace, body));
        in_a_row([code(head), arguments, returns, body])
    })
}

fn check<S: Strategy>(cases: u32, inputs: &S, test: fn(S::Value)) {
    // What was found once is to become a test of its own.
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

/// Expands the attribute, and returns whether the function was accepted.
fn expand_attribute(Code(options): Code, Code(item): Code) -> bool {
    let was_function = syn::parse2::<parse::Function>(item.clone()).is_ok();
    let was_rust = was_function && syn::parse2::<File>(item.clone()).is_ok();
    let read = parse::generator_fn(options, item.clone());
    let accepted = read.is_ok();
    let expanded = read.map_or_else(|refusal| expand::refusal(&refusal), |generator| expand::generator(&generator));
    let text = expanded.to_string();
    assert!(accepted || text.contains("compile_error"), "a refusal says so: {text}");
    if was_function {
        assert!(syn::parse2::<parse::Function>(expanded.clone()).is_ok(), "a function stays one: {text}");
    } else {
        assert!(!accepted && text.ends_with(&item.to_string()), "what is no function is left alone: {text}");
    }
    if was_rust {
        let error = syn::parse2::<File>(expanded).err();
        assert!(error.is_none(), "what was Rust stays Rust: {error:?}: {text}");
    }
    accepted
}

/// Expands `generator!` of a body, and returns whether it was accepted.
fn expand_in_place(body: Code) -> bool {
    let Code(input) = in_a_row([code("threadsafe_gen"), body.clone()]);
    let Ok(generator) = syn::parse2::<parse::InPlace>(input) else { return false };
    let was_rust = Block::parse_within.parse2(without_move(body)).is_ok();
    let expanded = expand::in_place(&generator);
    if was_rust {
        let text = expanded.to_string();
        let error = syn::parse2::<Expr>(expanded).err();
        assert!(error.is_none(), "what was Rust stays Rust: {error:?}: {text}");
    }
    true
}

fn without_move(Code(body): Code) -> TokenStream {
    let moves = matches!(body.clone().into_iter().next(), Some(TokenTree::Ident(ident)) if ident == "move");
    body.into_iter().skip(usize::from(moves)).collect()
}

/// What stands in the braces of a function, if it still has any.
fn body_of(Code(function): Code) -> Code {
    match function.into_iter().last() {
        Some(TokenTree::Group(body)) => Code(body.stream()),
        _ => code(""),
    }
}

#[test]
fn the_functions_to_change_are_accepted_as_they_are() {
    let refused: Vec<_> = FUNCTIONS.iter().filter(|text| !expand_attribute(code(""), code(text))).collect();
    assert_eq!(refused, [&FUNCTIONS[6], &FUNCTIONS[13]], "but for those that are there to be refused");
    let in_place = FUNCTIONS.iter().filter(|text| expand_in_place(body_of(code(text)))).count();
    assert!(in_place >= 10, "but for those that await or are no iterator's: {in_place}");
}

#[test]
fn noise_is_refused_without_a_panic() {
    check(2000, &(one_of(&OPTIONS), noise()), |(options, item)| {
        expand_attribute(options, item);
    });
}

#[test]
fn a_function_of_noise_expands_to_a_function() {
    check(2000, &(one_of(&OPTIONS), functions()), |(options, item)| {
        expand_attribute(options, item);
    });
}

#[test]
fn a_function_that_was_changed_expands_to_a_function() {
    check(2000, &changed(&FUNCTIONS), |item| {
        expand_attribute(code(""), item);
    });
}

#[test]
fn noise_in_place_expands_to_an_expression() {
    check(2000, &noise(), |body| {
        expand_in_place(body);
    });
}

#[test]
fn a_body_that_was_changed_expands_in_place_to_an_expression() {
    check(2000, &changed(&FUNCTIONS), |function| {
        expand_in_place(body_of(function));
    });
}

/// A fragment of a macro by example comes as one token, and the item may end within it.
#[test]
fn an_item_that_ends_within_a_group_without_delimiters_costs_no_token() {
    for (fragment, item) in [("? beta", "x ? beta"), ("? beta gamma", "x ? beta gamma"), ("beta gamma", "x")] {
        let tokens = fragment;
        let fragment = group(Delimiter::None, code(fragment));
        // What comes last makes it no Rust.
        let Code(body) = in_a_row([code("threadsafe_gen yield x"), fragment, code("; @")]);
        let generator = syn::parse2::<parse::InPlace>(body).unwrap_or_else(|error| panic!("{error}"));
        let expanded = expand::in_place(&generator).to_string();
        assert_eq!(expanded.matches(tokens).count(), 1, "{expanded}");
        assert!(expanded.contains(&format!("yield_ ! ({item})")), "{expanded}");
    }
}
