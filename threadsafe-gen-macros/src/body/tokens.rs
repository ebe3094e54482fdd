//! Reads tokens whose syntax is unknown: the input of other macros, and bodies that `syn` cannot parse.
//!
//! The input of a macro has no meaning before the macro is expanded, so that of an unknown macro is neither judged nor
//! rewritten. The input of the macros in [`MacroClass`] is code of the body. If it parses as expressions or as
//! statements, as that of `vec!`, `println!` and `assert!` does, it is treated as such. In all other input, such as
//! that of `select!`, only single tokens are recognized: `?`, `return`, `.await`, `yield` and the names of a
//! generator's macros.

use std::collections::HashSet;
use std::mem;

use proc_macro2::{Span, TokenStream, TokenTree};
use quote::ToTokens;
use syn::ext::IdentExt;
use syn::parse::{ParseStream, Parser};
use syn::punctuated::Punctuated;
use syn::visit_mut::VisitMut;
use syn::{Block, Expr, ExprPath, Macro, Path, Stmt, Token};

/// The words in a body that the expansion depends on, each with its first span.
#[derive(Default)]
pub(crate) struct Mentions {
    pub(crate) keyword: Option<Span>,
    pub(crate) return_: Option<Span>,
    pub(crate) yield_: Option<Span>,
    pub(crate) yield_from: Option<Span>,
    pub(crate) resumed_with: Option<Span>,
    macro_rules: bool,
    /// Whether the body may call a macro besides its own, which may in turn call those of the body.
    pub(crate) other_macros: bool,
}

impl Mentions {
    pub(crate) fn find(tokens: &TokenStream) -> Self {
        let mut mentions = Self::default();
        mentions.extend_from(tokens);
        mentions
    }

    /// Returns whether a macro that yields is mentioned.
    pub(crate) fn yields(&self) -> bool {
        self.yield_.is_some() || self.yield_from.is_some()
    }

    fn extend_from(&mut self, tokens: &TokenStream) {
        // One of the body's macros, and a `!` that does not stand behind one.
        let (mut after_own, mut after_bang) = (false, false);
        for token in tokens.clone() {
            let (was_own, was_bang) = (mem::take(&mut after_own), mem::take(&mut after_bang));
            match token {
                TokenTree::Group(group) => {
                    self.other_macros |= was_bang;
                    self.extend_from(&group.stream());
                }
                TokenTree::Punct(punct) => after_bang = !was_own && punct.as_char() == '!',
                TokenTree::Ident(ident) => {
                    let name = ident.to_string();
                    let mention = match name.as_str() {
                        "yield" => &mut self.keyword,
                        "return" => &mut self.return_,
                        "yield_" => &mut self.yield_,
                        "yield_from" => &mut self.yield_from,
                        "resumed_with" => &mut self.resumed_with,
                        other => {
                            self.macro_rules |= other == "macro_rules";
                            continue;
                        }
                    };
                    mention.get_or_insert(ident.span());
                    after_own = BodyMacro::NAMES.iter().any(|(own, _)| *own == name);
                }
                TokenTree::Literal(_) => (),
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

/// Returns the span of the first keyword `yield` that is not in the input of a macro.
pub(crate) fn find_keyword(tokens: &TokenStream) -> Option<Span> {
    let (mut calls, no_macros) = (MacroCalls::default(), LocalMacros(HashSet::new()));
    tokens.clone().into_iter().find_map(|token| {
        let is_input = calls.is_input(&token);
        calls.is_foreign_input(&token, &no_macros);
        match token {
            TokenTree::Ident(ident) if ident == "yield" => Some(ident.span()),
            TokenTree::Group(group) if !is_input => find_keyword(&group.stream()),
            _ => None,
        }
    })
}

/// Returns the span of the first `?` that can be the operator, which stands behind an operand. That of `?Sized` does
/// not, nor does that of `info!(?value)`.
pub(crate) fn find_question_mark(tokens: &TokenStream, local: &LocalMacros) -> Option<Span> {
    let (mut calls, mut after_operand) = (MacroCalls::default(), false);
    for token in tokens.clone() {
        let is_foreign = calls.is_foreign_input(&token, local);
        let found = match &token {
            TokenTree::Punct(punct) if punct.as_char() == '?' => after_operand.then(|| punct.span()),
            TokenTree::Group(group) if !is_foreign => find_question_mark(&group.stream(), local),
            _ => None,
        };
        if found.is_some() {
            return found;
        }
        after_operand = match &token {
            TokenTree::Group(_) | TokenTree::Literal(_) => true,
            TokenTree::Ident(ident) => {
                !["return", "yield", "break", "in", "if", "match"].iter().any(|word| ident == word)
            }
            TokenTree::Punct(punct) => punct.as_char() == '?' && after_operand,
        };
    }
    None
}

/// Returns the span of the first `return Ok(..)` or `return Err(..)`.
pub(crate) fn find_returned_result(tokens: &TokenStream, local: &LocalMacros) -> Option<Span> {
    let (mut calls, mut after_return) = (MacroCalls::default(), None);
    tokens.clone().into_iter().find_map(|token| {
        let is_foreign = calls.is_foreign_input(&token, local);
        let returned = after_return.take();
        match token {
            TokenTree::Ident(ident) if ident == "return" => {
                after_return = Some(ident.span());
                None
            }
            TokenTree::Ident(ident) if ident == "Ok" || ident == "Err" => returned,
            TokenTree::Group(group) if !is_foreign => find_returned_result(&group.stream(), local),
            _ => None,
        }
    })
}

/// Returns the span of the first `.await`, unless an `async` among the tokens may be what it belongs to.
pub(crate) fn find_await(tokens: &TokenStream, local: &LocalMacros) -> Option<Span> {
    fn find(tokens: &TokenStream, local: &LocalMacros) -> Option<Span> {
        let mut calls = MacroCalls::default();
        tokens.clone().into_iter().find_map(|token| {
            let is_foreign = calls.is_foreign_input(&token, local);
            match token {
                TokenTree::Ident(ident) if ident == "await" => Some(ident.span()),
                TokenTree::Group(group) if !is_foreign => find(&group.stream(), local),
                _ => None,
            }
        })
    }

    find_ident("async", tokens).is_none().then(|| find(tokens, local)).flatten()
}

pub(crate) fn is_punct(token: &TokenTree, char: char) -> bool {
    matches!(token, TokenTree::Punct(punct) if punct.as_char() == char)
}

/// Returns whether `path` ends in `name`.
pub(crate) fn is_named(path: &Path, name: &str) -> bool {
    path.segments.last().is_some_and(|segment| segment.ident == name)
}

/// Returns whether an expression is a call of the variant `name` of `Result`.
pub(crate) fn is_result_call(expr: &Expr, name: &str) -> bool {
    let Expr::Call(call) = expr else { return false };
    let Expr::Path(ExprPath { qself: None, path, .. }) = &*call.func else { return false };
    let is_of_result = match path.segments.len() {
        1 => true,
        len => ["Result", "anyhow", "eyre"].iter().any(|owner| path.segments[len - 2].ident == owner),
    };
    is_of_result && is_named(path, name)
}

/// The names that a body gives to macros of its own by `macro_rules!`.
pub(crate) struct LocalMacros(HashSet<String>);

impl LocalMacros {
    pub(crate) fn find(tokens: &TokenStream, mentions: &Mentions) -> Self {
        let mut names = HashSet::new();
        if mentions.macro_rules {
            find_definitions(tokens, &mut names);
        }
        Self(names)
    }
}

fn find_definitions(tokens: &TokenStream, names: &mut HashSet<String>) {
    let (mut after_word, mut after_bang) = (false, false);
    for token in tokens.clone() {
        match &token {
            TokenTree::Group(group) => find_definitions(&group.stream(), names),
            TokenTree::Ident(name) if after_bang => drop(names.insert(name.to_string())),
            _ => (),
        }
        after_bang = after_word && is_punct(&token, '!');
        after_word = matches!(&token, TokenTree::Ident(word) if word == "macro_rules");
    }
}

/// The knowledge about the input of a macro, by the macro's name.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum MacroClass {
    /// The input is code of the body, which runs, if at all, where the macro stands.
    Code,
    /// The same, and the macro can return an error from the body.
    FallibleCode,
    /// The input is not code of the body, and the macro does not return from it.
    NoCode,
    /// Nothing is known.
    Unknown,
}

/// The crates whose macros are known, so that `tokio::select!` is and `crate::select!` is not.
const CRATES: &str = "std core alloc threadsafe_gen anyhow arrayvec assert_matches cfg_if color_eyre eyre futures \
    futures_lite futures_util if_chain indexmap itertools log maplit memoffset miette pretty_assertions serde_json \
    smallvec snafu static_assertions tokio tracing";

const CODE: &str = "assert assert_eq assert_matches assert_ne dbg debug_assert debug_assert_eq debug_assert_matches \
    debug_assert_ne eprint eprintln format format_args matches panic pin print println todo unimplemented unreachable \
    vec write writeln cfg_if cfg_select if_chain \
    debug error event info log trace warn debug_span error_span info_span span trace_span warn_span \
    anyhow eyre format_err miette \
    join pin_mut select select_biased try_join \
    btreemap btreeset hashmap hashset indexmap indexset array_vec smallvec json \
    chain iproduct izip";

const FALLIBLE_CODE: &str = "bail bail_eq ensure ensure_eq ensure_whatever try whatever";

const NO_CODE: &str = "cfg column compile_error concat env file include_bytes include_str line module_path offset_of \
    option_env stringify thread_local macro_rules generator quote quote_spanned parse_quote";

impl MacroClass {
    pub(crate) fn of(mac: &Macro, local: &LocalMacros) -> Self {
        let names: Vec<_> = mac.path.segments.iter().map(|segment| segment.ident.unraw().to_string()).collect();
        Self::of_path(&names, local)
    }

    fn of_path(path: &[String], local: &LocalMacros) -> Self {
        let lists = |list: &str, name: &str| list.split_ascii_whitespace().any(|known| known == name);
        let Some((name, owners)) = path.split_last() else { return Self::Unknown };
        let is_known = match owners.first() {
            None => !local.0.contains(name),
            Some(owner) => lists(CRATES, owner),
        };
        if name == "generator" || name == "macro_rules" {
            Self::NoCode
        } else if !is_known {
            Self::Unknown
        } else if BodyMacro::NAMES.iter().any(|(known, _)| known == name) || lists(CODE, name) {
            Self::Code
        } else if lists(FALLIBLE_CODE, name) {
            Self::FallibleCode
        } else if lists(NO_CODE, name) {
            Self::NoCode
        } else {
            Self::Unknown
        }
    }

    /// Returns whether the input can be read and rewritten as code of the body.
    pub(crate) fn is_code(self) -> bool {
        matches!(self, Self::Code | Self::FallibleCode)
    }
}

/// Finds the macro calls in a sequence of tokens.
#[derive(Default)]
pub(crate) struct MacroCalls {
    /// The path that may be that of a macro.
    path: Vec<String>,
    after_colons: bool,
    after_bang: bool,
}

impl MacroCalls {
    /// Returns whether a token is the input of a macro. `yield!(item)` is none, but a `yield` of `!(item)`.
    fn is_input(&self, token: &TokenTree) -> bool {
        self.after_bang && matches!(token, TokenTree::Group(_)) && self.path.last().is_some_and(|name| name != "yield")
    }

    /// Steps over a token. Returns whether it is the input of a macro that is not known to be code of the body.
    pub(crate) fn is_foreign_input(&mut self, token: &TokenTree, local: &LocalMacros) -> bool {
        let (after_colons, after_bang) = (mem::take(&mut self.after_colons), mem::take(&mut self.after_bang));
        match token {
            TokenTree::Ident(ident) => {
                // The name of a `macro_rules!` stands between its `!` and its rules.
                if after_bang {
                    self.after_bang = true;
                } else {
                    if !after_colons {
                        self.path.clear();
                    }
                    self.path.push(ident.unraw().to_string());
                }
            }
            TokenTree::Punct(punct) if punct.as_char() == ':' => self.after_colons = true,
            TokenTree::Punct(punct) if punct.as_char() == '!' => self.after_bang = !self.path.is_empty(),
            TokenTree::Group(_) => {
                let path = mem::take(&mut self.path);
                return after_bang && !MacroClass::of_path(&path, local).is_code();
            }
            TokenTree::Punct(_) | TokenTree::Literal(_) => self.path.clear(),
        }
        false
    }
}

/// The macros that are defined in a body.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum BodyMacro {
    Yield,
    YieldFrom,
    ResumedWith,
}

impl BodyMacro {
    const NAMES: [(&str, Self); 3] =
        [("yield_", Self::Yield), ("yield_from", Self::YieldFrom), ("resumed_with", Self::ResumedWith)];

    pub(crate) fn named_by(path: &Path) -> Option<Self> {
        Self::NAMES.into_iter().find_map(|(name, body_macro)| path.is_ident(name).then_some(body_macro))
    }

    /// Returns the macro that `path` names in the crate, where it only reports an error.
    pub(crate) fn named_by_long_path(path: &Path) -> Option<Self> {
        let is_in_crate = path.segments.len() > 1 && path.segments[0].ident == "threadsafe_gen";
        Self::NAMES
            .into_iter()
            .find_map(|(name, body_macro)| (is_in_crate && is_named(path, name)).then_some(body_macro))
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Yield => "yield_",
            Self::YieldFrom => "yield_from",
            Self::ResumedWith => "resumed_with",
        }
    }
}

/// Parses the statements of a block. Returns `None` for syntax that `syn` does not know.
pub(crate) fn parse_statements(tokens: &TokenStream) -> Option<Vec<Stmt>> {
    Block::parse_within.parse2(tokens.clone()).ok()
}

/// The input of a macro that looks like code.
pub(crate) enum MacroInput {
    Expressions(Punctuated<Expr, Token![,]>),
    Statements(Vec<Stmt>),
    /// `await stream`, in `yield_from!`.
    Awaited(Token![await], Punctuated<Expr, Token![,]>),
}

impl MacroInput {
    /// Returns `None` for input with a syntax of its own.
    pub(crate) fn parse(mac: &Macro) -> Option<Self> {
        if let Some(BodyMacro::YieldFrom) = BodyMacro::named_by(&mac.path) {
            let awaited =
                |input: ParseStream<'_>| Ok(Self::Awaited(input.parse()?, Punctuated::parse_terminated(input)?));
            if let Ok(awaited) = awaited.parse2(mac.tokens.clone()) {
                return Some(awaited);
            }
        }
        match Punctuated::parse_terminated.parse2(mac.tokens.clone()) {
            Ok(expressions) => Some(Self::Expressions(expressions)),
            Err(_) => parse_statements(&mac.tokens).map(Self::Statements),
        }
    }

    fn rewrite(&mut self, rewriter: &mut impl Rewriter) {
        match self {
            Self::Expressions(expressions) | Self::Awaited(_, expressions) => {
                expressions.iter_mut().for_each(|expr| rewriter.visit_expr_mut(expr));
            }
            Self::Statements(statements) => statements.iter_mut().for_each(|stmt| rewriter.visit_stmt_mut(stmt)),
        }
    }
}

impl ToTokens for MacroInput {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        match self {
            Self::Expressions(expressions) => expressions.to_tokens(tokens),
            Self::Awaited(await_token, expressions) => {
                await_token.to_tokens(tokens);
                expressions.to_tokens(tokens);
            }
            Self::Statements(statements) => statements.iter().for_each(|statement| statement.to_tokens(tokens)),
        }
    }
}

/// A visitor that rewrites a body and records whether it changed anything.
pub(crate) trait Rewriter: VisitMut {
    /// Returns the names of the macros that the body defines.
    fn local_macros(&self) -> &LocalMacros;

    /// Returns the flag that each change sets.
    fn changed(&mut self) -> &mut bool;

    /// Rewrites tokens that cannot be parsed.
    fn rewrite_tokens(&mut self, tokens: TokenStream) -> TokenStream;
}

/// Rewrites the input of a macro if it is known to be code of the body. If nothing in it changes, the macro keeps its
/// very tokens, because to parse and print them changes spans and spacing, which the macro may depend on.
pub(crate) fn rewrite_macro(rewriter: &mut impl Rewriter, mac: &mut Macro) {
    if !MacroClass::of(mac, rewriter.local_macros()).is_code() {
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
