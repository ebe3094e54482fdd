//! The bodies that are accepted, and what is recorded of them.

use proc_macro2::Delimiter;

use super::tokens::{code, group, in_a_row};
use super::{parse_function, parse_in_place};
use crate::body::Body;

fn iterator(body: &str) -> Option<Body> {
    iterator_of("Result<u8, E>", body)
}

fn iterator_of(item: &str, body: &str) -> Option<Body> {
    parse_function(&format!("fn f() -> impl Iterator<Item = {item}> {{ {body} }}"))?.body
}

fn coroutine(resume: &str, body: &str) -> Option<Body> {
    let output = format!("impl Coroutine<Yield = u8, Resume = {resume}, Return = Option<()>>");
    parse_function(&format!("fn f() -> {output} {{ {body} }}"))?.body
}

/// Adds a yield to a body, so that it is not rejected for having none.
fn yielding(body: &str) -> String {
    format!("{body} ; yield_!(item);")
}

/// Returns whether a body of `Result`s can fail.
#[track_caller]
fn is_fallible(body: &str) -> bool {
    iterator(&yielding(body)).expect("the body is accepted").fallible.is_some()
}

/// Returns whether a body can fail whose items may be `Result`s by another name.
#[track_caller]
fn is_fallible_by_alias(body: &str) -> bool {
    iterator_of("Row", &yielding(body)).expect("the body is accepted").fallible.is_some()
}

#[test]
fn a_question_mark_is_found_in_a_body_that_cannot_be_parsed() {
    assert!(is_fallible_by_alias("g()?;"));
    assert!(is_fallible_by_alias("@ g()?;"));
    assert!(is_fallible_by_alias("@ g()? as u8;"));
    assert!(is_fallible_by_alias("@ x.await??;"));
    assert!(!is_fallible_by_alias("@ g();"));
    assert!(!is_fallible_by_alias("@ struct S<T: ?Sized>(T);"));
}

#[test]
fn a_question_mark_in_the_input_of_a_known_macro_is_the_bodys_own() {
    for body in
        ["vec![g()?];", "select! { x = g()? => () }", "tokio::select! { x = y? => () }", "info!(a = g()?, \"\");"]
    {
        assert!(is_fallible_by_alias(body), "{body}");
    }
    for body in [
        "unknown!(g()?);",
        "unknown!(@ { g()? });",
        "crate::select! { x = g()? => () }",
        "info!(a = ?b, ?c, \"{}\", 1);",
        "info!(?c);",
        "stringify!(g()?);",
        "macro_rules! vec { ($($token:tt)*) => {} } vec![g()?];",
    ] {
        assert!(!is_fallible_by_alias(body), "{body}");
    }
}

#[test]
fn a_body_of_results_can_fail_if_anything_in_it_may_return_an_error() {
    for body in [
        "bail!();",
        "anyhow::ensure!(x);",
        "unknown!();",
        "return Err(e);",
        "return g();",
        "@ return Err(e);",
        "vec![unknown!()];",
    ] {
        assert!(is_fallible(body), "{body}");
        assert!(is_fallible_by_alias(&format!("yield_!(Ok(1)); {body}")) != body.starts_with('@'), "{body}");
        assert!(!is_fallible_by_alias(body), "{body}");
    }
    for body in [
        "println!();",
        "return;",
        "return ();",
        "return yield_!(Ok(1));",
        "stringify!(return Err(e));",
        "let c = || return Err(e);",
        "let c = async { bail!() };",
        "fn g() { unknown!() }",
        "yield_!(Ok(1));",
    ] {
        assert!(!is_fallible(body), "{body}");
    }
}

#[test]
fn a_returned_value_of_a_body_that_can_fail_becomes_a_result() {
    let returned = |body: &str| {
        let statements =
            iterator(&format!("g()?; return {body};")).expect("the body is accepted").statements.to_string();
        statements.split_once("return ").expect("the last statement is kept").1.to_owned()
    };
    let unit = |value: &str| format!("{{ let _returned : () = {value} ; :: core :: result :: Result :: Ok (()) }} ;");
    assert_eq!(returned(""), "{ :: core :: result :: Result :: Ok (()) } ;");
    assert_eq!(returned("yield_!(x)"), unit("yield_ ! (x)"));
    assert_eq!(returned("if a { () } else { g() }"), unit("if a { () } else { g () }"));
    assert_eq!(returned("Err(e)"), "Err (e) ;");
    assert_eq!(returned("bail!(e)"), "bail ! (e) ;");
    assert_eq!(
        returned("match a { b => (std::result::Result::Ok(())) }"),
        "match a { b => (std :: result :: Result :: Ok (())) } ;"
    );
    assert_eq!(returned("g()"), "{ :: threadsafe_gen :: __private :: Returned :: into_result (g ()) } ;");
}

#[test]
fn a_question_mark_is_rejected_if_the_items_are_certainly_no_results() {
    for item in ["u8", "String", "Option<u8>", "&'static str", "(u8, Result<u8, E>)", "[u8; 2]"] {
        assert!(iterator_of(item, "g()?;").is_none(), "{item}");
        assert!(iterator_of(item, "yield_!(1);").is_some(), "{item}");
    }
    for item in ["Row", "Result<u8, E>", "io::Result<u8>", "S::Item", "<S as T>::Item", "my::String"] {
        assert!(iterator_of(item, "g()?;").is_some(), "{item}");
    }
}

#[test]
fn a_result_at_the_end_of_a_body_is_rejected() {
    for tail in ["Ok(())", "Err(e)", "anyhow::Ok(())", "if a { Err(e) }", "match a { b => { Ok(()) } }"] {
        assert!(iterator(tail).is_none(), "{tail}");
        assert!(coroutine("()", tail).is_some(), "{tail}");
    }
    assert!(iterator("Ok::<(), E>(()); yield_!(1);").is_some());
    assert!(iterator("yield_!(1); Status::Ok(())").is_some());
}

#[test]
fn a_bare_return_in_tokens_returns_ok_only_from_an_iterator_that_can_fail() {
    let statements = |body: Option<Body>| body.expect("the body is accepted").statements.to_string();
    let ok = "@ g () ?; { return :: core :: result :: Result :: Ok (()) , }";
    assert_eq!(statements(iterator("@ g()?; { return, }")), ok);
    assert_eq!(statements(iterator("@ g(); { return, }")), "@ g () ; { return , }");
    assert_eq!(statements(coroutine("()", "@ g()?; { return, }")), "@ g () ?; { return , }");
    let other = "@ g () ?; text ! (return ;) ; ! { return :: core :: result :: Result :: Ok (()) }";
    assert_eq!(statements(iterator("@ g()?; text!(return;); !{ return }")), other);
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
fn an_await_in_the_input_of_a_known_macro_is_rejected_unless_an_async_block_may_contain_it() {
    assert!(iterator("select!(@ x.await); yield_!(1);").is_none());
    assert!(iterator("select!(@ async { x.await }); yield_!(1);").is_some());
    assert!(iterator("let later = async { select!(@ x.await) }; yield_!(1);").is_some());
    assert!(iterator("unknown!(@ x.await); yield_!(1);").is_some());
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
fn only_a_known_macro_that_contains_a_rewritten_return_is_printed_anew() {
    // To print `a=-1` anew would separate its `=` from its `-`.
    let body = iterator("g()?; vec!(vec!(return), vec!(a=-1)); vec!(a=-1); m!(a=-1, return);");
    let completed = "return { :: core :: result :: Result :: Ok (()) }";
    let expected =
        format!("g () ? ; vec ! (vec ! ({completed}) , vec ! (a =- 1)) ; vec ! (a =- 1) ; m ! (a =- 1 , return) ;");
    assert_eq!(body.expect("the body is accepted").statements.to_string(), expected);
    let body = iterator("g()?; vec!(a=-1, return);").expect("the body is accepted");
    assert_eq!(body.statements.to_string(), format!("g () ? ; vec ! (a = - 1 , {completed}) ;"));
}

#[test]
fn only_the_input_of_a_known_macro_has_the_keyword_lowered() {
    let lowered = |body: &str| {
        let statements = iterator(&format!("yield_!(1); {body}")).expect("the body is accepted").statements.to_string();
        statements.strip_prefix("yield_ ! (1) ; ").expect("the first statement is kept").to_owned()
    };
    assert_eq!(lowered("vec![yield 1]; text!(yield x);"), "vec ! [yield_ ! (1)] ; text ! (yield x) ;");
    assert_eq!(lowered("select! { a => yield 1, }"), "select ! { a => yield_ ! (1) , }");
    assert_eq!(lowered("select! { a => text!(yield 1), }"), "select ! { a => text ! (yield 1) , }");
    assert_eq!(
        lowered("select! { a => vec![b::text!(yield 1), yield 2], }"),
        "select ! { a => vec ! [b :: text ! (yield 1) , yield_ ! (2)] , }"
    );
    assert_eq!(lowered("crate::select! { a => yield 1, }"), "crate :: select ! { a => yield 1 , }");
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

#[test]
fn a_body_that_yields_nothing_is_rejected_unless_that_is_intended() {
    for body in
        ["(0..3).map(f)", "iter", "work();", "let x = 1;", "if a { work(); }", "println!();", "text(\"yield_!\")"]
    {
        assert!(iterator(body).is_none(), "{body}");
        assert!(iterator_of("u8", body).is_none(), "{body}");
        assert!(coroutine("()", body).is_some(), "{body}");
    }
    for body in [
        "",
        "return;",
        "if a { return; } work();",
        "g()?;",
        "bail!();",
        "todo!()",
        "panic!(\"\");",
        "loop { work(); }",
        "emit!(1);",
        "vec![emit!(1)];",
        "macro_rules! emit { () => { yield_!(1) } } emit!()",
        "@",
    ] {
        assert!(iterator(body).is_some(), "{body}");
    }
}

#[test]
fn a_yield_is_rejected_in_a_constant() {
    for body in [
        "const C: u8 = yield_!(1);",
        "static S: u8 = { yield_!(1) };",
        "const { yield_!(1) };",
        "let x = [0; yield_!(1)];",
        "let x: [u8; yield_!(1)] = y;",
        "f::<{ yield_!(1) }>();",
        "enum E { A = yield_!(1) }",
        "const C: fn() = { fn f() { yield_!(1); } f };",
    ] {
        assert!(iterator(body).is_none(), "{body}");
    }
    assert!(iterator("let x = [yield_!(1); 2];").is_some());
    assert!(iterator("let x: [u8; { macro_rules! m { () => { 1 } } m!() }] = yield_!(1);").is_some());
}

#[test]
fn an_await_of_what_a_coroutine_receives_is_left_to_rustc() {
    assert!(iterator("yield_!(1).await;").is_none());
    assert!(iterator("yield_from!(x).await;").is_none());
    assert!(iterator("let later = async { yield_from(x).await }; yield_!(1);").is_some());
}
