//! Snapshots of the expansion, as in pin-project: `tests/expand/NAME.rs` expands to `tests/expand/NAME.expanded.rs`.
//!
//! `EXPAND=overwrite cargo test -p threadsafe-gen-macros` overwrites the snapshots. Review their diff before you
//! commit.

use std::collections::BTreeMap;
use std::path::Path;
use std::{env, fs};

use proc_macro2::TokenStream;
use quote::ToTokens;
use syn::parse::Parse;
use syn::visit_mut::{self, VisitMut};
use syn::{Attribute, Expr, File, ImplItemFn, ItemFn, Meta, TraitItemFn};

use super::tokens::Code;
use super::{expand_attribute, parse_in_place};
use crate::expand;

/// Expands `#[threadsafe_generator]` and `generator!` in a file.
struct Expander;

impl VisitMut for Expander {
    fn visit_item_fn_mut(&mut self, function: &mut ItemFn) {
        visit_mut::visit_item_fn_mut(self, function);
        expand_function(function, |function| &mut function.attrs);
    }

    fn visit_impl_item_fn_mut(&mut self, function: &mut ImplItemFn) {
        expand_function(function, |function| &mut function.attrs);
    }

    fn visit_trait_item_fn_mut(&mut self, function: &mut TraitItemFn) {
        expand_function(function, |function| &mut function.attrs);
    }

    fn visit_expr_mut(&mut self, expr: &mut Expr) {
        visit_mut::visit_expr_mut(self, expr);
        if let Expr::Macro(mac) = expr {
            if mac.mac.path.is_ident("generator") {
                let expanded = parse_in_place(Code(mac.mac.tokens.clone()))
                    .map_or_else(|error| expand::rejected_in_place(&error), |generator| expand::in_place(&generator));
                *expr = parse(expanded);
            }
        }
    }
}

fn expand_function<F: Parse + ToTokens>(function: &mut F, attrs: fn(&mut F) -> &mut Vec<Attribute>) {
    let is_ours = |attr: &Attribute| attr.path().is_ident("threadsafe_generator");
    if let Some(index) = attrs(function).iter().position(is_ours) {
        let options = match attrs(function).remove(index).meta {
            Meta::List(list) => list.tokens,
            _ => TokenStream::new(),
        };
        *function = parse(expand_attribute(options, function.to_token_stream()));
    }
}

fn parse<T: Parse>(expanded: TokenStream) -> T {
    let text = expanded.to_string();
    syn::parse2(expanded).unwrap_or_else(|error| panic!("the expansion is not Rust: {error}: {text}"))
}

fn expand_file(text: &str) -> String {
    let mut file: File = syn::parse_str(text).unwrap_or_else(|error| panic!("{error}: {text}"));
    Expander.visit_file_mut(&mut file);
    prettyplease::unparse(&file)
}

/// Describes the first line in which two texts differ.
fn first_difference(expected: &str, expanded: &str) -> String {
    let lines = expected.lines().map(Some).chain([None]).zip(expanded.lines().map(Some).chain([None]));
    let (number, (expected, expanded)) =
        lines.enumerate().find(|(_, (expected, expanded))| expected != expanded).unwrap_or_default();
    format!("line {}\n  expected: {expected:?}\n  expanded: {expanded:?}", number + 1)
}

#[test]
fn every_expansion_matches_its_snapshot() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/expand");
    let files = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let (mut inputs, mut snapshots) = (BTreeMap::new(), BTreeMap::new());
    for file in files {
        let path = file.unwrap_or_else(|error| panic!("{}: {error}", folder.display())).path();
        let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let name = path.file_name().and_then(|name| name.to_str()).expect("the name is UTF-8");
        match name.strip_suffix(".expanded.rs") {
            Some(name) => snapshots.insert(name.to_owned(), text),
            None => inputs.insert(name.strip_suffix(".rs").expect("the folder has only `.rs` files").to_owned(), text),
        };
    }
    assert!(!inputs.is_empty(), "no inputs in {}", folder.display());
    let overwrite = env::var_os("EXPAND").is_some_and(|value| value == "overwrite");
    let mut failures = Vec::new();
    for (name, input) in inputs {
        let (expanded, expected) = (expand_file(&input), snapshots.remove(&name).unwrap_or_default());
        if expanded != expected {
            if overwrite {
                let path = folder.join(format!("{name}.expanded.rs"));
                fs::write(&path, expanded).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            } else {
                failures.push(format!("{name}: {}", first_difference(&expected, &expanded)));
            }
        }
    }
    failures.extend(snapshots.keys().map(|name| format!("{name}: a snapshot without an input")));
    assert!(failures.is_empty(), "run with EXPAND=overwrite and review the diff\n{}", failures.join("\n"));
}
