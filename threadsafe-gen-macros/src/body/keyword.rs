//! Lowers the keyword `yield` to `yield_!`, since no stable compiler accepts the keyword.

use std::mem;

use proc_macro2::{Group, Ident, Span, TokenStream, TokenTree};
use quote::ToTokens;
use syn::parse::{Parse, ParseStream, Parser};
use syn::token::Paren;
use syn::visit_mut::{self, VisitMut};
use syn::{Expr, ExprMacro, ExprYield, Macro, MacroDelimiter, Result, Token};

use super::tokens::{LocalMacros, MacroCalls, Rewriter, is_punct, rewrite_macro};

/// Replaces each `yield`, also in the input of macros that is known to be code of the body.
///
/// Input:
///
/// ```text
/// let argument = yield item;
/// ```
///
/// Output:
///
/// ```text
/// let argument = yield_!(item);
/// ```
pub(crate) struct LowerYield<'a> {
    local_macros: &'a LocalMacros,
    changed: bool,
}

impl<'a> LowerYield<'a> {
    pub(crate) fn new(local_macros: &'a LocalMacros) -> Self {
        Self { local_macros, changed: false }
    }
}

impl VisitMut for LowerYield<'_> {
    fn visit_expr_mut(&mut self, expr: &mut Expr) {
        visit_mut::visit_expr_mut(self, expr);
        if let Expr::Yield(ExprYield { attrs, yield_token, expr: item }) = expr {
            let mac = yield_macro(yield_token.span, item.to_token_stream());
            *expr = Expr::Macro(ExprMacro { attrs: mem::take(attrs), mac });
            self.changed = true;
        }
    }

    fn visit_macro_mut(&mut self, mac: &mut Macro) {
        rewrite_macro(self, mac);
    }
}

impl Rewriter for LowerYield<'_> {
    fn local_macros(&self) -> &LocalMacros {
        self.local_macros
    }

    fn changed(&mut self) -> &mut bool {
        &mut self.changed
    }

    /// Takes the longest expression after the keyword for the item.
    fn rewrite_tokens(&mut self, tokens: TokenStream) -> TokenStream {
        let (mut rewritten, mut calls) = (TokenStream::new(), MacroCalls::default());
        let mut tokens = tokens.into_iter();
        while let Some(token) = tokens.next() {
            let is_foreign = calls.is_foreign_input(&token, self.local_macros);
            match token {
                TokenTree::Ident(keyword) if keyword == "yield" => {
                    self.changed = true;
                    let (item, rest) = split_expression(tokens.collect());
                    yield_macro(keyword.span(), self.rewrite_tokens(item)).to_tokens(&mut rewritten);
                    tokens = rest.into_iter();
                }
                TokenTree::Group(group) if !is_foreign => {
                    let mut inner = Group::new(group.delimiter(), self.rewrite_tokens(group.stream()));
                    inner.set_span(group.span());
                    rewritten.extend([TokenTree::Group(inner)]);
                }
                token => rewritten.extend([token]),
            }
        }
        rewritten
    }
}

/// Splits off the expression, possibly none, with which the tokens begin.
fn split_expression(tokens: TokenStream) -> (TokenStream, TokenStream) {
    let rest_after = |parse: fn(ParseStream<'_>) -> Result<Expr>| {
        (|input: ParseStream<'_>| {
            if Expr::peek(input) {
                parse(input)?;
            }
            input.parse::<TokenStream>()
        })
        .parse2(tokens.clone())
    };
    // The second attempt is for `match yield a { .. }`, whose braces are not those of a struct expression.
    let rest = rest_after(Expr::parse)
        .or_else(|_| rest_after(Expr::parse_without_eager_brace))
        .unwrap_or_else(|_| tokens.clone());
    // The number of tokens that were parsed. The parser can stop inside a group without delimiters, which is how a
    // fragment of a `macro_rules!` arrives. The rest is then no suffix of the tokens, and a separator ends the item.
    let (all, left) = (tokens.clone().into_iter().count(), rest.clone().into_iter().count());
    let leaves_rest = |&length: &usize| {
        tokens.clone().into_iter().skip(length).collect::<TokenStream>().to_string() == rest.to_string()
    };
    let length = all.checked_sub(left).filter(leaves_rest).unwrap_or_else(|| {
        tokens.clone().into_iter().take_while(|token| ![';', ',', '='].iter().any(|&end| is_punct(token, end))).count()
    });
    let mut tokens = tokens.into_iter();
    (tokens.by_ref().take(length).collect(), tokens.collect())
}

/// Returns the span of the first keyword in the expansions of a `macro_rules!`, where it is out of reach. The input of
/// a macro call in such an expansion is skipped, because that macro may accept the keyword.
pub(crate) fn find_in_rules(rules: &TokenStream) -> Option<Span> {
    fn find_in_code(tokens: TokenStream) -> Option<Span> {
        let mut after_bang = false;
        tokens.into_iter().find_map(|token| {
            let is_macro_input = mem::replace(&mut after_bang, is_punct(&token, '!'));
            match token {
                TokenTree::Ident(keyword) if keyword == "yield" => Some(keyword.span()),
                TokenTree::Group(group) if !is_macro_input => find_in_code(group.stream()),
                _ => None,
            }
        })
    }

    let mut after_arrow = false;
    rules.clone().into_iter().find_map(|token| {
        let is_expansion = mem::replace(&mut after_arrow, is_punct(&token, '>'));
        match token {
            TokenTree::Group(group) if is_expansion => find_in_code(group.stream()),
            _ => None,
        }
    })
}

/// Builds `yield_!(item)`. Its span reaches from the keyword to the end of the item, which is the expression that an
/// error is about.
fn yield_macro(keyword: Span, item: TokenStream) -> Macro {
    let end = item.clone().into_iter().last().map_or(keyword, |token| keyword.located_at(token.span()));
    Macro {
        path: Ident::new("yield_", keyword).into(),
        bang_token: Token![!](keyword),
        delimiter: MacroDelimiter::Paren(Paren(end)),
        tokens: item,
    }
}
