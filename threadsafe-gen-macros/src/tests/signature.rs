//! The functions that the attribute accepts.

use super::parse_function;

fn is_accepted(function: &str) -> bool {
    parse_function(function).is_some()
}

#[test]
fn the_alternatives_of_a_pattern_bind_one_name_once() {
    let with = |arguments| is_accepted(&format!("fn f({arguments}) -> impl Iterator<Item = u8> {{ yield_!(x); }}"));
    assert!(with("(Ok(x) | Err(x)): Result<u8, u8>"));
    assert!(!with("(Ok(x) | Err(x)): Result<u8, u8>, x: u8"));
}

#[test]
fn a_box_is_recognized_by_the_last_name_of_its_path_unless_a_type_qualifies_it() {
    let boxed = |path| is_accepted(&format!("fn f() -> {path}<dyn Iterator<Item = u8>> {{ yield_!(1); }}"));
    assert!(boxed("Box"));
    assert!(boxed("std::boxed::Box"));
    assert!(!boxed("<T as Family>::Box"));
    assert!(!boxed("Rc"));
}

#[test]
fn two_arguments_may_have_one_name_if_a_cfg_chooses() {
    let with = |arguments| is_accepted(&format!("fn f({arguments}) -> impl Iterator<Item = u8> {{ yield_!(x); }}"));
    assert!(with("#[cfg(a)] x: u8, #[cfg(not(a))] x: u8"));
    assert!(with("#[cfg(a)] x: u8, #[cfg(not(a))] (x, _): (u8, u8)"));
    assert!(!with("#[allow(unused)] x: u8, x: u8"));
}

#[test]
fn the_abi_of_rust_is_accepted() {
    let with = |abi| is_accepted(&format!("{abi} fn f() -> impl Iterator<Item = u8> {{ yield_!(1); }}"));
    assert!(with("extern \"Rust\""));
    assert!(with("unsafe extern \"Rust\""));
    assert!(!with("extern \"C\""));
    assert!(!with("extern"));
}

#[test]
fn a_second_attribute_is_rejected() {
    let with = |attr| is_accepted(&format!("{attr} fn f() -> impl Iterator<Item = u8> {{ yield_!(1); }}"));
    assert!(with("#[inline]"));
    assert!(!with("#[threadsafe_generator]"));
    assert!(!with("#[inline] #[threadsafe_gen::threadsafe_generator(crate = a)]"));
}

#[test]
fn only_a_boxed_stream_is_in_a_pin() {
    let pinned = |bound| is_accepted(&format!("fn f() -> Pin<Box<dyn {bound}>> {{ yield_!(1); resumed_with!(); }}"));
    assert!(is_accepted("fn f() -> std::pin::Pin<Box<dyn Stream<Item = u8>>> { yield_!(1); }"));
    assert!(!pinned("Iterator<Item = u8>"));
    assert!(!pinned("Coroutine<Yield = u8, Resume = u8, Return = ()>"));
    assert!(!is_accepted("fn f() -> Pin<Rc<dyn Stream<Item = u8>>> { yield_!(1); }"));
}

#[test]
fn items_must_have_a_size() {
    let of = |item| is_accepted(&format!("fn f() -> impl Iterator<Item = {item}> {{ yield_!(1); }}"));
    assert!(of("&str") && of("[u8; 1]") && of("Box<dyn T>") && of("impl T"));
    assert!(!of("str") && !of("[u8]") && !of("dyn T") && !of("(dyn T)"));
}
