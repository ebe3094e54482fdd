//! The locations at which rustc reports errors in generated code.

use proc_macro2::{Span, TokenStream, TokenTree};
use quote::ToTokens;

/// Returns the spans of the first and the last token.
pub(crate) fn end_spans(tokens: &impl ToTokens) -> (Span, Span) {
    let mut spans = tokens.to_token_stream().into_iter().map(|token| token.span());
    let first = spans.next().unwrap_or_else(Span::mixed_site);
    (first, spans.last().unwrap_or(first))
}

/// Moves a path to the location `at` and keeps its hygiene. An error whose span reached from the path to other tokens
/// would underline everything between them.
pub(crate) fn relocated(path: &impl ToTokens, at: Span) -> TokenStream {
    let relocate = |mut token: TokenTree| {
        token.set_span(token.span().located_at(at));
        token
    };
    path.to_token_stream().into_iter().map(relocate).collect()
}

/// Returns the span of all tokens on compilers that can join spans, and else that of the first.
pub(crate) fn whole_span(tokens: &impl ToTokens) -> Span {
    let (first, last) = end_spans(tokens);
    first.join(last).unwrap_or(first)
}
