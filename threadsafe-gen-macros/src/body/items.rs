//! Prepares the expressions that items come from.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::visit::{self, Visit};
use syn::visit_mut::{self, VisitMut};
use syn::{Expr, ExprAsync, ExprClosure, ExprForLoop, ExprMethodCall, Item, Macro};

use super::tokens::{BodyMacro, LocalMacros, MacroInput, Rewriter, find_ident, rewrite_macro};
use crate::spans::{end_spans, relocated, whole_span};

/// Prepares yields and loops. Each preparation is invisible, except to a body that rustc rejects.
///
/// `yield_!()` and `yield_from!(items)` get a token at which rustc reports a wrong type of items. Without it the error
/// would be reported at the attribute.
///
/// A `for` loop over a chain of adaptors hides the type of the chain, as `yield_from!` does. rustc forgets lifetimes
/// when it finds out whether a suspended body is `Send`, and then rejects adaptors that store the items of a closure:
/// "implementation of `FnOnce` is not general enough". Of a hidden type it knows that it is `Send`, and looks no
/// further.
///
/// Input:
///
/// ```text
/// yield_!();
/// yield_from!(items);
/// yield_from!(await stream);
/// for word in lines.flat_map(|line| line.split(' ')) {
///     yield_!(word);
/// }
/// ```
///
/// Output:
///
/// ```text
/// yield_!(());
/// yield_from!(@__item ::threadsafe_gen::__private::send_items(items));
/// yield_from!(await @__stream yield_from_stream stream);
/// for word in ::threadsafe_gen::__private::send_items(lines.flat_map(|line| line.split(' '))) {
///     yield_!(word);
/// }
/// ```
pub(crate) struct PrepareItems<'a> {
    /// The path of the crate `threadsafe-gen`.
    krate: &'a TokenStream,
    /// The names of the arguments if the generator must be `Send`.
    arguments: Option<&'a [Ident]>,
    local_macros: &'a LocalMacros,
    changed: bool,
}

impl<'a> PrepareItems<'a> {
    pub(crate) fn new(krate: &'a TokenStream, arguments: Option<&'a [Ident]>, local_macros: &'a LocalMacros) -> Self {
        Self { krate, arguments, local_macros, changed: false }
    }

    fn send_items(&self, items: &Expr, location: Span) -> TokenStream {
        let krate = relocated(self.krate, location);
        quote_spanned!(location=> #krate::__private::send_items(#items))
    }
}

impl VisitMut for PrepareItems<'_> {
    fn visit_macro_mut(&mut self, mac: &mut Macro) {
        rewrite_macro(self, mac);
        match BodyMacro::named_by(&mac.path) {
            Some(BodyMacro::Yield) if mac.tokens.is_empty() => {
                let span = end_spans(&mac.path).0;
                mac.tokens = quote_spanned!(span=> ());
                self.changed = true;
            }
            Some(BodyMacro::YieldFrom) => {
                let (await_token, items) = match MacroInput::parse(mac) {
                    Some(MacroInput::Expressions(items)) => (None, items),
                    Some(MacroInput::Awaited(await_token, streams)) => (Some(await_token), streams),
                    _ => return,
                };
                let (Some(items), 1) = (items.first(), items.len()) else { return };
                let location = Span::mixed_site().located_at(whole_span(&items));
                if await_token.is_some() {
                    let (stream, method) =
                        (Ident::new("__stream", location), Ident::new("yield_from_stream", location));
                    mac.tokens = quote!(#await_token @ #stream #method #items);
                    self.changed = true;
                    return;
                }
                let item = Ident::new("__item", location);
                let items = match self.arguments {
                    Some(arguments) if !is_one_of(items, arguments) => self.send_items(items, location),
                    _ => items.to_token_stream(),
                };
                mac.tokens = quote!(@ #item #items);
                self.changed = true;
            }
            _ => (),
        }
    }

    fn visit_expr_for_loop_mut(&mut self, expr: &mut ExprForLoop) {
        visit_mut::visit_expr_for_loop_mut(self, expr);
        let stores_items = || stores_items_of_closure(&expr.expr) && suspends(&expr.body.to_token_stream());
        if self.arguments.is_some() && stores_items() {
            let location = Span::mixed_site().located_at(end_spans(&expr.expr).0);
            *expr.expr = Expr::Verbatim(self.send_items(&expr.expr, location));
            self.changed = true;
        }
    }

    // Their yields and loops are not those of the body.
    fn visit_expr_closure_mut(&mut self, _: &mut ExprClosure) {}
    fn visit_expr_async_mut(&mut self, _: &mut ExprAsync) {}
    fn visit_item_mut(&mut self, _: &mut Item) {}
}

/// Returns whether an expression is the name of an argument, which is checked by itself.
fn is_one_of(items: &Expr, arguments: &[Ident]) -> bool {
    match items {
        Expr::Path(path) => path.path.get_ident().is_some_and(|name| arguments.contains(name)),
        _ => false,
    }
}

/// Returns whether a body may suspend within the block of a loop.
fn suspends(block: &TokenStream) -> bool {
    ["yield_", "yield_from", "await"].iter().any(|name| find_ident(name, block).is_some())
}

/// Returns whether an expression is a chain of adaptors one of which takes a closure and one of which stores items.
fn stores_items_of_closure(chain: &Expr) -> bool {
    #[derive(Default)]
    struct Chain {
        has_closure: bool,
        stores_items: bool,
    }

    impl Visit<'_> for Chain {
        fn visit_expr_method_call(&mut self, call: &ExprMethodCall) {
            const STORE: [&str; 13] = [
                "flat_map",
                "flatten",
                "peekable",
                "cartesian_product",
                "coalesce",
                "dedup",
                "dedup_by",
                "intersperse",
                "multipeek",
                "peek_nth",
                "tuple_windows",
                "unique",
                "unique_by",
            ];
            self.stores_items |= STORE.iter().any(|name| call.method == name);
            visit::visit_expr_method_call(self, call);
        }

        fn visit_expr_closure(&mut self, _: &ExprClosure) {
            self.has_closure = true;
        }
    }

    let mut found = Chain::default();
    found.visit_expr(chain);
    found.has_closure && found.stores_items
}

impl Rewriter for PrepareItems<'_> {
    fn local_macros(&self) -> &LocalMacros {
        self.local_macros
    }

    fn changed(&mut self) -> &mut bool {
        &mut self.changed
    }

    /// Changes nothing, because the ends of expressions are unknown.
    fn rewrite_tokens(&mut self, tokens: TokenStream) -> TokenStream {
        tokens
    }
}
