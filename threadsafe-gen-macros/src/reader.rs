//! What must not stand in a body, and what there is in it.

use std::mem;

use proc_macro2::{Span, TokenStream, TokenTree};
use syn::visit::{self, Visit};
use syn::{
    Attribute, Error, ExprAsync, ExprAwait, ExprClosure, ExprConst, ExprReturn, ExprTry, ExprTryBlock, ImplItemFn,
    Item, ItemFn, Macro, Path, Result, Stmt, TraitItemFn,
};

use crate::body::{Arguments, first_named, is_elsewhere, is_named};
use crate::keyword;
use crate::protocol::Protocol;

/// Whose code it is that is being read.
#[derive(Clone, Copy, PartialEq)]
enum Place {
    /// The generator's own.
    Generator,
    /// The generator's own but for its `?`: a `try` block.
    Try,
    Closure,
    Async,
    Function,
}

/// What it is that makes a macro one of ours: its name.
#[derive(Clone, Copy)]
enum Ours {
    Yield,
    YieldFrom,
    ResumedWith,
}

impl Ours {
    fn named_by(path: &Path) -> Option<Self> {
        [("yield_", Self::Yield), ("yield_from", Self::YieldFrom), ("resumed_with", Self::ResumedWith)]
            .into_iter()
            .find_map(|(name, ours)| is_named(path, name).then_some(ours))
    }
}

/// What there is in a body.
pub(crate) struct Reader<'a> {
    protocol: &'a Protocol,
    place: Place,
    /// Where there is a `?` of the generator's own.
    pub(crate) fallible: Option<Span>,
    /// Whether there is a `return` of the generator's own.
    pub(crate) returns: bool,
    /// Whether `resumed_with!` is there, where it is this coroutine's.
    pub(crate) takes_first: bool,
    refused: Option<Error>,
}

impl<'a> Reader<'a> {
    /// Reads a body to its end, and refuses it for all that it must not contain.
    pub(crate) fn read(statements: &[Stmt], protocol: &'a Protocol) -> Result<Self> {
        let mut reader = Self {
            protocol,
            place: Place::Generator,
            fallible: None,
            returns: false,
            takes_first: false,
            refused: None,
        };
        for statement in statements {
            reader.visit_stmt(statement);
        }
        match reader.refused.take() {
            Some(error) => Err(error),
            None => Ok(reader),
        }
    }

    /// Whether what is being read is the generator's own code.
    fn is_own(&self) -> bool {
        matches!(self.place, Place::Generator | Place::Try)
    }

    fn within(&mut self, place: Place, read: impl FnOnce(&mut Self)) {
        let outer = mem::replace(&mut self.place, place);
        read(self);
        self.place = outer;
    }

    fn refuse(&mut self, error: Error) {
        match &mut self.refused {
            Some(refused) => refused.combine(error),
            None => self.refused = Some(error),
        }
    }

    fn function(&mut self, attrs: &[Attribute], read: impl FnOnce(&mut Self)) {
        // A generator within a generator is the business of its own attribute.
        if !attrs.iter().any(|attr| is_named(attr.path(), "threadsafe_generator")) {
            self.within(Place::Function, read);
        }
    }

    /// Refuses one of our macros where it does not belong, and with arguments that it does not take.
    fn check(&self, ours: Ours, mac: &Macro, arguments: Option<&Arguments>) -> Result<()> {
        let elsewhere = match (ours, self.place) {
            (Ours::ResumedWith, _) if !self.protocol.is_coroutine() => {
                "only a coroutine is resumed with a value: return `impl Coroutine<Yield = Y, Resume = R, Return = C>`"
            }
            (Ours::ResumedWith, Place::Function) => {
                "a nested function is not what was resumed: pass it the value as an argument"
            }
            (Ours::ResumedWith, _) | (_, Place::Generator | Place::Try) => {
                return self.check_number(ours, mac, arguments);
            }
            (_, Place::Closure) => "a closure cannot yield for the generator: use a loop instead of the closure",
            (_, Place::Async) => "an `async` block cannot yield for the generator: yield outside of it",
            (_, Place::Function) => {
                "a nested function cannot yield for the generator: \
                 mark it `#[threadsafe_generator]` and `yield_from!` what it returns"
            }
        };
        Err(Error::new_spanned(&mac.path, elsewhere))
    }

    /// Refuses a wrong number of arguments, as the macros themselves do where they are not seen from here.
    fn check_number(&self, ours: Ours, mac: &Macro, arguments: Option<&Arguments>) -> Result<()> {
        let Some(Arguments::Expressions(arguments)) = arguments else { return Ok(()) };
        let (number, takes) = (arguments.len(), self.protocol.takes());
        let (right, advice) = match ours {
            Ours::Yield => (number <= 1, takes.yield_),
            Ours::YieldFrom => (number == 1 && takes.items || number == 2 && takes.coroutine, takes.yield_from),
            Ours::ResumedWith => (number == 0, takes.resumed_with),
        };
        match number {
            _ if right => Ok(()),
            0 => Err(Error::new_spanned(mac, advice)),
            _ => Err(Error::new_spanned(arguments, advice)),
        }
    }
}

/// Where there is a `?` that is no `?Sized`.
pub(crate) fn question(tokens: &TokenStream) -> Option<Span> {
    let mut tokens = tokens.clone().into_iter().peekable();
    while let Some(token) = tokens.next() {
        let found = match token {
            TokenTree::Punct(punct) if punct.as_char() == '?' => match tokens.peek() {
                Some(TokenTree::Ident(ident)) if ident == "Sized" => None,
                _ => Some(punct.span()),
            },
            TokenTree::Group(group) => question(&group.stream()),
            _ => None,
        };
        if found.is_some() {
            return found;
        }
    }
    None
}

/// Where there is an `.await` that no `async` can be about.
fn plain_await(tokens: &TokenStream) -> Option<Span> {
    first_named("async", tokens).is_none().then(|| first_named("await", tokens)).flatten()
}

const AWAITS: &str = "this generator cannot await: a function that returns `impl Stream<Item = T>` can; \
                      or run the future to its end with a `block_on`";

impl Visit<'_> for Reader<'_> {
    fn visit_macro(&mut self, mac: &Macro) {
        if is_elsewhere(mac) {
            self.takes_first |=
                is_named(&mac.path, "macro_rules") && first_named("resumed_with", &mac.tokens).is_some();
            // The compiler reads it there for itself, and takes it for its own.
            if let Some(keyword) = keyword::in_rules(&mac.tokens).filter(|_| is_named(&mac.path, "macro_rules")) {
                self.refuse(Error::new(
                    keyword,
                    "in a `macro_rules!` the keyword is out of reach: write `yield_!(item)`",
                ));
            }
            return;
        }
        let arguments = Arguments::read(mac);
        if let Some(ours) = Ours::named_by(&mac.path) {
            self.takes_first |= matches!(ours, Ours::ResumedWith) && self.place != Place::Function;
            if let Err(error) = self.check(ours, mac, arguments.as_ref()) {
                self.refuse(error);
            }
        }
        match arguments {
            Some(Arguments::Expressions(expressions)) => expressions.iter().for_each(|expr| self.visit_expr(expr)),
            Some(Arguments::Statements(statements)) => statements.iter().for_each(|stmt| self.visit_stmt(stmt)),
            None if self.is_own() => {
                self.takes_first |= first_named("resumed_with", &mac.tokens).is_some();
                if let Some(span) = plain_await(&mac.tokens).filter(|_| !self.protocol.awaits()) {
                    self.refuse(Error::new(span, AWAITS));
                }
                if self.place == Place::Generator {
                    self.fallible = self.fallible.or_else(|| question(&mac.tokens));
                }
            }
            None => (),
        }
    }

    fn visit_expr_await(&mut self, expr: &ExprAwait) {
        if self.is_own() && !self.protocol.awaits() {
            self.refuse(Error::new(expr.await_token.span, AWAITS));
        }
        visit::visit_expr_await(self, expr);
    }

    fn visit_expr_try(&mut self, expr: &ExprTry) {
        visit::visit_expr_try(self, expr);
        if self.place == Place::Generator {
            self.fallible.get_or_insert(expr.question_token.span);
        }
    }

    fn visit_expr_return(&mut self, expr: &ExprReturn) {
        visit::visit_expr_return(self, expr);
        self.returns |= self.is_own();
    }

    fn visit_expr_try_block(&mut self, expr: &ExprTryBlock) {
        let place = if self.place == Place::Generator { Place::Try } else { self.place };
        self.within(place, |reader| visit::visit_expr_try_block(reader, expr));
    }

    fn visit_expr_closure(&mut self, expr: &ExprClosure) {
        let place = if expr.asyncness.is_some() { Place::Async } else { Place::Closure };
        self.within(place, |reader| visit::visit_expr_closure(reader, expr));
    }

    fn visit_expr_async(&mut self, expr: &ExprAsync) {
        self.within(Place::Async, |reader| visit::visit_expr_async(reader, expr));
    }

    fn visit_expr_const(&mut self, expr: &ExprConst) {
        self.within(Place::Function, |reader| visit::visit_expr_const(reader, expr));
    }

    fn visit_item(&mut self, item: &Item) {
        self.within(Place::Function, |reader| visit::visit_item(reader, item));
    }

    fn visit_item_fn(&mut self, function: &ItemFn) {
        self.function(&function.attrs, |reader| visit::visit_item_fn(reader, function));
    }

    fn visit_impl_item_fn(&mut self, function: &ImplItemFn) {
        self.function(&function.attrs, |reader| visit::visit_impl_item_fn(reader, function));
    }

    fn visit_trait_item_fn(&mut self, function: &TraitItemFn) {
        self.function(&function.attrs, |reader| visit::visit_trait_item_fn(reader, function));
    }
}
