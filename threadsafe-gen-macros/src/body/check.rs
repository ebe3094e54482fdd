//! Validates a body and records what the expansion needs.

use std::mem;

use proc_macro2::{Span, TokenStream};
use syn::spanned::Spanned;
use syn::visit::{self, Visit};
use syn::{
    Attribute, BinOp, Error, Expr, ExprAsync, ExprAwait, ExprBinary, ExprBlock, ExprClosure, ExprConst, ExprForLoop,
    ExprIf, ExprLoop, ExprMatch, ExprRepeat, ExprReturn, ExprTry, ExprTryBlock, ExprWhile, GenericArgument, ImplItemFn,
    Item, ItemFn, Local, Macro, Result, Stmt, TraitItemFn, Type, Variant,
};

use super::keyword;
use super::returns::{Returned, tail_results};
use super::tokens::{
    BodyMacro, LocalMacros, MacroClass, MacroInput, find_await, find_ident, find_question_mark, find_returned_result,
    is_named, is_result_call,
};
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
    /// A nested function or another item, whose code cannot reach the body's locals.
    Function,
    /// A constant or static, a `const` block, or the length of an array.
    Const,
}

impl Scope {
    /// Returns whether code in this scope reaches the body's locals.
    fn reaches_locals(self) -> bool {
        !matches!(self, Self::Function | Self::Const)
    }
}

/// The visitor that validates a body.
pub(crate) struct BodyChecker<'a> {
    protocol: &'a Protocol,
    local_macros: &'a LocalMacros,
    scope: Scope,
    pub(crate) findings: Findings,
    errors: Option<Error>,
}

/// The properties of a body on which its expansion depends.
#[derive(Default)]
pub(crate) struct Findings {
    /// The first `?` whose error leaves the body.
    pub(crate) question_mark: Option<Span>,
    /// The first place besides a `?` that may leave the body with an error: a `return` with a value, a macro that is
    /// known to return errors, and a macro of which nothing is known.
    pub(crate) may_return_error: Option<Span>,
    /// The first yield of an `Ok(..)` or `Err(..)`.
    pub(crate) yields_result: Option<Span>,
    /// Whether the body names `resumed_with!` where it can be reached.
    pub(crate) takes_first_argument: bool,
    /// Whether a `yield_!` or `yield_from!` is named anywhere.
    yields: bool,
    returns: bool,
}

impl Findings {
    /// Reads a body that cannot be parsed.
    pub(crate) fn of_tokens(tokens: &TokenStream, local_macros: &LocalMacros) -> Self {
        Self {
            question_mark: find_question_mark(tokens, local_macros),
            may_return_error: find_returned_result(tokens, local_macros),
            yields_result: None,
            takes_first_argument: find_ident("resumed_with", tokens).is_some(),
            yields: true,
            returns: false,
        }
    }
}

impl<'a> BodyChecker<'a> {
    /// Checks a whole body.
    ///
    /// # Errors
    ///
    /// Returns all mistakes, combined into one error.
    pub(crate) fn check(
        statements: &[Stmt],
        protocol: &'a Protocol,
        yields: bool,
        local_macros: &'a LocalMacros,
    ) -> Result<Findings> {
        let findings = Findings { yields, ..Findings::default() };
        let mut checker = Self { protocol, local_macros, scope: Scope::Generator, findings, errors: None };
        for statement in statements {
            checker.visit_stmt(statement);
        }
        if protocol.is_coroutine() {
            if let Some(second) = FirstArgumentCalls::second(statements) {
                let message = "`resumed_with!` was already called, and only returns the first value: \
                               use what `yield_!` returns";
                checker.reject(Error::new(second, message));
            }
        } else {
            checker.check_tail(statements);
            checker.check_yields(statements);
        }
        match checker.errors {
            Some(errors) => Err(errors),
            None => Ok(checker.findings),
        }
    }

    /// Rejects `Ok(())` and `Err(error)` at the end of a body that has no value.
    fn check_tail(&mut self, statements: &[Stmt]) {
        for result in tail_results(statements) {
            let message = if is_result_call(result, "Err") {
                "the body of a generator has no value: write `Err(error)?`, which yields the error as the last item"
            } else {
                "the body of a generator has no value: remove `Ok(..)`, or write `return;`"
            };
            self.reject(Error::new_spanned(result, message));
        }
    }

    /// Rejects a body that does something and yields nothing, unless it says by `return` or by an error that this is
    /// intended, or does not end.
    fn check_yields(&mut self, statements: &[Stmt]) {
        let Findings { question_mark, may_return_error, returns, yields, .. } = self.findings;
        let Some(last) = statements.last() else { return };
        if yields || returns || question_mark.is_some() || may_return_error.is_some() || self.errors.is_some() {
            return;
        }
        let error = match last {
            _ if diverges(last) => return,
            Stmt::Expr(tail, None) if is_value(tail) => {
                let message = "the body yields nothing and has a value, which is lost: \
                               write `yield_from!(value);` if it is an iterator, or `yield_!(value);`";
                Error::new_spanned(tail, message)
            }
            _ => {
                let message =
                    "the body yields nothing: write `yield_!(item);`, or `yield_from!([]);` if that is intended";
                Error::new_spanned(last, message)
            }
        };
        self.reject(error);
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

    fn visit_body_macro(&mut self, body_macro: BodyMacro, mac: &Macro, input: Option<&MacroInput>) {
        match body_macro {
            BodyMacro::ResumedWith => self.findings.takes_first_argument |= self.scope.reaches_locals(),
            BodyMacro::Yield => {
                if let Some(MacroInput::Expressions(items)) = input {
                    let is_result = |item: &Expr| is_result_call(item, "Ok") || is_result_call(item, "Err");
                    if self.in_generator() && items.iter().any(is_result) {
                        self.findings.yields_result.get_or_insert(mac.path.span());
                    }
                }
            }
            BodyMacro::YieldFrom => (),
        }
        if let Err(error) = self.check_macro(body_macro, mac, input) {
            self.reject(error);
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
            (BodyMacro::ResumedWith, Scope::Const) => {
                "`resumed_with!` is unavailable in a constant: use `let`, which is evaluated when the body runs"
            }
            (BodyMacro::ResumedWith, _) | (_, Scope::Generator | Scope::TryBlock) => {
                return self.check_arity(body_macro, mac, input);
            }
            (_, Scope::Closure) => "cannot yield inside a closure: use a loop instead of the closure",
            (_, Scope::Async) => "cannot yield inside an `async` block or closure: move the yield out of it",
            (_, Scope::Const) => "cannot yield inside a constant: use `let`, which is evaluated when the body runs",
            (_, Scope::Function) => {
                "cannot yield inside a nested function: \
                 mark it `#[threadsafe_generator]` and yield its items with `yield_from!`"
            }
        };
        Err(Error::new_spanned(&mac.path, misplaced))
    }

    /// Rejects a wrong number of arguments. The macros reject it themselves where this check cannot see them.
    fn check_arity(&self, body_macro: BodyMacro, mac: &Macro, input: Option<&MacroInput>) -> Result<()> {
        let usage = self.protocol.macro_usage();
        let arguments = match input {
            Some(MacroInput::Expressions(arguments)) => arguments,
            Some(MacroInput::Awaited(await_token, _)) if !self.protocol.can_await() => {
                return Err(Error::new(await_token.span, CANNOT_AWAIT));
            }
            Some(MacroInput::Awaited(_, streams)) if streams.len() != 1 => {
                return Err(Error::new_spanned(mac, usage.yield_from));
            }
            _ => return Ok(()),
        };
        let count = arguments.len();
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

    /// Reads a macro whose input is not known to be code of the body.
    fn visit_uncertain_macro(&mut self, mac: &Macro) {
        if self.scope.reaches_locals() {
            self.findings.takes_first_argument |= find_ident("resumed_with", &mac.tokens).is_some();
        }
    }

    fn visit_macro_rules(&mut self, mac: &Macro) {
        self.findings.takes_first_argument |= find_ident("resumed_with", &mac.tokens).is_some();
        // The expansion of such a macro is parsed by rustc, which knows the keyword only as its own unstable one.
        if let Some(keyword) = keyword::find_in_rules(&mac.tokens) {
            let message = "the keyword `yield` is not recognized in a `macro_rules!`: write `yield_!(item)`";
            self.reject(Error::new(keyword, message));
        }
    }

    /// Looks for single tokens in the input of a macro that has a syntax of its own.
    fn visit_unparsed_input(&mut self, mac: &Macro) {
        self.visit_uncertain_macro(mac);
        if !self.in_generator() {
            return;
        }
        if let Some(span) = find_await(&mac.tokens, self.local_macros).filter(|_| !self.protocol.can_await()) {
            self.reject(Error::new(span, CANNOT_AWAIT));
        }
        if self.scope == Scope::Generator {
            self.findings.question_mark =
                self.findings.question_mark.or_else(|| find_question_mark(&mac.tokens, self.local_macros));
        }
        let local_macros = self.local_macros;
        self.may_return_error(|| find_returned_result(&mac.tokens, local_macros));
    }

    /// Returns the macro of the body that `.await` follows. A coroutine can receive a future.
    fn awaited_macro(&self, base: &Expr) -> Option<BodyMacro> {
        match base {
            Expr::Macro(mac) if !self.protocol.is_coroutine() => BodyMacro::named_by(&mac.mac.path),
            _ => None,
        }
    }

    /// Records a place that may return an error from the body.
    fn may_return_error(&mut self, span: impl FnOnce() -> Option<Span>) {
        if self.in_generator() {
            self.findings.may_return_error = self.findings.may_return_error.or_else(span);
        }
    }
}

impl Visit<'_> for BodyChecker<'_> {
    fn visit_macro(&mut self, mac: &Macro) {
        if let Some(body_macro) = BodyMacro::named_by_long_path(&mac.path) {
            let name = body_macro.name();
            let message =
                format!("`{name}!` by its path is not the macro of this body: write `{name}!(..)` without a path");
            self.reject(Error::new_spanned(&mac.path, message));
            return;
        }
        let class = MacroClass::of(mac, self.local_macros);
        match class {
            _ if mac.path.is_ident("macro_rules") => return self.visit_macro_rules(mac),
            MacroClass::NoCode => return,
            MacroClass::Unknown => {
                self.may_return_error(|| Some(mac.path.span()));
                return self.visit_uncertain_macro(mac);
            }
            MacroClass::FallibleCode => self.may_return_error(|| Some(mac.path.span())),
            MacroClass::Code => (),
        }
        let input = MacroInput::parse(mac);
        if let Some(body_macro) = BodyMacro::named_by(&mac.path) {
            self.visit_body_macro(body_macro, mac, input.as_ref());
        }
        match input {
            Some(MacroInput::Expressions(expressions) | MacroInput::Awaited(_, expressions)) => {
                expressions.iter().for_each(|expr| self.visit_expr(expr));
            }
            Some(MacroInput::Statements(statements)) => statements.iter().for_each(|stmt| self.visit_stmt(stmt)),
            None => self.visit_unparsed_input(mac),
        }
    }

    fn visit_expr_return(&mut self, expr: &ExprReturn) {
        visit::visit_expr_return(self, expr);
        self.findings.returns = true;
        if let Some(Returned::Result | Returned::Unknown) = expr.expr.as_deref().map(Returned::of) {
            self.may_return_error(|| Some(expr.return_token.span));
        }
    }

    fn visit_expr_await(&mut self, expr: &ExprAwait) {
        if let Some(body_macro) = self.awaited_macro(&expr.base) {
            let message = format!("`{}!` suspends the body by itself: remove `.await`", body_macro.name());
            self.reject(Error::new(expr.await_token.span, message));
        } else if self.in_generator() && !self.protocol.can_await() {
            self.reject(Error::new(expr.await_token.span, CANNOT_AWAIT));
        }
        visit::visit_expr_await(self, expr);
    }

    fn visit_expr_try(&mut self, expr: &ExprTry) {
        visit::visit_expr_try(self, expr);
        if self.scope == Scope::Generator {
            self.findings.question_mark.get_or_insert(expr.question_token.span);
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
        self.in_scope(Scope::Const, |checker| visit::visit_expr_const(checker, expr));
    }

    fn visit_expr_repeat(&mut self, expr: &ExprRepeat) {
        self.visit_expr(&expr.expr);
        self.in_scope(Scope::Const, |checker| checker.visit_expr(&expr.len));
    }

    // Expressions in types and in generic arguments are lengths of arrays and values of `const` parameters.
    fn visit_type(&mut self, ty: &Type) {
        self.in_scope(Scope::Const, |checker| visit::visit_type(checker, ty));
    }

    fn visit_generic_argument(&mut self, argument: &GenericArgument) {
        self.in_scope(Scope::Const, |checker| visit::visit_generic_argument(checker, argument));
    }

    fn visit_variant(&mut self, variant: &Variant) {
        self.in_scope(Scope::Const, |checker| visit::visit_variant(checker, variant));
    }

    fn visit_item(&mut self, item: &Item) {
        let scope = if matches!(item, Item::Const(_) | Item::Static(_)) { Scope::Const } else { Scope::Function };
        self.in_scope(scope, |checker| visit::visit_item(checker, item));
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

/// Returns whether a statement does not end, as far as its syntax tells.
fn diverges(statement: &Stmt) -> bool {
    let is_never =
        |mac: &Macro| ["panic", "todo", "unimplemented", "unreachable"].iter().any(|name| is_named(&mac.path, name));
    match statement {
        Stmt::Macro(statement) => is_never(&statement.mac),
        Stmt::Expr(Expr::Macro(expr), _) => is_never(&expr.mac),
        Stmt::Expr(Expr::Loop(_), _) => true,
        _ => false,
    }
}

/// Returns whether an expression at the end of a block has a value, as far as its syntax tells.
fn is_value(expr: &Expr) -> bool {
    matches!(
        expr,
        Expr::Array(_)
            | Expr::Binary(_)
            | Expr::Call(_)
            | Expr::Field(_)
            | Expr::Lit(_)
            | Expr::MethodCall(_)
            | Expr::Paren(_)
            | Expr::Path(_)
            | Expr::Range(_)
            | Expr::Reference(_)
            | Expr::Struct(_)
    )
}

/// Counts the calls of `resumed_with!` that run whenever the body does. Of those in branches and loops, rustc finds out
/// which run twice.
struct FirstArgumentCalls {
    calls: Vec<Span>,
}

impl FirstArgumentCalls {
    /// Returns the span of the second call.
    fn second(statements: &[Stmt]) -> Option<Span> {
        let mut found = Self { calls: Vec::new() };
        for statement in statements {
            found.visit_stmt(statement);
        }
        found.calls.get(1).copied()
    }
}

impl Visit<'_> for FirstArgumentCalls {
    fn visit_macro(&mut self, mac: &Macro) {
        if matches!(BodyMacro::named_by(&mac.path), Some(BodyMacro::ResumedWith)) {
            self.calls.push(mac.path.span());
        } else if matches!(BodyMacro::named_by(&mac.path), Some(BodyMacro::Yield | BodyMacro::YieldFrom)) {
            if let Some(MacroInput::Expressions(expressions)) = MacroInput::parse(mac) {
                expressions.iter().for_each(|expr| self.visit_expr(expr));
            }
        }
    }

    fn visit_expr_if(&mut self, expr: &ExprIf) {
        self.visit_expr(&expr.cond);
    }

    fn visit_expr_match(&mut self, expr: &ExprMatch) {
        self.visit_expr(&expr.expr);
    }

    fn visit_expr_for_loop(&mut self, expr: &ExprForLoop) {
        self.visit_expr(&expr.expr);
    }

    fn visit_expr_binary(&mut self, expr: &ExprBinary) {
        self.visit_expr(&expr.left);
        if !matches!(expr.op, BinOp::And(_) | BinOp::Or(_)) {
            self.visit_expr(&expr.right);
        }
    }

    fn visit_local(&mut self, local: &Local) {
        if let Some(init) = &local.init {
            self.visit_expr(&init.expr);
        }
    }

    fn visit_expr_while(&mut self, _: &ExprWhile) {}
    fn visit_expr_loop(&mut self, _: &ExprLoop) {}
    fn visit_expr_closure(&mut self, _: &ExprClosure) {}
    fn visit_expr_async(&mut self, _: &ExprAsync) {}
    // A labeled block can be left before its end.
    fn visit_expr_block(&mut self, expr: &ExprBlock) {
        if expr.label.is_none() {
            visit::visit_expr_block(self, expr);
        }
    }
    fn visit_item(&mut self, _: &Item) {}
}
