//! Completes each `return` of a body that can fail: `return;` returns `Ok(())` there.

use proc_macro2::{Group, Span, TokenStream, TokenTree};
use quote::quote_spanned;
use syn::visit_mut::{self, VisitMut};
use syn::{Expr, ExprAsync, ExprClosure, ExprConst, ExprMacro, ExprReturn, Item, Macro, Stmt};

use crate::spans::relocated;

use super::tokens::{LocalMacros, MacroCalls, Rewriter, is_named, is_result_call, rewrite_macro};

/// The type of a returned value as far as its syntax tells.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Returned {
    /// `Ok(..)` or `Err(..)`.
    Result,
    Unit,
    /// A macro that does not return.
    Never,
    Unknown,
}

impl Returned {
    pub(crate) fn of(value: &Expr) -> Self {
        match value {
            _ if is_result_call(value, "Ok") || is_result_call(value, "Err") => Self::Result,
            Expr::Tuple(tuple) if tuple.elems.is_empty() => Self::Unit,
            Expr::Macro(ExprMacro { mac, .. }) => Self::of_macro(mac),
            Expr::Yield(_) => Self::Unit,
            Expr::Paren(paren) => Self::of(&paren.expr),
            Expr::Group(group) => Self::of(&group.expr),
            _ => {
                let mut branches = Vec::new();
                push_branches(value, &mut branches);
                let mut branches = branches.into_iter().map(Self::of);
                let known = branches.find(|returned| matches!(returned, Self::Result | Self::Unit));
                known.unwrap_or(Self::Unknown)
            }
        }
    }

    fn of_macro(mac: &Macro) -> Self {
        const UNIT: [&str; 11] = [
            "yield_",
            "assert",
            "assert_eq",
            "assert_ne",
            "debug_assert",
            "debug_assert_eq",
            "debug_assert_ne",
            "eprint",
            "eprintln",
            "print",
            "println",
        ];
        const NEVER: [&str; 6] = ["bail", "panic", "todo", "unimplemented", "unreachable", "whatever"];
        if UNIT.iter().any(|name| is_named(&mac.path, name)) {
            Self::Unit
        } else if NEVER.iter().any(|name| is_named(&mac.path, name)) {
            Self::Never
        } else {
            Self::Unknown
        }
    }
}

/// Returns each `Ok(..)` and `Err(..)` that is the value of a block.
pub(crate) fn tail_results(statements: &[Stmt]) -> Vec<&Expr> {
    let (mut branches, mut results) = (Vec::new(), Vec::new());
    push_tail(statements, &mut branches);
    while let Some(branch) = branches.pop() {
        if is_result_call(branch, "Ok") || is_result_call(branch, "Err") {
            results.push(branch);
        } else {
            push_branches(branch, &mut branches);
        }
    }
    results
}

/// Adds the value of a block.
fn push_tail<'a>(statements: &'a [Stmt], values: &mut Vec<&'a Expr>) {
    if let Some(Stmt::Expr(tail, None)) = statements.last() {
        values.push(tail);
    }
}

/// Adds the values of an expression with branches.
fn push_branches<'a>(expr: &'a Expr, values: &mut Vec<&'a Expr>) {
    match expr {
        Expr::Block(block) if block.label.is_none() => push_tail(&block.block.stmts, values),
        Expr::Unsafe(block) => push_tail(&block.block.stmts, values),
        Expr::If(branch) => {
            push_tail(&branch.then_branch.stmts, values);
            values.extend(branch.else_branch.as_ref().map(|(_, expr)| &**expr));
        }
        Expr::Match(expr) => values.extend(expr.arms.iter().map(|arm| &*arm.body)),
        Expr::Paren(paren) => values.push(&paren.expr),
        Expr::Group(group) => values.push(&group.expr),
        _ => (),
    }
}

/// Completes the `return`s.
///
/// A body with a `?` returns a `Result`, because the `?` returns an `Err` and no type on stable Rust is both that and
/// `()`. Every other way out returns `Ok(())`.
///
/// Input:
///
/// ```text
/// return;
/// return yield_!(item);
/// return value;
/// return Err(error);
/// ```
///
/// Output:
///
/// ```text
/// return ::core::result::Result::Ok(());
/// return { let _returned: () = yield_!(item); ::core::result::Result::Ok(()) };
/// return { ::threadsafe_gen::__private::Returned::into_result(value) };
/// return Err(error);
/// ```
pub(crate) struct CompleteReturns<'a> {
    /// The path of the crate `threadsafe-gen`.
    krate: &'a TokenStream,
    local_macros: &'a LocalMacros,
    changed: bool,
}

impl<'a> CompleteReturns<'a> {
    pub(crate) fn new(krate: &'a TokenStream, local_macros: &'a LocalMacros) -> Self {
        Self { krate, local_macros, changed: false }
    }
}

impl VisitMut for CompleteReturns<'_> {
    fn visit_expr_return_mut(&mut self, expr: &mut ExprReturn) {
        visit_mut::visit_expr_return_mut(self, expr);
        let returned = expr.return_token.span;
        let site = returned.resolved_at(Span::mixed_site());
        let completed = match &expr.expr {
            None => quote_spanned!(site=> { ::core::result::Result::Ok(()) }),
            Some(value) => match Returned::of(value) {
                Returned::Result | Returned::Never => return,
                Returned::Unit => {
                    quote_spanned!(site=> { let _returned: () = #value; ::core::result::Result::Ok(()) })
                }
                Returned::Unknown => {
                    let krate = relocated(self.krate, returned);
                    quote_spanned!(site=> { #krate::__private::Returned::into_result(#value) })
                }
            },
        };
        expr.expr = Some(Box::new(Expr::Verbatim(completed)));
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

impl Rewriter for CompleteReturns<'_> {
    fn local_macros(&self) -> &LocalMacros {
        self.local_macros
    }

    fn changed(&mut self) -> &mut bool {
        &mut self.changed
    }

    /// Completes each bare `return`. A value after `return` stays as it is, because its end is unknown.
    fn rewrite_tokens(&mut self, tokens: TokenStream) -> TokenStream {
        let mut tokens = tokens.into_iter().peekable();
        let (mut rewritten, mut calls) = (TokenStream::new(), MacroCalls::default());
        while let Some(token) = tokens.next() {
            let is_foreign = calls.is_foreign_input(&token, self.local_macros);
            let token = match token {
                TokenTree::Group(group) if !is_foreign => {
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
