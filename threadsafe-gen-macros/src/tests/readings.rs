//! What is read where no test that compiles would show it: on a stable compiler, without an error, or at all.

use proc_macro2::TokenStream;

use super::tokens::{Code, code};
use crate::{expand, parse};

/// What becomes of a function, as text, if it is accepted.
fn expansion(function: &str) -> Option<String> {
    let Code(function) = code(function);
    let generator = parse::generator_fn(TokenStream::new(), function).ok()?;
    Some(expand::generator(&generator).to_string())
}

fn iterator(body: &str) -> Option<String> {
    expansion(&format!("fn f() -> impl Iterator<Item = Result<u8, E>> {{ {body} }}"))
}

fn coroutine(resume: &str, body: &str) -> Option<String> {
    expansion(&format!("fn f() -> impl Coroutine<Yield = u8, Resume = {resume}, Return = Option<()>> {{ {body} }}"))
}

/// Whether an error becomes an item.
#[track_caller]
fn is_fallible(body: &str) -> bool {
    let expansion = iterator(body).expect("it is accepted");
    expansion.contains(":: fallible")
}

#[test]
fn a_question_mark_is_seen_in_a_body_that_cannot_be_read() {
    assert!(is_fallible("g()?;"));
    assert!(is_fallible("@ g()?;"));
    assert!(is_fallible("@ g()? as u8;"));
    assert!(is_fallible("unknown!(@ { g()? })"));
    assert!(!is_fallible("@ g();"));
    assert!(!is_fallible("@ struct S<T: ?Sized>(T);"));
    // Of a coroutine it is the value at the end.
    for body in ["@ g()?; return;", "@ return;"] {
        let expansion = coroutine("()", body).expect("it is accepted");
        assert!(expansion.contains("return ;"), "{expansion}");
    }
}

#[test]
fn a_question_mark_in_a_try_block_is_the_blocks() {
    assert!(!is_fallible("let x = try { g()? };"));
    assert!(is_fallible("let x = try { g()? }; g()?;"));
    assert!(!is_fallible("let x = || try { g()? };"));
    assert_ne!(iterator("let x = try { yield_!(1) };"), None);
    assert_eq!(iterator("let x = try { || yield_!(1) };"), None);
    assert_eq!(iterator("let x = || try { yield_!(1) };"), None);
}

#[test]
fn a_yield_is_refused_in_all_that_is_a_function_of_its_own() {
    for inner in [
        "const { yield_!(1) }",
        "fn g() { yield_!(1) }",
        "impl S { fn g() { yield_!(1) } }",
        "trait T { fn g() { yield_!(1) } }",
        "const C: u8 = yield_!(1);",
    ] {
        assert_eq!(iterator(inner), None, "{inner}");
    }
    for inner in [
        "#[threadsafe_generator] fn g() -> impl Iterator<Item = u8> { yield_!(1) }",
        "impl S { #[threadsafe_generator] fn g() -> impl Iterator<Item = u8> { yield_!(1) } }",
        "trait T { #[threadsafe_gen::threadsafe_generator] fn g() -> impl Iterator<Item = u8> { yield_!(1) } }",
    ] {
        assert_ne!(iterator(inner), None, "{inner}");
    }
}

#[test]
fn a_macro_with_a_syntax_of_its_own_awaits_where_its_place_does() {
    assert_eq!(iterator("unknown!(@ x.await);"), None);
    assert_ne!(iterator("unknown!(@ async { x.await });"), None);
    assert_ne!(iterator("let later = async { unknown!(@ x.await) };"), None);
}

#[test]
fn the_first_argument_is_taken_by_whatever_names_it() {
    assert_eq!(coroutine("u8", "None"), None);
    assert_ne!(coroutine("u8", "resumed_with!(); None"), None);
    assert_ne!(coroutine("u8", "unknown!(@ resumed_with!()); None"), None);
    assert_ne!(coroutine("u8", "unknown!(@ resumed_with!()); unknown!(@); None"), None);
    assert_ne!(coroutine("u8", "macro_rules! m { () => { resumed_with!() } } None"), None);
    assert_eq!(coroutine("u8", "macro_rules! m { () => { } } None"), None);
    assert_eq!(coroutine("u8", "stringify!(resumed_with!()); None"), None);
    assert_eq!(coroutine("u8", "fn g() { resumed_with!(); } None"), None);
}

#[test]
fn the_keyword_is_refused_in_what_a_macro_by_example_expands_to() {
    for refused in ["() => { yield 1 }", "() => { { (yield 1) } }", "() => { 1 }; ($x:expr) => { vec![1]; yield $x }"] {
        assert_eq!(iterator(&format!("macro_rules! m {{ {refused} }} yield_!(1);")), None, "{refused}");
    }
    // A macro may know what to do with it, and in a pattern it is a word.
    for accepted in ["() => { unknown!(yield 1) }", "(yield $x:expr) => { yield_!($x) }", "((yield)) => { }"] {
        assert_ne!(iterator(&format!("macro_rules! m {{ {accepted} }} yield_!(1);")), None, "{accepted}");
    }
}

#[test]
fn alternatives_of_a_pattern_bind_one_name_once() {
    let with = |arguments| expansion(&format!("fn f({arguments}) -> impl Iterator<Item = u8> {{ yield_!(x); }}"));
    assert_ne!(with("(Ok(x) | Err(x)): Result<u8, u8>"), None);
    assert_eq!(with("(Ok(x) | Err(x)): Result<u8, u8>, x: u8"), None);
}

#[test]
fn attributes_of_an_argument_go_where_its_name_is_bound() {
    let expansion = expansion(
        "fn f(#[cfg(a)] #[expect(b)] x: u8, #[expect(c)] (y, z): (u8, u8)) -> impl Iterator<Item = u8> { yield_!(x); }",
    );
    let expansion = expansion.expect("it is accepted");
    assert!(expansion.contains("fn f (# [cfg (a)] x : u8 , __arg1 : (u8 , u8))"), "{expansion}");
    for attribute in ["expect (b)", "expect (c)"] {
        assert_eq!(expansion.matches(attribute).count(), 1, "{expansion}");
    }
}

#[test]
fn a_box_is_one_by_its_last_name_but_not_of_a_trait() {
    let boxed = |path| expansion(&format!("fn f() -> {path}<dyn Iterator<Item = u8>> {{ yield_!(1); }}"));
    assert_ne!(boxed("std::boxed::Box"), None);
    assert_eq!(boxed("<T as Family>::Box"), None);
}

#[test]
fn a_refusal_names_the_crate_where_it_was_told_to_find_it() {
    let Code(options) = code("crate = a::b");
    let Code(function) = code("const fn f() -> impl Iterator<Item = u8> { yield_!(1); }");
    let Err(refusal) = parse::generator_fn(options, function) else { panic!("it is accepted") };
    let expansion = expand::refusal(&refusal).to_string();
    assert!(expansion.contains("a :: b ::") && !expansion.contains("threadsafe_gen"), "{expansion}");
}
