//! The body of a generator.
//!
//! A body goes into the expansion as it is written, with three exceptions: `yield` becomes `yield_!` (see [`keyword`]),
//! the expressions that items come from are prepared (see [`items`]), and each `return` of a body that can fail becomes
//! a `return` of a `Result` (see [`returns`]).

mod check;
mod items;
mod keyword;
mod returns;
mod tokens;

use proc_macro2::{Group, Ident, Span, TokenStream};
use quote::ToTokens;
use syn::{Error, Result, Stmt, Type};

use crate::model::Protocol;
use crate::signature::is_result;
use check::{BodyChecker, Findings};
use items::PrepareItems;
use keyword::LowerYield;
use returns::CompleteReturns;
pub(crate) use tokens::Mentions;
use tokens::{LocalMacros, Rewriter, find_keyword, parse_statements};

/// A body that was checked and rewritten.
pub(crate) struct Body {
    pub(crate) statements: TokenStream,
    /// The span of the braces. Its edition decides when temporaries of the tail expression are dropped.
    pub(crate) braces: Span,
    /// The first place that can leave the body with an error, which becomes the last item. It is `None` in a coroutine,
    /// whose return value has the error.
    pub(crate) fallible: Option<Span>,
    /// Whether the body may return a value, so that the type of its output must be known beforehand.
    pub(crate) returns_value: bool,
    /// The first mentions of the body's macros, from which their definitions must be visible.
    pub(crate) mentions: Mentions,
}

/// The surroundings of a body.
pub(crate) struct Context<'a> {
    /// The path of the crate `threadsafe-gen`.
    pub(crate) krate: &'a TokenStream,
    pub(crate) protocol: &'a Protocol,
    /// `None` if the type of the items is inferred.
    pub(crate) item: Option<&'a Type>,
    /// The names of the arguments, of a function.
    pub(crate) arguments: Option<&'a [Ident]>,
    /// Whether rustc rejects the keyword `yield` in the body. It does not say what to write instead.
    pub(crate) rejects_keyword: bool,
}

impl Body {
    pub(crate) fn check_and_rewrite(block: &Group, context: &Context<'_>) -> Result<Self> {
        let Context { krate, protocol, item, arguments, rejects_keyword } = *context;
        let mut tokens = block.stream();
        let mut mentions = Mentions::find(&tokens);
        if rejects_keyword && mentions.keyword.is_some() {
            check_keyword(&tokens)?;
        }
        let local_macros = &LocalMacros::find(&tokens, &mentions);
        // Syntax that `syn` does not know is wrong or newer than `syn`. It is not rejected here, because rustc can tell
        // which it is.
        let mut statements = parse_statements(&tokens);
        if mentions.keyword.is_some() {
            if let Some(lowered) = rewrite(statements.as_deref_mut(), &tokens, &mut LowerYield::new(local_macros)) {
                tokens = lowered;
                // The first mention of `yield_!` can be a keyword that was lowered.
                mentions = Mentions::find(&tokens);
                statements = statements.or_else(|| parse_statements(&tokens));
            }
        }
        let findings = match &statements {
            Some(statements) => BodyChecker::check(statements, protocol, mentions.yields(), local_macros)?,
            None => Findings::of_tokens(&tokens, local_macros),
        };
        check_first_argument(findings.takes_first_argument, protocol)?;
        let fallible = if protocol.is_coroutine() { None } else { fallible(&findings, item) };
        check_items(fallible, item)?;
        let mut prepare = PrepareItems::new(krate, arguments, local_macros);
        tokens = rewrite(statements.as_deref_mut(), &tokens, &mut prepare).unwrap_or(tokens);
        let returns_value =
            findings.may_return_error.is_some() || protocol.is_coroutine() && mentions.return_.is_some();
        if fallible.is_some() && mentions.return_.is_some() {
            let mut complete = CompleteReturns::new(krate, local_macros);
            tokens = rewrite(statements.as_deref_mut(), &tokens, &mut complete).unwrap_or(tokens);
        }
        Ok(Self { statements: tokens, braces: block.span(), fallible, returns_value, mentions })
    }
}

/// Rejects the keyword `yield`. In the input of a macro it is a word like any other.
fn check_keyword(body: &TokenStream) -> Result<()> {
    match find_keyword(body) {
        None => Ok(()),
        Some(keyword) => {
            let message = "the keyword `yield` is unstable: write `yield_!(item)`";
            Err(Error::new(keyword, message))
        }
    }
}

/// Returns the first place that can leave the body with an error.
///
/// A `?` always can. All other places can only if the items are known to be `Result`s, because a macro of which nothing
/// is known may as well contain a bare `return`, which a body that returns errors cannot have.
fn fallible(findings: &Findings, item: Option<&Type>) -> Option<Span> {
    let yields_results = findings.yields_result.is_some() || item.is_some_and(is_result);
    findings.question_mark.or(findings.may_return_error.filter(|_| yields_results))
}

/// Rewrites a body by its statements or, if they could not be parsed, by its tokens. Returns the new tokens if anything
/// changed.
fn rewrite(statements: Option<&mut [Stmt]>, tokens: &TokenStream, rewriter: &mut impl Rewriter) -> Option<TokenStream> {
    if let Some(statements) = statements {
        for statement in &mut *statements {
            rewriter.visit_stmt_mut(statement);
        }
        rewriter.changed().then(|| statements.iter().map(ToTokens::to_token_stream).collect())
    } else {
        let tokens = rewriter.rewrite_tokens(tokens.clone());
        rewriter.changed().then_some(tokens)
    }
}

/// Rejects a `?` where the items are certainly not `Result`s. If they may be, rustc finds it out.
fn check_items(fallible: Option<Span>, item: Option<&Type>) -> Result<()> {
    const NAMES: &str = "bool char f32 f64 i8 i16 i32 i64 i128 isize str u8 u16 u32 u64 u128 usize \
        Arc Box Option Rc String Vec";
    let is_known = |ty: &Type| match ty {
        Type::Array(_) | Type::FnPtr(_) | Type::Never(_) | Type::Ptr(_) | Type::Reference(_) | Type::Tuple(_) => true,
        Type::Path(ty) => match ty.path.segments.iter().collect::<Vec<_>>()[..] {
            [name] => NAMES.split_ascii_whitespace().any(|known| name.ident == known),
            _ => false,
        },
        _ => false,
    };
    match (fallible, item) {
        (Some(span), Some(item)) if is_known(item) => {
            let item = display(item);
            let message = format!(
                "an error becomes the last item, but the items are `{item}`: make them `Result<{item}, E>`, \
                 or replace `?` by `let Some(value) = .. else {{ return }};`"
            );
            Err(Error::new(span, message))
        }
        _ => Ok(()),
    }
}

/// Returns a type as a programmer spaces it.
fn display(ty: &Type) -> String {
    let mut text = ty.to_token_stream().to_string();
    for (spaced, plain) in [(" <", "<"), ("< ", "<"), (" >", ">"), (" ,", ","), ("& ", "&"), (" :: ", "::")] {
        text = text.replace(spaced, plain);
    }
    text
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
