//! The keyword `yield`, which no stable compiler takes for itself: each becomes a `yield_!`.

use std::mem;

use proc_macro2::{Group, Ident, Span, TokenStream, TokenTree};
use quote::ToTokens;
use syn::parse::{Parse, ParseStream, Parser};
use syn::token::Paren;
use syn::visit_mut::{self, VisitMut};
use syn::{Expr, ExprMacro, ExprYield, Macro, MacroDelimiter, Result, Token};

use crate::body::{Arguments, is_elsewhere};

/// In code.
///
/// Input: `let reply = yield item;`
///
/// Output: `let reply = yield_!(item);`
pub(crate) struct Yields;

impl VisitMut for Yields {
    fn visit_expr_mut(&mut self, expr: &mut Expr) {
        visit_mut::visit_expr_mut(self, expr);
        if let Expr::Yield(ExprYield { attrs, yield_token, expr: item }) = expr {
            let mac = yield_macro(yield_token.span, item.to_token_stream());
            *expr = Expr::Macro(ExprMacro { attrs: mem::take(attrs), mac });
        }
    }

    fn visit_macro_mut(&mut self, mac: &mut Macro) {
        if is_elsewhere(mac) {
            return;
        }
        match Arguments::read(mac) {
            Some(mut arguments) => arguments.rewrite(self, mac),
            None => mac.tokens = in_tokens(mem::take(&mut mac.tokens)),
        }
    }
}

/// In tokens that are no syntax of Rust's: what follows the keyword, as far as it is an expression, is the item.
pub(crate) fn in_tokens(tokens: TokenStream) -> TokenStream {
    let mut rewritten = TokenStream::new();
    let mut tokens = tokens.into_iter();
    while let Some(token) = tokens.next() {
        match token {
            TokenTree::Ident(keyword) if keyword == "yield" => {
                let (item, rest) = split_expression(tokens.collect());
                yield_macro(keyword.span(), in_tokens(item)).to_tokens(&mut rewritten);
                tokens = rest.into_iter();
            }
            TokenTree::Group(group) => {
                let mut within = Group::new(group.delimiter(), in_tokens(group.stream()));
                within.set_span(group.span());
                rewritten.extend([TokenTree::Group(within)]);
            }
            token => rewritten.extend([token]),
        }
    }
    rewritten
}

/// The expression that the tokens begin with, or nothing, and what comes after it.
fn split_expression(tokens: TokenStream) -> (TokenStream, TokenStream) {
    let after = |parse: fn(ParseStream<'_>) -> Result<Expr>| {
        (|input: ParseStream<'_>| {
            if Expr::peek(input) {
                parse(input)?;
            }
            input.parse::<TokenStream>()
        })
        .parse2(tokens.clone())
    };
    // The braces in `match yield a { .. }` are no struct's.
    let rest =
        after(Expr::parse).or_else(|_| after(Expr::parse_without_eager_brace)).unwrap_or_else(|_| tokens.clone());
    // How many tokens that is, unless the expression ends within what a macro by example passes on as one.
    let (all, left) = (tokens.clone().into_iter().count(), rest.clone().into_iter().count());
    let whole = |&length: &usize| {
        tokens.clone().into_iter().skip(length).collect::<TokenStream>().to_string() == rest.to_string()
    };
    let length = all.checked_sub(left).filter(whole).unwrap_or_else(|| {
        tokens.clone().into_iter().take_while(|token| ![';', ',', '='].iter().any(|&end| is_punct(token, end))).count()
    });
    let mut tokens = tokens.into_iter();
    (tokens.by_ref().take(length).collect(), tokens.collect())
}

/// Where the keyword stands in what the rules of a `macro_rules!` expand to, unless in a macro, which may know it.
pub(crate) fn in_rules(rules: &TokenStream) -> Option<Span> {
    fn in_code(tokens: TokenStream) -> Option<Span> {
        let mut macro_ahead = false;
        tokens.into_iter().find_map(|token| {
            let in_macro = mem::replace(&mut macro_ahead, is_punct(&token, '!'));
            match token {
                TokenTree::Ident(keyword) if keyword == "yield" => Some(keyword.span()),
                TokenTree::Group(group) if !in_macro => in_code(group.stream()),
                _ => None,
            }
        })
    }

    let mut arrow_ahead = false;
    rules.clone().into_iter().find_map(|token| {
        let expansion = mem::replace(&mut arrow_ahead, is_punct(&token, '>'));
        match token {
            TokenTree::Group(group) if expansion => in_code(group.stream()),
            _ => None,
        }
    })
}

fn is_punct(token: &TokenTree, char: char) -> bool {
    matches!(token, TokenTree::Punct(punct) if punct.as_char() == char)
}

/// It stands from the keyword to the end of the item, for the compiler to speak of all that.
fn yield_macro(keyword: Span, item: TokenStream) -> Macro {
    let end = item.clone().into_iter().last().map_or(keyword, |token| keyword.located_at(token.span()));
    Macro {
        path: Ident::new("yield_", keyword).into(),
        bang_token: Token![!](keyword),
        delimiter: MacroDelimiter::Paren(Paren(end)),
        tokens: item,
    }
}
