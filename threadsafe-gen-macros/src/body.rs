//! The body of a generator: what it must not contain, and what its `?` asks for.
//!
//! It is read so as to refuse and to know, and goes into the expansion as it was written. The one exception are its
//! `return`s, see [`Returns`].
//!
//! A macro's tokens are nobody's syntax until the macro has run. They are read as expressions or statements if they
//! look like such, which those of `vec!`, `println!`, `assert!` do. Of the others, such as those of `select!`, and of whole
//! bodies that are newer than `syn`, only the plainest is seen: a `?`, a bare `return`, an `.await`.

use std::mem;

use proc_macro2::{Group, Span, TokenStream, TokenTree};
use quote::{ToTokens, quote_spanned};
use syn::parse::Parser;
use syn::punctuated::Punctuated;
use syn::spanned::Spanned;
use syn::visit::{self, Visit};
use syn::visit_mut::{self, VisitMut};
use syn::{
    Attribute, Block, Error, Expr, ExprAsync, ExprAwait, ExprClosure, ExprConst, ExprReturn, ExprTry, ExprTryBlock,
    ImplItemFn, Item, ItemFn, Macro, Result, Stmt, Token, TraitItemFn, Type,
};

use crate::keyword;
use crate::parse::Protocol;

/// A body that may stand in a generator.
pub(crate) struct Body {
    pub(crate) statements: TokenStream,
    /// The braces around them, the edition of which decides on temporaries at the end.
    pub(crate) braces: Span,
    /// Whether there is a `?` that makes an item of an error.
    pub(crate) fallible: bool,
    /// Where each of our macros is first named, for it to be seen from there.
    pub(crate) yield_: Option<Span>,
    pub(crate) yield_from: Option<Span>,
    pub(crate) resumed_with: Option<Span>,
}

impl Body {
    pub(crate) fn read(block: &Group, protocol: &Protocol) -> Result<Self> {
        let mut tokens = block.stream();
        // The compiler has read the body already: what `syn` cannot read is newer than `syn`, and not for us to judge.
        let mut statements = Block::parse_within.parse2(tokens.clone()).ok();
        if first_named("yield", &tokens).is_some() {
            if let Some(statements) = &mut statements {
                for statement in &mut *statements {
                    keyword::Yields.visit_stmt_mut(statement);
                }
                tokens = statements.iter().map(ToTokens::to_token_stream).collect();
            } else {
                tokens = keyword::in_tokens(tokens);
            }
        }
        let mut body = Self {
            yield_: first_named("yield_", &tokens),
            yield_from: first_named("yield_from", &tokens),
            resumed_with: first_named("resumed_with", &tokens),
            statements: tokens,
            braces: block.span(),
            fallible: false,
        };
        match statements {
            Some(statements) => body.judge(statements, protocol)?,
            None if has_question(&body.statements) && !protocol.returns_value() => {
                body.fallible = true;
                body.statements = with_bare_returns_ok(body.statements);
            }
            None => (),
        }
        body.check_first_argument(protocol)?;
        Ok(body)
    }

    fn judge(&mut self, mut statements: Vec<Stmt>, protocol: &Protocol) -> Result<()> {
        let mut reader = Reader {
            place: Place::Generator,
            awaits: protocol.awaits(),
            fallible: false,
            returns_value: false,
            refused: None,
        };
        for statement in &statements {
            reader.visit_stmt(statement);
        }
        if let Some(error) = reader.refused {
            return Err(error);
        }
        // What a coroutine returns, by `return`, by `?` or at its end, is what it is complete with.
        if protocol.returns_value() {
            return Ok(());
        }
        self.fallible = reader.fallible;
        if reader.fallible || reader.returns_value {
            let mut returns = Returns { fallible: reader.fallible };
            for statement in &mut statements {
                returns.visit_stmt_mut(statement);
            }
            self.statements = statements.iter().map(ToTokens::to_token_stream).collect();
        }
        Ok(())
    }

    /// Refuses a coroutine that does not take what it is resumed with first: it would be lost, whoever sent it.
    fn check_first_argument(&self, protocol: &Protocol) -> Result<()> {
        match protocol {
            Protocol::Coroutine(exchange) if !is_unit(&exchange.resume) && self.resumed_with.is_none() => {
                let message =
                    "the first `resume_with` brings a value too: take it, as in `let first = resumed_with!();`";
                Err(Error::new_spanned(&exchange.resume, message))
            }
            _ => Ok(()),
        }
    }
}

impl Protocol {
    /// Whether the body may await.
    fn awaits(&self) -> bool {
        matches!(self, Self::Stream)
    }

    /// Whether the body ends with a value of its own.
    fn returns_value(&self) -> bool {
        matches!(self, Self::Coroutine(_))
    }
}

pub(crate) fn is_unit(ty: &Type) -> bool {
    matches!(ty, Type::Tuple(tuple) if tuple.elems.is_empty())
}

fn first_named(name: &str, tokens: &TokenStream) -> Option<Span> {
    tokens.clone().into_iter().find_map(|token| match token {
        TokenTree::Ident(ident) if ident == name => Some(ident.span()),
        TokenTree::Group(group) => first_named(name, &group.stream()),
        _ => None,
    })
}

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

struct Reader {
    place: Place,
    /// Whether the generator's own code may await.
    awaits: bool,
    fallible: bool,
    /// Whether there is a `return` with a value.
    returns_value: bool,
    refused: Option<Error>,
}

impl Reader {
    fn within(&mut self, place: Place, read: impl FnOnce(&mut Self)) {
        let outer = mem::replace(&mut self.place, place);
        read(self);
        self.place = outer;
    }

    fn refuse(&mut self, span: Span, message: &str) {
        let error = Error::new(span, message);
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
}

/// Whether there is a `?` that is no `?Sized`.
fn has_question(tokens: &TokenStream) -> bool {
    let mut tokens = tokens.clone().into_iter().peekable();
    while let Some(token) = tokens.next() {
        match token {
            TokenTree::Punct(punct) if punct.as_char() == '?' => match tokens.peek() {
                Some(TokenTree::Ident(ident)) if ident == "Sized" => (),
                _ => return true,
            },
            TokenTree::Group(group) if has_question(&group.stream()) => return true,
            _ => (),
        }
    }
    false
}

/// Makes `return` without a value one of `Ok(())`.
fn with_bare_returns_ok(tokens: TokenStream) -> TokenStream {
    let mut tokens = tokens.into_iter().peekable();
    let mut rewritten = TokenStream::new();
    while let Some(token) = tokens.next() {
        let token = match token {
            TokenTree::Group(group) => {
                let mut within = Group::new(group.delimiter(), with_bare_returns_ok(group.stream()));
                within.set_span(group.span());
                TokenTree::Group(within)
            }
            token => token,
        };
        let bare = matches!(&token, TokenTree::Ident(ident) if ident == "return")
            && match tokens.peek() {
                None => true,
                Some(TokenTree::Punct(punct)) => matches!(punct.as_char(), ';' | ','),
                Some(_) => false,
            };
        let site = token.span().resolved_at(Span::mixed_site());
        rewritten.extend([token]);
        if bare {
            rewritten.extend(quote_spanned!(site=> ::core::result::Result::Ok(())));
        }
    }
    rewritten
}

/// Where there is an `.await` that no `async` can be about.
fn plain_await(tokens: &TokenStream) -> Option<Span> {
    first_named("async", tokens).is_none().then(|| first_named("await", tokens)).flatten()
}

/// Whether a macro takes its tokens for code of another place, or for no code at all.
pub(crate) fn is_elsewhere(mac: &Macro) -> bool {
    ["macro_rules", "generator", "stringify", "quote", "quote_spanned", "parse_quote"]
        .iter()
        .any(|name| is_named(&mac.path, name))
}

const AWAITS: &str =
    "this generator cannot await: return `impl Stream<Item = T>`, or run the future to its end with a `block_on`";

fn is_named(path: &syn::Path, name: &str) -> bool {
    path.segments.last().is_some_and(|segment| segment.ident == name)
}

impl Visit<'_> for Reader {
    fn visit_macro(&mut self, mac: &Macro) {
        if is_named(&mac.path, "yield_") || is_named(&mac.path, "yield_from") {
            let elsewhere = match self.place {
                Place::Generator | Place::Try => None,
                Place::Closure => Some("a closure cannot yield for the generator: use a loop instead of the closure"),
                Place::Async => Some("an `async` block cannot yield for the generator: yield outside of it"),
                Place::Function => Some(
                    "a nested function cannot yield for the generator: \
                     mark it `#[threadsafe_generator]` and `yield_from!` what it returns",
                ),
            };
            if let Some(message) = elsewhere {
                self.refuse(mac.path.span(), message);
            }
        }
        if is_elsewhere(mac) {
            return;
        }
        match Arguments::read(mac) {
            Some(Arguments::Expressions(expressions)) => expressions.iter().for_each(|expr| self.visit_expr(expr)),
            Some(Arguments::Statements(statements)) => statements.iter().for_each(|stmt| self.visit_stmt(stmt)),
            None if matches!(self.place, Place::Generator | Place::Try) => {
                if let Some(span) = plain_await(&mac.tokens).filter(|_| !self.awaits) {
                    self.refuse(span, AWAITS);
                }
                self.fallible |= self.place == Place::Generator && has_question(&mac.tokens);
            }
            None => (),
        }
    }

    fn visit_expr_await(&mut self, expr: &ExprAwait) {
        if matches!(self.place, Place::Generator | Place::Try) && !self.awaits {
            self.refuse(expr.await_token.span, AWAITS);
        }
        visit::visit_expr_await(self, expr);
    }

    fn visit_expr_try(&mut self, expr: &ExprTry) {
        visit::visit_expr_try(self, expr);
        self.fallible |= self.place == Place::Generator;
    }

    fn visit_expr_return(&mut self, expr: &ExprReturn) {
        visit::visit_expr_return(self, expr);
        self.returns_value |= expr.expr.is_some() && matches!(self.place, Place::Generator | Place::Try);
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

/// Makes every `return` one of `()`, or, in a body with a `?`, of `Ok(())`.
///
/// A body with a `?` runs as one that returns a `Result`, since it is the `?` that says how the body ends on an error, and
/// no type on stable Rust is both that and `()`.
struct Returns {
    fallible: bool,
}

impl VisitMut for Returns {
    fn visit_expr_return_mut(&mut self, expr: &mut ExprReturn) {
        visit_mut::visit_expr_return_mut(self, expr);
        let site = expr.return_token.span.resolved_at(Span::mixed_site());
        // A value of another type is told so where it stands.
        let unit = expr.expr.take().map(|value| quote_spanned!(site=> let _ended: () = #value;));
        let end = self.fallible.then(|| quote_spanned!(site=> ::core::result::Result::Ok(())));
        if unit.is_some() || end.is_some() {
            expr.expr = Some(Box::new(Expr::Verbatim(quote_spanned!(site=> { #unit #end }))));
        }
    }

    fn visit_macro_mut(&mut self, mac: &mut Macro) {
        if is_elsewhere(mac) {
            return;
        }
        let Some(mut arguments) = Arguments::read(mac) else {
            if self.fallible {
                mac.tokens = with_bare_returns_ok(mem::take(&mut mac.tokens));
            }
            return;
        };
        arguments.rewrite(self, mac);
    }

    // A `return` in these returns from these.
    fn visit_expr_closure_mut(&mut self, _: &mut ExprClosure) {}
    fn visit_expr_async_mut(&mut self, _: &mut ExprAsync) {}
    fn visit_expr_const_mut(&mut self, _: &mut ExprConst) {}
    fn visit_item_mut(&mut self, _: &mut Item) {}
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
