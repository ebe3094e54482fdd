//! Validates a body and records what the expansion needs.

use std::mem;

use proc_macro2::Span;
use syn::visit::{self, Visit};
use syn::{
    Attribute, Error, ExprAsync, ExprAwait, ExprClosure, ExprConst, ExprTry, ExprTryBlock, ImplItemFn, Item, ItemFn,
    Macro, Path, Result, Stmt, TraitItemFn,
};

use super::keyword;
use super::tokens::{MacroInput, find_await, find_ident, find_question_mark, is_named, is_opaque_macro};
use crate::model::Protocol;

const CANNOT_AWAIT: &str = "cannot await in this generator: return `impl Stream<Item = T>` from an annotated function, \
                            or call `block_on(future)`";

/// The innermost function or block that decides what `yield_!`, `?`, `return` and `.await` mean.
#[derive(Clone, Copy, PartialEq)]
enum Scope {
    Generator,
    /// A `try` block of the generator, which catches `?` but nothing else.
    TryBlock,
    Closure,
    /// An `async` block or closure.
    Async,
    /// A nested function, or another item or `const` block, whose code cannot reach the body's locals.
    Function,
}

/// The macros that are defined in a body.
#[derive(Clone, Copy)]
enum BodyMacro {
    Yield,
    YieldFrom,
    ResumedWith,
}

impl BodyMacro {
    fn named_by(path: &Path) -> Option<Self> {
        [("yield_", Self::Yield), ("yield_from", Self::YieldFrom), ("resumed_with", Self::ResumedWith)]
            .into_iter()
            .find_map(|(name, body_macro)| is_named(path, name).then_some(body_macro))
    }
}

/// The visitor that validates a body.
pub(crate) struct BodyChecker<'a> {
    protocol: &'a Protocol,
    scope: Scope,
    /// The first `?` whose error leaves the body.
    pub(crate) question_mark: Option<Span>,
    /// Whether the body names `resumed_with!` where it can be reached.
    pub(crate) takes_first_argument: bool,
    errors: Option<Error>,
}

impl<'a> BodyChecker<'a> {
    /// Checks a whole body.
    ///
    /// # Errors
    ///
    /// Returns all mistakes, combined into one error.
    pub(crate) fn check(statements: &[Stmt], protocol: &'a Protocol) -> Result<Self> {
        let mut checker =
            Self { protocol, scope: Scope::Generator, question_mark: None, takes_first_argument: false, errors: None };
        for statement in statements {
            checker.visit_stmt(statement);
        }
        match checker.errors.take() {
            Some(errors) => Err(errors),
            None => Ok(checker),
        }
    }

    /// Returns whether the current code runs as part of the generator's own body.
    fn in_generator(&self) -> bool {
        matches!(self.scope, Scope::Generator | Scope::TryBlock)
    }

    fn in_scope(&mut self, scope: Scope, visit: impl FnOnce(&mut Self)) {
        let outer = mem::replace(&mut self.scope, scope);
        visit(self);
        self.scope = outer;
    }

    fn in_function(&mut self, attrs: &[Attribute], visit: impl FnOnce(&mut Self)) {
        // The attribute of a nested generator checks that generator's body.
        if !attrs.iter().any(|attr| is_named(attr.path(), "threadsafe_generator")) {
            self.in_scope(Scope::Function, visit);
        }
    }

    fn reject(&mut self, error: Error) {
        match &mut self.errors {
            Some(errors) => errors.combine(error),
            None => self.errors = Some(error),
        }
    }

    /// Rejects a macro of the body in a scope that it cannot work in, and with arguments that it does not take.
    fn check_macro(&self, body_macro: BodyMacro, mac: &Macro, input: Option<&MacroInput>) -> Result<()> {
        let misplaced = match (body_macro, self.scope) {
            (BodyMacro::ResumedWith, _) if !self.protocol.is_coroutine() => {
                "`resumed_with!` is unavailable outside a coroutine: \
                 return `impl Coroutine<Yield = Y, Resume = R, Return = C>`"
            }
            (BodyMacro::ResumedWith, Scope::Function) => {
                "`resumed_with!` is unavailable in a nested function: pass the value as an argument"
            }
            (BodyMacro::ResumedWith, _) | (_, Scope::Generator | Scope::TryBlock) => {
                return self.check_arity(body_macro, mac, input);
            }
            (_, Scope::Closure) => "cannot yield inside a closure: use a loop instead of the closure",
            (_, Scope::Async) => "cannot yield inside an `async` block or closure: move the yield out of it",
            (_, Scope::Function) => {
                "cannot yield inside a nested function: \
                 mark it `#[threadsafe_generator]` and yield its items with `yield_from!`"
            }
        };
        Err(Error::new_spanned(&mac.path, misplaced))
    }

    /// Rejects a wrong number of arguments. The macros reject it themselves where this check cannot see them.
    fn check_arity(&self, body_macro: BodyMacro, mac: &Macro, input: Option<&MacroInput>) -> Result<()> {
        let Some(MacroInput::Expressions(arguments)) = input else { return Ok(()) };
        let (count, usage) = (arguments.len(), self.protocol.macro_usage());
        let (is_right, message) = match body_macro {
            BodyMacro::Yield => (count <= 1, usage.yield_),
            BodyMacro::YieldFrom => {
                (count == 1 && usage.yields_from_items || count == 2 && usage.yields_from_coroutine, usage.yield_from)
            }
            BodyMacro::ResumedWith => (count == 0, usage.resumed_with),
        };
        match count {
            _ if is_right => Ok(()),
            0 => Err(Error::new_spanned(mac, message)),
            _ => Err(Error::new_spanned(arguments, message)),
        }
    }

    fn visit_opaque_macro(&mut self, mac: &Macro) {
        if !is_named(&mac.path, "macro_rules") {
            return;
        }
        self.takes_first_argument |= find_ident("resumed_with", &mac.tokens).is_some();
        // The expansion of such a macro is parsed by rustc, which knows the keyword only as its own unstable one.
        if let Some(keyword) = keyword::find_in_rules(&mac.tokens) {
            let message = "the keyword `yield` is not recognized in a `macro_rules!`: write `yield_!(item)`";
            self.reject(Error::new(keyword, message));
        }
    }

    /// Looks for single tokens in the input of a macro that has a syntax of its own.
    fn visit_unparsed_input(&mut self, mac: &Macro) {
        if !self.in_generator() {
            return;
        }
        self.takes_first_argument |= find_ident("resumed_with", &mac.tokens).is_some();
        if let Some(span) = find_await(&mac.tokens).filter(|_| !self.protocol.can_await()) {
            self.reject(Error::new(span, CANNOT_AWAIT));
        }
        if self.scope == Scope::Generator {
            self.question_mark = self.question_mark.or_else(|| find_question_mark(&mac.tokens));
        }
    }
}

impl Visit<'_> for BodyChecker<'_> {
    fn visit_macro(&mut self, mac: &Macro) {
        if is_opaque_macro(mac) {
            self.visit_opaque_macro(mac);
            return;
        }
        let input = MacroInput::parse(mac);
        if let Some(body_macro) = BodyMacro::named_by(&mac.path) {
            self.takes_first_argument |= matches!(body_macro, BodyMacro::ResumedWith) && self.scope != Scope::Function;
            if let Err(error) = self.check_macro(body_macro, mac, input.as_ref()) {
                self.reject(error);
            }
        }
        match input {
            Some(MacroInput::Expressions(expressions)) => expressions.iter().for_each(|expr| self.visit_expr(expr)),
            Some(MacroInput::Statements(statements)) => statements.iter().for_each(|stmt| self.visit_stmt(stmt)),
            None => self.visit_unparsed_input(mac),
        }
    }

    fn visit_expr_await(&mut self, expr: &ExprAwait) {
        if self.in_generator() && !self.protocol.can_await() {
            self.reject(Error::new(expr.await_token.span, CANNOT_AWAIT));
        }
        visit::visit_expr_await(self, expr);
    }

    fn visit_expr_try(&mut self, expr: &ExprTry) {
        visit::visit_expr_try(self, expr);
        if self.scope == Scope::Generator {
            self.question_mark.get_or_insert(expr.question_token.span);
        }
    }

    fn visit_expr_try_block(&mut self, expr: &ExprTryBlock) {
        let scope = if self.scope == Scope::Generator { Scope::TryBlock } else { self.scope };
        self.in_scope(scope, |checker| visit::visit_expr_try_block(checker, expr));
    }

    fn visit_expr_closure(&mut self, expr: &ExprClosure) {
        let scope = if expr.asyncness.is_some() { Scope::Async } else { Scope::Closure };
        self.in_scope(scope, |checker| visit::visit_expr_closure(checker, expr));
    }

    fn visit_expr_async(&mut self, expr: &ExprAsync) {
        self.in_scope(Scope::Async, |checker| visit::visit_expr_async(checker, expr));
    }

    fn visit_expr_const(&mut self, expr: &ExprConst) {
        self.in_scope(Scope::Function, |checker| visit::visit_expr_const(checker, expr));
    }

    fn visit_item(&mut self, item: &Item) {
        self.in_scope(Scope::Function, |checker| visit::visit_item(checker, item));
    }

    fn visit_item_fn(&mut self, function: &ItemFn) {
        self.in_function(&function.attrs, |checker| visit::visit_item_fn(checker, function));
    }

    fn visit_impl_item_fn(&mut self, function: &ImplItemFn) {
        self.in_function(&function.attrs, |checker| visit::visit_impl_item_fn(checker, function));
    }

    fn visit_trait_item_fn(&mut self, function: &TraitItemFn) {
        self.in_function(&function.attrs, |checker| visit::visit_trait_item_fn(checker, function));
    }
}
