//! The body of a generator.
//!
//! A body goes into the expansion as it is written, with two exceptions: `yield` becomes `yield_!` (see [`keyword`]),
//! and each `return` is annotated with its type (see [`returns`]).

mod check;
mod keyword;
mod returns;
mod tokens;

use proc_macro2::{Group, Span, TokenStream};
use quote::ToTokens;
use syn::{Error, Result, Stmt};

use crate::model::Protocol;
use check::BodyChecker;
use keyword::LowerYield;
use returns::{AnnotateReturns, BodyOutput};
pub(crate) use tokens::Mentions;
use tokens::{Rewriter, find_question_mark, parse_statements};

/// A body that was checked and rewritten.
pub(crate) struct Body {
    pub(crate) statements: TokenStream,
    /// The span of the braces. Its edition decides when temporaries of the tail expression are dropped.
    pub(crate) braces: Span,
    /// The first `?` whose error becomes an item. It is `None` in a coroutine, whose return value has the error.
    pub(crate) question_mark: Option<Span>,
    /// The first mentions of the body's macros, from which their definitions must be visible.
    pub(crate) mentions: Mentions,
}

impl Body {
    pub(crate) fn check_and_rewrite(block: &Group, protocol: &Protocol) -> Result<Self> {
        let mut tokens = block.stream();
        let mut mentions = Mentions::find(&tokens);
        // Syntax that `syn` does not know is wrong or newer than `syn`. It is not rejected here, because rustc can tell
        // which it is.
        let mut statements = parse_statements(&tokens);
        if mentions.keyword.is_some() {
            if let Some(lowered) = rewrite(statements.as_deref_mut(), &tokens, &mut LowerYield::default()) {
                tokens = lowered;
                // The first mention of `yield_!` can be a keyword that was lowered.
                mentions = Mentions::find(&tokens);
                statements = statements.or_else(|| parse_statements(&tokens));
            }
        }
        let (question_mark, takes_first_argument) = match &statements {
            Some(statements) => {
                let checked = BodyChecker::check(statements, protocol)?;
                (checked.question_mark, checked.takes_first_argument)
            }
            None => (find_question_mark(&tokens), mentions.resumed_with.is_some()),
        };
        check_first_argument(takes_first_argument, protocol)?;
        let question_mark = question_mark.filter(|_| !protocol.is_coroutine());
        if mentions.return_.is_some() {
            let output = match protocol {
                Protocol::Coroutine(types) => BodyOutput::Value(&types.returned),
                _ if question_mark.is_some() => BodyOutput::Result,
                _ => BodyOutput::Unit,
            };
            let annotated = rewrite(statements.as_deref_mut(), &tokens, &mut AnnotateReturns::new(output));
            tokens = annotated.unwrap_or(tokens);
        }
        Ok(Self { statements: tokens, braces: block.span(), question_mark, mentions })
    }
}

/// Rewrites a body by its statements or, if they could not be parsed, by its tokens. Returns the new tokens if anything
/// changed.
fn rewrite(statements: Option<&mut [Stmt]>, tokens: &TokenStream, rewriter: &mut impl Rewriter) -> Option<TokenStream> {
    let tokens = match statements {
        Some(statements) => {
            for statement in &mut *statements {
                rewriter.visit_stmt_mut(statement);
            }
            statements.iter().map(ToTokens::to_token_stream).collect()
        }
        None => rewriter.rewrite_tokens(tokens.clone()),
    };
    rewriter.changed().then_some(tokens)
}

/// Rejects a coroutine that drops the argument of its first resume.
fn check_first_argument(taken: bool, protocol: &Protocol) -> Result<()> {
    match protocol {
        Protocol::Coroutine(types) if !types.resumes_with_unit() && !taken => {
            let message = "the first resume value is never used: take it with `let first = resumed_with!();`";
            Err(Error::new_spanned(&types.resume, message))
        }
        _ => Ok(()),
    }
}
