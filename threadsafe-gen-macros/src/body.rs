//! The body of a generator, as far as the expansion needs to know it.
//!
//! It goes into the expansion as it was written, but for the keyword `yield` and for its `return`s: see [`keyword`] and
//! [`returns`].
//!
//! A macro's tokens are nobody's syntax until the macro has run. They are read as expressions or statements if they
//! look like such, which those of `vec!`, `println!`, `assert!` do. Of the others, such as those of `select!`, and of
//! whole bodies that are newer than `syn`, only the plainest is seen: a `?`, a bare `return`, an `.await`, a `yield`.

use proc_macro2::{Group, Span, TokenStream, TokenTree};
use quote::ToTokens;
use syn::parse::Parser;
use syn::punctuated::Punctuated;
use syn::visit_mut::VisitMut;
use syn::{Block, Error, Expr, Macro, Path, Result, Stmt, Token};

use crate::protocol::Protocol;
use crate::reader::Reader;
use crate::returns::{self, Returns};
use crate::{keyword, reader};

/// A body that may stand in a generator.
pub(crate) struct Body {
    pub(crate) statements: TokenStream,
    /// The braces around them, the edition of which decides on temporaries at the end.
    pub(crate) braces: Span,
    /// Where there is a `?` that makes an item of an error.
    pub(crate) fallible: Option<Span>,
    /// Where each of our macros is first named, for it to be seen from there.
    pub(crate) yield_: Option<Span>,
    pub(crate) yield_from: Option<Span>,
    pub(crate) resumed_with: Option<Span>,
}

impl Body {
    pub(crate) fn read(block: &Group, protocol: &Protocol) -> Result<Self> {
        let mut tokens = block.stream();
        // What `syn` cannot read is newer than `syn` or wrong, and not for us to judge: the compiler reads it too.
        let mut statements = Block::parse_within.parse2(tokens.clone()).ok();
        if first_named("yield", &tokens).is_some() {
            if let Some(statements) = &mut statements {
                for statement in &mut *statements {
                    keyword::Yields.visit_stmt_mut(statement);
                }
                tokens = statements.iter().map(ToTokens::to_token_stream).collect();
            } else {
                tokens = keyword::in_tokens(tokens);
                statements = Block::parse_within.parse2(tokens.clone()).ok();
            }
        }
        let mut body = Self {
            yield_: first_named("yield_", &tokens),
            yield_from: first_named("yield_from", &tokens),
            resumed_with: first_named("resumed_with", &tokens),
            statements: tokens,
            braces: block.span(),
            fallible: None,
        };
        match statements {
            Some(statements) => body.judge(statements, protocol)?,
            None if protocol.is_coroutine() => check_first_argument(body.resumed_with.is_some(), protocol)?,
            None => {
                body.fallible = reader::question(&body.statements);
                if body.fallible.is_some() {
                    body.statements = returns::with_bare_ok(body.statements);
                }
            }
        }
        Ok(body)
    }

    fn judge(&mut self, mut statements: Vec<Stmt>, protocol: &Protocol) -> Result<()> {
        let read = Reader::read(&statements, protocol)?;
        check_first_argument(read.takes_first, protocol)?;
        // What a `?` in a coroutine returns is what the coroutine is complete with.
        self.fallible = read.fallible.filter(|_| !protocol.is_coroutine());
        if self.fallible.is_some() || read.returns {
            let end = match protocol {
                Protocol::Coroutine(exchange) => returns::End::Value(&exchange.end),
                _ if self.fallible.is_some() => returns::End::Ok,
                _ => returns::End::Unit,
            };
            let mut returns = Returns { end };
            for statement in &mut statements {
                returns.visit_stmt_mut(statement);
            }
            self.statements = statements.iter().map(ToTokens::to_token_stream).collect();
        }
        Ok(())
    }
}

/// Refuses a coroutine that does not take what it is resumed with first: it would be lost, whoever sent it.
fn check_first_argument(taken: bool, protocol: &Protocol) -> Result<()> {
    match protocol {
        Protocol::Coroutine(exchange) if !exchange.is_sent_nothing() && !taken => {
            let message = "the first `resume_with` brings a value too: take it, as in `let first = resumed_with!();`";
            Err(Error::new_spanned(&exchange.resume, message))
        }
        _ => Ok(()),
    }
}

pub(crate) fn first_named(name: &str, tokens: &TokenStream) -> Option<Span> {
    tokens.clone().into_iter().find_map(|token| match token {
        TokenTree::Ident(ident) if ident == name => Some(ident.span()),
        TokenTree::Group(group) => first_named(name, &group.stream()),
        _ => None,
    })
}

/// Whether a macro takes its tokens for code of another place, or for no code at all.
pub(crate) fn is_elsewhere(mac: &Macro) -> bool {
    ["macro_rules", "generator", "stringify", "quote", "quote_spanned", "parse_quote"]
        .iter()
        .any(|name| is_named(&mac.path, name))
}

pub(crate) fn is_named(path: &Path, name: &str) -> bool {
    path.segments.last().is_some_and(|segment| segment.ident == name)
}

/// The tokens of a macro, where they look like code.
pub(crate) enum Arguments {
    Expressions(Punctuated<Expr, Token![,]>),
    Statements(Vec<Stmt>),
}

impl Arguments {
    pub(crate) fn read(mac: &Macro) -> Option<Self> {
        Punctuated::parse_terminated
            .parse2(mac.tokens.clone())
            .map(Self::Expressions)
            .or_else(|_| Block::parse_within.parse2(mac.tokens.clone()).map(Self::Statements))
            .ok()
    }

    /// Rewrites them, and writes them back only where something changed, so that all other tokens stay as they are.
    pub(crate) fn rewrite(&mut self, rewriter: &mut impl VisitMut, mac: &mut Macro) {
        let before = self.to_token_stream().to_string();
        match self {
            Self::Expressions(expressions) => expressions.iter_mut().for_each(|expr| rewriter.visit_expr_mut(expr)),
            Self::Statements(statements) => statements.iter_mut().for_each(|stmt| rewriter.visit_stmt_mut(stmt)),
        }
        let after = self.to_token_stream();
        if after.to_string() != before {
            mac.tokens = after;
        }
    }
}

impl ToTokens for Arguments {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        match self {
            Self::Expressions(expressions) => expressions.to_tokens(tokens),
            Self::Statements(statements) => statements.iter().for_each(|statement| statement.to_tokens(tokens)),
        }
    }
}
