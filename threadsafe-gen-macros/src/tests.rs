//! Tests of what the compiled tests cannot show: the text of an expansion, syntax of unstable Rust, and input that is
//! not Rust.

mod body;
mod expansion;
mod random;
mod signature;
mod tokens;

use proc_macro2::TokenStream;

use crate::{expand, parse};
use tokens::{Code, code, in_a_row};

/// Expands the attribute.
fn expand_attribute(options: TokenStream, item: TokenStream) -> TokenStream {
    parse::generator_fn(options, item)
        .map_or_else(|rejection| expand::rejection(&rejection), |generator| expand::generator(&generator))
}

/// Parses a function as the attribute without options does. Returns `None` if it is rejected.
fn parse_function(text: &str) -> Option<parse::GeneratorFn> {
    let Code(function) = code(text);
    parse::generator_fn(TokenStream::new(), function).ok()
}

/// Parses the input of `generator!`.
fn parse_in_place(body: Code) -> syn::Result<parse::InPlace> {
    let Code(input) = in_a_row([code("threadsafe_gen"), body]);
    syn::parse2(input)
}
