//! The `async` closures that the crate makes generators of, and the macros that their bodies have at hand.

use proc_macro2::{Delimiter, Group, Ident, Span, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::{Token, Type};

use crate::body::Body;
use crate::protocol::Protocol;

/// An `async` closure.
///
/// Output, for an iterator:
///
/// ```text
/// async move |co| {
///     macro_rules! yield_ { .. }
///     let argument = argument;
///     let __ended: () = { /* the body */ };
/// }
/// ```
pub(crate) struct Closure<'a> {
    /// The path of the crate.
    pub(crate) krate: &'a TokenStream,
    /// Where what is ours stands.
    pub(crate) site: Span,
    pub(crate) move_: Option<Token![move]>,
    pub(crate) items: Items<'a>,
    pub(crate) protocol: &'a Protocol,
    /// Statements that bind a function's arguments.
    pub(crate) arguments: &'a TokenStream,
    pub(crate) body: &'a Body,
}

/// Of which type the items are.
#[derive(Clone, Copy)]
pub(crate) enum Items<'a> {
    /// Of this one.
    Stated(&'a Type),
    /// All of the first one's.
    Inferred,
}

impl ToTokens for Closure<'_> {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        let Self { site, move_, arguments, .. } = self;
        let (co, macros, ended) = (self.co(), self.macros(), self.ended());
        let (first, end) = match self.protocol {
            Protocol::Coroutine(exchange) => {
                let (first, end) = (self.first(), &exchange.end);
                let first = quote_spanned!(*site=> , #first);
                (Some(first), Some(quote_spanned!(*site=> -> #end)))
            }
            _ => (None, None),
        };
        let (once, same) = (self.once(), self.same(&co));
        tokens.extend(quote_spanned!(*site=> async #move_ |#co #first| #end { #once #same #macros #arguments #ended }));
    }
}

impl Closure<'_> {
    /// What it yields through.
    fn co(&self) -> Ident {
        Ident::new("__yielder", self.site)
    }

    /// What a coroutine was resumed with first.
    fn first(&self) -> Ident {
        Ident::new("__resumed_with", self.site)
    }

    /// What was sent first can be taken once, also where it is `Copy`: taken again, in a loop say, it would not be what
    /// was sent by then.
    fn once(&self) -> Option<TokenStream> {
        self.protocol.is_coroutine().then(|| {
            let (krate, first) = (self.krate, self.first());
            quote_spanned! {self.site=>
                #[allow(unused_variables)]
                let #first = #krate::__private::First(#first);
            }
        })
    }

    /// A closure to which every item is given, where the items' type is not stated, so that one of another type than
    /// the first is told so where it stands. The future that says that these are the items is never polled.
    fn same(&self, co: &Ident) -> Option<TokenStream> {
        matches!(self.items, Items::Inferred).then(|| {
            quote_spanned! {self.site=>
                let __same = |__item| __item;
                let _ = #co.yield_from(::core::option::Option::None.map(__same));
            }
        })
    }

    /// The body, and how it ends. A value at its end that is of another type is told so where it stands.
    fn ended(&self) -> TokenStream {
        let mut block = Group::new(Delimiter::Brace, self.body.statements.clone());
        block.set_span(self.body.braces);
        let site = self.site;
        match self.protocol {
            Protocol::Coroutine(exchange) => {
                let end = &exchange.end;
                quote_spanned! {site=>
                    #[allow(clippy::diverging_sub_expression)]
                    let __ended: #end = #block;
                    #[allow(unreachable_code)]
                    return __ended;
                }
            }
            _ if self.body.fallible.is_some() => quote_spanned! {site=>
                #[allow(clippy::diverging_sub_expression)]
                let __ended: () = #block;
                #[allow(unreachable_code)]
                return ::core::result::Result::Ok(());
            },
            _ => quote_spanned! {site=>
                #[allow(clippy::diverging_sub_expression)]
                let __ended: () = #block;
            },
        }
    }

    /// Defines `yield_!`, `yield_from!`, and in a coroutine `resumed_with!`.
    ///
    /// They are local and so need no import; and being macros by example they are there in every nested macro. Their
    /// names are made to be seen from where the body first names them, which may be in tokens that came by way of
    /// another macro, or from the function's own place, for macros around it that yield.
    fn macros(&self) -> TokenStream {
        let site = Span::mixed_site();
        let define = |name: &str, other: &str, seen_from: Option<Span>, rules: TokenStream| {
            let name =
                Ident::new(name, seen_from.map_or_else(Span::call_site, |seen| Span::call_site().resolved_at(seen)));
            quote_spanned! {site=>
                #[allow(unused_macros)]
                macro_rules! #name {
                    #rules
                    ($($other:tt)*) => { ::core::compile_error!(#other) };
                }
            }
        };
        let (body, takes) = (self.body, self.protocol.takes());
        // An error in a macro is reported at the attribute, not from there to the function's name.
        let mut co = self.co();
        co.set_span(site);
        let yield_from = [takes.items.then(|| self.every(&co)), takes.coroutine.then(|| delegate(&co))];
        let yield_ = define("yield_", takes.yield_, body.yield_, self.one(&co));
        let yield_from = define("yield_from", takes.yield_from, body.yield_from, quote!(#(#yield_from)*));
        let resumed_with = self.protocol.is_coroutine().then(|| {
            let mut first = self.first();
            let seen = body.resumed_with.map_or(site, |seen| site.located_at(seen));
            first.set_span(seen);
            define(
                "resumed_with",
                takes.resumed_with,
                body.resumed_with,
                quote_spanned!(seen=> () => { #first.take() };),
            )
        });
        quote!(#yield_ #yield_from #resumed_with)
    }

    /// The item is made before the yielder is borrowed for it, since making it may yield. Stating its type makes a box
    /// of something coerce to a box of `dyn` something.
    fn one(&self, co: &Ident) -> TokenStream {
        let site = Span::mixed_site();
        let yielded = |item: TokenStream| {
            let bound = match self.items {
                Items::Stated(ty) => quote_spanned!(site=> let __item: #ty = #item;),
                Items::Inferred => quote_spanned! {site=>
                    #[allow(unreachable_code)]
                    let __item = __same(#item);
                },
            };
            quote_spanned! {site=>
                {{
                    #bound
                    #[allow(unreachable_code)]
                    { #co.yield_(__item).await }
                }}
            }
        };
        let (unit, item) = (yielded(quote_spanned!(site=> ())), yielded(quote_spanned!(site=> $item)));
        quote_spanned! {site=>
            () => #unit;
            ($item:expr $(,)?) => #item;
        }
    }

    fn every(&self, co: &Ident) -> TokenStream {
        let site = Span::mixed_site();
        let stated = match self.items {
            Items::Stated(item) => quote_spanned!(site=> let __item: #item = __item;),
            Items::Inferred => quote_spanned!(site=> let __item = __same(__item);),
        };
        quote_spanned! {site=>
            ($items:expr $(,)?) => {
                for __item in ::core::iter::IntoIterator::into_iter($items) {
                    #stated
                    #co.yield_(__item).await;
                }
            };
        }
    }
}

fn delegate(co: &Ident) -> TokenStream {
    quote_spanned! {Span::mixed_site()=>
        ($inner:expr, $first:expr $(,)?) => {{
            let (__inner, __first) = ($inner, $first);
            #co.delegate(__inner, __first).await
        }};
    }
}
