//! Annotates each `return` of a body with the type of its value, so that a mismatch is reported at the value.
//!
//! Without the annotation rustc reports the mismatch at the function's name, because an `async` closure's output is
//! inferred from its first `return`.

use proc_macro2::{Group, Span, TokenStream, TokenTree};
use quote::{ToTokens, quote_spanned};
use syn::visit_mut::{self, VisitMut};
use syn::{Expr, ExprAsync, ExprClosure, ExprConst, ExprReturn, Item, Macro, Type};

use super::tokens::{Rewriter, rewrite_macro};

/// The output of the closure that a body becomes.
#[derive(Clone, Copy)]
pub(crate) enum BodyOutput<'a> {
    Unit,
    /// `Result<(), E>`.
    ///
    /// A body with a `?` returns a `Result`, because the `?` returns an `Err` and no type on stable Rust is both that
    /// and `()`. Every other way out returns `Ok(())`.
    Result,
    /// The return value of a coroutine.
    Value(&'a Type),
}

/// Annotates the `return`s.
///
/// Input:
///
/// ```text
/// return value;
/// ```
///
/// Output, for a coroutine:
///
/// ```text
/// return { let _returned: Type = value; _returned };
/// ```
///
/// Output, for a body with a `?`:
///
/// ```text
/// return { let _returned: () = value; ::core::result::Result::Ok(()) };
/// ```
pub(crate) struct AnnotateReturns<'a> {
    output: BodyOutput<'a>,
    changed: bool,
}

impl<'a> AnnotateReturns<'a> {
    pub(crate) fn new(output: BodyOutput<'a>) -> Self {
        Self { output, changed: false }
    }
}

impl VisitMut for AnnotateReturns<'_> {
    fn visit_expr_return_mut(&mut self, expr: &mut ExprReturn) {
        visit_mut::visit_expr_return_mut(self, expr);
        let returned = expr.return_token.span;
        let site = returned.resolved_at(Span::mixed_site());
        let block = match (self.output, &expr.expr) {
            (BodyOutput::Unit, None) => return,
            (BodyOutput::Unit, Some(value)) => quote_spanned!(site=> { let _returned: () = #value; }),
            (BodyOutput::Result, None) => quote_spanned!(site=> { ::core::result::Result::Ok(()) }),
            (BodyOutput::Result, Some(value)) => {
                quote_spanned!(site=> { let _returned: () = #value; ::core::result::Result::Ok(()) })
            }
            (BodyOutput::Value(ty), value) => {
                let value = value.as_ref().map_or_else(|| quote_spanned!(returned=> ()), ToTokens::to_token_stream);
                quote_spanned!(site=> { let _returned: #ty = #value; _returned })
            }
        };
        expr.expr = Some(Box::new(Expr::Verbatim(block)));
        self.changed = true;
    }

    fn visit_macro_mut(&mut self, mac: &mut Macro) {
        rewrite_macro(self, mac);
    }

    // A `return` in one of these does not return from the body.
    fn visit_expr_closure_mut(&mut self, _: &mut ExprClosure) {}
    fn visit_expr_async_mut(&mut self, _: &mut ExprAsync) {}
    fn visit_expr_const_mut(&mut self, _: &mut ExprConst) {}
    fn visit_item_mut(&mut self, _: &mut Item) {}
}

impl Rewriter for AnnotateReturns<'_> {
    fn changed(&mut self) -> &mut bool {
        &mut self.changed
    }

    /// Completes each bare `return` if the body returns a `Result`. A value after `return` stays as it is, because its
    /// end is unknown.
    fn rewrite_tokens(&mut self, tokens: TokenStream) -> TokenStream {
        if !matches!(self.output, BodyOutput::Result) {
            return tokens;
        }
        let mut tokens = tokens.into_iter().peekable();
        let mut rewritten = TokenStream::new();
        while let Some(token) = tokens.next() {
            let token = match token {
                TokenTree::Group(group) => {
                    let mut inner = Group::new(group.delimiter(), self.rewrite_tokens(group.stream()));
                    inner.set_span(group.span());
                    TokenTree::Group(inner)
                }
                token => token,
            };
            let is_bare_return = matches!(&token, TokenTree::Ident(ident) if ident == "return")
                && match tokens.peek() {
                    None => true,
                    Some(TokenTree::Punct(punct)) => matches!(punct.as_char(), ';' | ','),
                    Some(_) => false,
                };
            let site = token.span().resolved_at(Span::mixed_site());
            rewritten.extend([token]);
            if is_bare_return {
                rewritten.extend(quote_spanned!(site=> ::core::result::Result::Ok(())));
                self.changed = true;
            }
        }
        rewritten
    }
}
