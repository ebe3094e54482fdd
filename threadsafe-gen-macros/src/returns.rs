//! The `return`s of a body, each of which says where it stands if it is of a wrong type.
//!
//! Left alone, a value of a wrong type would be told so at the function's name, since an `async` closure does not know
//! what it returns before it has returned something.

use std::mem;

use proc_macro2::{Group, Span, TokenStream, TokenTree};
use quote::{ToTokens, quote_spanned};
use syn::visit_mut::{self, VisitMut};
use syn::{Expr, ExprAsync, ExprClosure, ExprConst, ExprReturn, Item, Macro, Type};

use crate::body::{Arguments, is_elsewhere};

/// What the code that the body stands in returns.
#[derive(Clone, Copy)]
pub(crate) enum End<'a> {
    Unit,
    /// `Ok(())`.
    ///
    /// A body with a `?` runs as one that returns a `Result`, since it is the `?` that says how the body ends on an
    /// error, and no type on stable Rust is both that and `()`.
    Ok,
    /// What a coroutine is complete with.
    Value(&'a Type),
}

/// States the type of what every `return` returns.
///
/// Input: `return value`
///
/// Output: `return { let _ended: Type = value; _ended }`
pub(crate) struct Returns<'a> {
    pub(crate) end: End<'a>,
}

impl VisitMut for Returns<'_> {
    fn visit_expr_return_mut(&mut self, expr: &mut ExprReturn) {
        visit_mut::visit_expr_return_mut(self, expr);
        let returned = expr.return_token.span;
        let site = returned.resolved_at(Span::mixed_site());
        let value = expr.expr.take();
        let block = match self.end {
            End::Unit if value.is_none() => return,
            End::Unit => quote_spanned!(site=> { let _ended: () = #value; }),
            End::Ok => {
                let unit = value.map(|value| quote_spanned!(site=> let _ended: () = #value;));
                quote_spanned!(site=> { #unit ::core::result::Result::Ok(()) })
            }
            End::Value(ty) => {
                let value = value.map_or_else(|| quote_spanned!(returned=> ()), ToTokens::into_token_stream);
                quote_spanned!(site=> { let _ended: #ty = #value; _ended })
            }
        };
        expr.expr = Some(Box::new(Expr::Verbatim(block)));
    }

    fn visit_macro_mut(&mut self, mac: &mut Macro) {
        if is_elsewhere(mac) {
            return;
        }
        match (Arguments::read(mac), self.end) {
            (Some(mut arguments), _) => arguments.rewrite(self, mac),
            (None, End::Ok) => mac.tokens = with_bare_ok(mem::take(&mut mac.tokens)),
            (None, _) => (),
        }
    }

    // A `return` in these returns from these.
    fn visit_expr_closure_mut(&mut self, _: &mut ExprClosure) {}
    fn visit_expr_async_mut(&mut self, _: &mut ExprAsync) {}
    fn visit_expr_const_mut(&mut self, _: &mut ExprConst) {}
    fn visit_item_mut(&mut self, _: &mut Item) {}
}

/// Makes `return` without a value one of `Ok(())`, in tokens that are no syntax of Rust's.
pub(crate) fn with_bare_ok(tokens: TokenStream) -> TokenStream {
    let mut tokens = tokens.into_iter().peekable();
    let mut rewritten = TokenStream::new();
    while let Some(token) = tokens.next() {
        let token = match token {
            TokenTree::Group(group) => {
                let mut within = Group::new(group.delimiter(), with_bare_ok(group.stream()));
                within.set_span(group.span());
                TokenTree::Group(within)
            }
            token => token,
        };
        let bare = matches!(&token, TokenTree::Ident(ident) if ident == "return")
            && match tokens.peek() {
                None => true,
                Some(TokenTree::Punct(punct)) => matches!(punct.as_char(), ';' | ','),
                Some(_) => false,
            };
        let site = token.span().resolved_at(Span::mixed_site());
        rewritten.extend([token]);
        if bare {
            rewritten.extend(quote_spanned!(site=> ::core::result::Result::Ok(())));
        }
    }
    rewritten
}
