//! The bodies that are accepted, and what is recorded of them.

use proc_macro2::Delimiter;

use super::tokens::{code, group, in_a_row};
use super::{parse_function, parse_in_place};
use crate::body::Body;

fn iterator(body: &str) -> Option<Body> {
    parse_function(&format!("fn f() -> impl Iterator<Item = Result<u8, E>> {{ {body} }}"))?.body
}

fn coroutine(resume: &str, body: &str) -> Option<Body> {
    let output = format!("impl Coroutine<Yield = u8, Resume = {resume}, Return = Option<()>>");
    parse_function(&format!("fn f() -> {output} {{ {body} }}"))?.body
}

/// Returns whether the error of a `?` in the body becomes an item.
#[track_caller]
fn is_fallible(body: &str) -> bool {
    iterator(body).expect("the body is accepted").question_mark.is_some()
}

#[test]
fn a_question_mark_is_found_in_a_body_that_cannot_be_parsed() {
    assert!(is_fallible("g()?;"));
    assert!(is_fallible("@ g()?;"));
    assert!(is_fallible("@ g()? as u8;"));
    assert!(is_fallible("unknown!(@ { g()? })"));
    assert!(!is_fallible("@ g();"));
    assert!(!is_fallible("@ struct S<T: ?Sized>(T);"));
}

#[test]
fn a_bare_return_in_tokens_returns_ok_only_from_an_iterator_with_a_question_mark() {
    let statements = |body: Option<Body>| body.expect("the body is accepted").statements.to_string();
    let ok = "@ g () ?; { return :: core :: result :: Result :: Ok (()) , }";
    assert_eq!(statements(iterator("@ g()?; { return, }")), ok);
    assert_eq!(statements(iterator("@ g(); { return, }")), "@ g () ; { return , }");
    assert_eq!(statements(coroutine("()", "@ g()?; { return, }")), "@ g () ?; { return , }");
    assert_eq!(statements(iterator("@ g()?; return 1;")), "@ g () ?; return 1 ;");
}

#[test]
fn a_question_mark_in_a_try_block_does_not_leave_the_body() {
    assert!(!is_fallible("let x = try { g()? };"));
    assert!(is_fallible("let x = try { g()? }; g()?;"));
    assert!(!is_fallible("let x = || try { g()? };"));
}

#[test]
fn a_yield_in_a_try_block_is_accepted_unless_a_closure_is_between() {
    assert!(iterator("let x = try { yield_!(1) };").is_some());
    assert!(iterator("let x = try { || yield_!(1) };").is_none());
    assert!(iterator("let x = || try { yield_!(1) };").is_none());
}

#[test]
fn a_yield_is_rejected_in_every_nested_function_that_is_not_a_generator() {
    for inner in [
        "const { yield_!(1) }",
        "fn g() { yield_!(1) }",
        "impl S { fn g() { yield_!(1) } }",
        "trait T { fn g() { yield_!(1) } }",
        "const C: u8 = yield_!(1);",
    ] {
        assert!(iterator(inner).is_none(), "{inner}");
    }
    for inner in [
        "#[threadsafe_generator] fn g() -> impl Iterator<Item = u8> { yield_!(1) }",
        "impl S { #[threadsafe_generator] fn g() -> impl Iterator<Item = u8> { yield_!(1) } }",
        "trait T { #[threadsafe_gen::threadsafe_generator] fn g() -> impl Iterator<Item = u8> { yield_!(1) } }",
    ] {
        assert!(iterator(inner).is_some(), "{inner}");
    }
}

#[test]
fn an_await_in_the_input_of_an_unknown_macro_is_rejected_unless_an_async_block_may_contain_it() {
    assert!(iterator("unknown!(@ x.await);").is_none());
    assert!(iterator("unknown!(@ async { x.await });").is_some());
    assert!(iterator("let later = async { unknown!(@ x.await) };").is_some());
}

#[test]
fn a_coroutine_must_name_resumed_with_where_it_can_be_reached() {
    assert!(coroutine("()", "None").is_some());
    assert!(coroutine("u8", "None").is_none());
    assert!(coroutine("u8", "@").is_none());
    for body in [
        "resumed_with!(); None",
        "@ resumed_with!()",
        "unknown!(@ resumed_with!()); None",
        "unknown!(@ resumed_with!()); unknown!(@); None",
        "macro_rules! m { () => { resumed_with!() } } None",
    ] {
        assert!(coroutine("u8", body).is_some(), "{body}");
    }
    for body in
        ["macro_rules! m { () => { } } None", "stringify!(resumed_with!()); None", "fn g() { resumed_with!(); } None"]
    {
        assert!(coroutine("u8", body).is_none(), "{body}");
    }
}

#[test]
fn the_keyword_is_rejected_in_the_expansion_of_a_macro_rules() {
    let with_rules = |rules| iterator(&format!("macro_rules! m {{ {rules} }} yield_!(1);"));
    for rules in ["() => { yield 1 }", "() => { { (yield 1) } }", "() => { 1 }; ($x:expr) => { vec![1]; yield $x }"] {
        assert!(with_rules(rules).is_none(), "{rules}");
    }
    // In the input of another macro, or in a pattern, it is a word like any other.
    for rules in ["() => { unknown!(yield 1) }", "(yield $x:expr) => { yield_!($x) }", "((yield)) => { }"] {
        assert!(with_rules(rules).is_some(), "{rules}");
    }
}

#[test]
fn only_a_macro_that_contains_a_rewritten_return_is_printed_anew() {
    // To print `a=-1` anew would separate its `=` from its `-`.
    let body = iterator("m!(m!(return 1), m!(a=-1)); m!(a=-1);").expect("the body is accepted");
    let annotated = "return { let _returned : () = 1 ; }";
    let expected = format!("m ! (m ! ({annotated}) , m ! (a =- 1)) ; m ! (a =- 1) ;");
    assert_eq!(body.statements.to_string(), expected);
    let body = iterator("m!(a=-1, return 1);").expect("the body is accepted");
    assert_eq!(body.statements.to_string(), format!("m ! (a = - 1 , {annotated}) ;"));
}

#[test]
fn an_item_that_ends_inside_a_group_without_delimiters_loses_no_token() {
    for (fragment, lowered) in [
        ("? beta", "yield_ ! (x ? beta) ; @"),
        ("? beta gamma", "yield_ ! (x ? beta gamma) ; @"),
        ("beta gamma", "yield_ ! (x) beta gamma ; @"),
    ] {
        // A fragment of a `macro_rules!` arrives as such a group. The `@` makes the body unparsable.
        let body = in_a_row([code("yield x"), group(Delimiter::None, code(fragment)), code("; @")]);
        let generator = parse_in_place(body).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(generator.body.statements.to_string(), lowered);
    }
}
