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
