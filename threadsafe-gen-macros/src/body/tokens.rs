//! Reads tokens whose syntax is unknown: the input of other macros, and bodies that `syn` cannot parse.
//!
//! The input of a macro has no meaning before the macro is expanded. If it parses as expressions or as statements, as
//! that of `vec!`, `println!` and `assert!` does, it is treated as such. In all other input, such as that of `select!`,
//! only single tokens are recognized: `?`, a bare `return`, `.await`, `yield` and the names of a generator's macros.

use std::mem;

use proc_macro2::{Span, TokenStream, TokenTree};
use quote::ToTokens;
use syn::parse::Parser;
use syn::punctuated::Punctuated;
use syn::visit_mut::VisitMut;
use syn::{Block, Expr, Macro, Path, Stmt, Token};

/// The first span of each word in a body that the expansion depends on.
#[derive(Default)]
pub(crate) struct Mentions {
    pub(crate) keyword: Option<Span>,
    pub(crate) return_: Option<Span>,
    pub(crate) yield_: Option<Span>,
    pub(crate) yield_from: Option<Span>,
    pub(crate) resumed_with: Option<Span>,
}

impl Mentions {
    pub(crate) fn find(tokens: &TokenStream) -> Self {
        let mut mentions = Self::default();
        mentions.extend_from(tokens);
        mentions
    }

    fn extend_from(&mut self, tokens: &TokenStream) {
        for token in tokens.clone() {
            match token {
                TokenTree::Group(group) => self.extend_from(&group.stream()),
                TokenTree::Ident(ident) => {
                    let mention = if ident == "yield" {
                        &mut self.keyword
                    } else if ident == "return" {
                        &mut self.return_
                    } else if ident == "yield_" {
                        &mut self.yield_
                    } else if ident == "yield_from" {
                        &mut self.yield_from
                    } else if ident == "resumed_with" {
                        &mut self.resumed_with
                    } else {
                        continue;
                    };
                    mention.get_or_insert(ident.span());
                }
                TokenTree::Punct(_) | TokenTree::Literal(_) => (),
            }
        }
    }
}

/// Returns the span of the first identifier `name`.
pub(crate) fn find_ident(name: &str, tokens: &TokenStream) -> Option<Span> {
    tokens.clone().into_iter().find_map(|token| match token {
        TokenTree::Ident(ident) if ident == name => Some(ident.span()),
        TokenTree::Group(group) => find_ident(name, &group.stream()),
        _ => None,
    })
}

/// Returns the span of the first `?` that does not belong to `?Sized`.
pub(crate) fn find_question_mark(tokens: &TokenStream) -> Option<Span> {
    let mut tokens = tokens.clone().into_iter().peekable();
    while let Some(token) = tokens.next() {
        let found = match token {
            TokenTree::Punct(punct) if punct.as_char() == '?' => match tokens.peek() {
                Some(TokenTree::Ident(ident)) if ident == "Sized" => None,
                _ => Some(punct.span()),
            },
            TokenTree::Group(group) => find_question_mark(&group.stream()),
            _ => None,
        };
        if found.is_some() {
            return found;
        }
    }
    None
}

/// Returns the span of the first `.await`, unless an `async` among the tokens may be what it belongs to.
pub(crate) fn find_await(tokens: &TokenStream) -> Option<Span> {
    find_ident("async", tokens).is_none().then(|| find_ident("await", tokens)).flatten()
}

pub(crate) fn is_punct(token: &TokenTree, char: char) -> bool {
    matches!(token, TokenTree::Punct(punct) if punct.as_char() == char)
}

/// Returns whether `path` ends in `name`.
pub(crate) fn is_named(path: &Path, name: &str) -> bool {
    path.segments.last().is_some_and(|segment| segment.ident == name)
}

/// Returns whether the input of a macro is not code of this body: it runs elsewhere, or does not run at all.
pub(crate) fn is_opaque_macro(mac: &Macro) -> bool {
    ["macro_rules", "generator", "stringify", "quote", "quote_spanned", "parse_quote"]
        .iter()
        .any(|name| is_named(&mac.path, name))
}

/// Parses the statements of a block. Returns `None` for syntax that `syn` does not know.
pub(crate) fn parse_statements(tokens: &TokenStream) -> Option<Vec<Stmt>> {
    Block::parse_within.parse2(tokens.clone()).ok()
}

/// The input of a macro that looks like code.
pub(crate) enum MacroInput {
    Expressions(Punctuated<Expr, Token![,]>),
    Statements(Vec<Stmt>),
}

impl MacroInput {
    /// Returns `None` for input with a syntax of its own.
    pub(crate) fn parse(mac: &Macro) -> Option<Self> {
        match Punctuated::parse_terminated.parse2(mac.tokens.clone()) {
            Ok(expressions) => Some(Self::Expressions(expressions)),
            Err(_) => parse_statements(&mac.tokens).map(Self::Statements),
        }
    }

    fn rewrite(&mut self, rewriter: &mut impl Rewriter) {
        match self {
            Self::Expressions(expressions) => expressions.iter_mut().for_each(|expr| rewriter.visit_expr_mut(expr)),
            Self::Statements(statements) => statements.iter_mut().for_each(|stmt| rewriter.visit_stmt_mut(stmt)),
        }
    }
}

impl ToTokens for MacroInput {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        match self {
            Self::Expressions(expressions) => expressions.to_tokens(tokens),
            Self::Statements(statements) => statements.iter().for_each(|statement| statement.to_tokens(tokens)),
        }
    }
}

/// A visitor that rewrites a body and records whether it changed anything.
pub(crate) trait Rewriter: VisitMut {
    /// Returns the flag that each change sets.
    fn changed(&mut self) -> &mut bool;

    /// Rewrites tokens that cannot be parsed.
    fn rewrite_tokens(&mut self, tokens: TokenStream) -> TokenStream;
}

/// Rewrites the input of a macro. If nothing in it changes, the macro keeps its very tokens, because to parse and print
/// them changes spans and spacing, which the macro may depend on.
pub(crate) fn rewrite_macro(rewriter: &mut impl Rewriter, mac: &mut Macro) {
    if is_opaque_macro(mac) {
        return;
    }
    let changed_before = mem::take(rewriter.changed());
    let tokens = match MacroInput::parse(mac) {
        Some(mut input) => {
            input.rewrite(rewriter);
            input.into_token_stream()
        }
        None => rewriter.rewrite_tokens(mac.tokens.clone()),
    };
    if *rewriter.changed() {
        mac.tokens = tokens;
    }
    *rewriter.changed() |= changed_before;
}
