//! Builds the `async` closure of a generator, with the definitions of the macros that its body uses.

use proc_macro2::{Delimiter, Group, Ident, Span, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::{Token, Type};

use crate::body::Body;
use crate::model::Protocol;
use crate::spans::{end_spans, relocated};

/// An `async` closure.
///
/// Input:
///
/// ```text
/// { /* body */ }
/// ```
///
/// Output, for an iterator, with `mut` unless the body can fail:
///
/// ```text
/// async move |mut __yielder| {
///     macro_rules! yield_ { .. }
///     macro_rules! yield_from { .. }
///     let argument = argument;
///     let __returned: () = { /* body */ };
/// }
/// ```
///
/// Output, for a coroutine:
///
/// ```text
/// async move |__yielder, __resumed_with| {
///     let __resumed_with = ::threadsafe_gen::__private::FirstArgument(__resumed_with);
///     macro_rules! yield_ { .. }
///     macro_rules! yield_from { .. }
///     macro_rules! resumed_with { .. }
///     let argument = argument;
///     let __returned: Return = { /* body */ };
///     return __returned;
/// }
/// ```
pub(crate) struct Closure<'a> {
    /// The path of the crate `threadsafe-gen`.
    pub(crate) krate: &'a TokenStream,
    /// The span of generated tokens.
    pub(crate) site: Span,
    pub(crate) move_: Option<Token![move]>,
    pub(crate) item_type: ItemType<'a>,
    pub(crate) protocol: &'a Protocol,
    /// The statements that bind a function's arguments.
    pub(crate) params: &'a TokenStream,
    pub(crate) body: &'a Body,
}

/// The type of the items.
#[derive(Clone, Copy)]
pub(crate) enum ItemType<'a> {
    Declared(&'a Type),
    /// The type of the first item.
    Inferred,
}

impl ToTokens for Closure<'_> {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        let Self { site, move_, params, .. } = self;
        let (yielder, macros, body_and_return) = (self.yielder(), self.macro_definitions(), self.body_and_return());
        let first_return = self.first_return();
        let first_arg = self.protocol.is_coroutine().then(|| {
            let first_arg = self.first_arg();
            quote_spanned!(*site=> , #first_arg)
        });
        let mut_ = self.owns_yielder().then(|| Token![mut](*site));
        let (bind_first_arg, unify_items) = (self.bind_first_arg(), self.unify_items(&yielder));
        tokens.extend(quote_spanned! {*site=>
            async #move_ |#mut_ #yielder #first_arg| {
                #first_return
                #bind_first_arg
                #unify_items
                #macros
                #params
                #body_and_return
            }
        });
    }
}

impl Closure<'_> {
    /// Returns whether the closure takes its yielder by value, and not by reference.
    fn owns_yielder(&self) -> bool {
        matches!(self.protocol, Protocol::Iterator) && self.body.fallible.is_none()
    }

    fn yielder(&self) -> Ident {
        Ident::new("__yielder", self.site)
    }

    /// Returns the name of the argument of a coroutine's first resume.
    fn first_arg(&self) -> Ident {
        Ident::new("__resumed_with", self.site)
    }

    /// Builds a `return` that is never reached and comes before those of the body.
    ///
    /// rustc infers the output of the closure from the first `return`, even if the output is declared. If that was a
    /// wrong one of the body, a mismatch would be reported at the function's name.
    ///
    /// Output, for a body that cannot fail, for one that can, and for a coroutine:
    ///
    /// ```text
    /// if false {
    ///     return;
    /// }
    /// if false {
    ///     return ::core::result::Result::Ok::<(), <Item as ::threadsafe_gen::__private::Fallible>::Error>(());
    /// }
    /// if false {
    ///     return ::threadsafe_gen::__private::unreachable::<Return>();
    /// }
    /// ```
    fn first_return(&self) -> Option<TokenStream> {
        let Self { krate, site, body, .. } = self;
        let returned = match (self.protocol, body.fallible) {
            _ if !body.returns_value => return None,
            (Protocol::Coroutine(types), _) => {
                let returned = &types.returned;
                let site = site.located_at(end_spans(returned).0);
                let krate = relocated(krate, site);
                quote_spanned!(site=> return #krate::__private::unreachable::<#returned>();)
            }
            (_, None) => quote_spanned!(*site=> return;),
            (_, Some(_)) => {
                let error = match self.item_type {
                    ItemType::Declared(item) => error_of(krate, item),
                    ItemType::Inferred => quote_spanned!(*site=> _),
                };
                quote_spanned!(*site=> return ::core::result::Result::Ok::<(), #error>(());)
            }
        };
        Some(quote_spanned!(*site=> if false { #returned }))
    }

    /// Wraps the first argument in a type that is not `Copy`, so that `resumed_with!` moves it. To read it again later,
    /// in a loop for example, would return an outdated value.
    fn bind_first_arg(&self) -> Option<TokenStream> {
        self.protocol.is_coroutine().then(|| {
            let (krate, first_arg) = (self.krate, self.first_arg());
            quote_spanned! {self.site=>
                #[allow(unused_variables)]
                let #first_arg = #krate::__private::FirstArgument(#first_arg);
            }
        })
    }

    /// Binds an identity closure that unifies the item types, so that a mismatch is reported at the offending item.
    ///
    /// The future that ties the closure to the yielder's item type is never polled.
    ///
    /// Output, only if the item type is inferred:
    ///
    /// ```text
    /// let __unify_items = |__item| __item;
    /// let _ = __yielder.yield_from(::core::option::Option::None.map(__unify_items));
    /// ```
    fn unify_items(&self, yielder: &Ident) -> Option<TokenStream> {
        matches!(self.item_type, ItemType::Inferred).then(|| {
            quote_spanned! {self.site=>
                let __unify_items = |__item| __item;
                let _ = #yielder.yield_from(::core::option::Option::None.map(__unify_items));
            }
        })
    }

    /// Builds the block of the body and what follows it. The annotation of `__returned` makes rustc report a mismatch
    /// at the body's tail expression.
    fn body_and_return(&self) -> TokenStream {
        let mut block = Group::new(Delimiter::Brace, self.body.statements.clone());
        block.set_span(self.body.braces);
        let site = self.site;
        let (ty, returned) = match self.protocol {
            Protocol::Coroutine(types) => (types.returned.to_token_stream(), Some(quote_spanned!(site=> __returned))),
            Protocol::Iterator | Protocol::Stream => {
                let ok = self.body.fallible.map(|_| quote_spanned!(site=> ::core::result::Result::Ok(())));
                (quote_spanned!(site=> ()), ok)
            }
        };
        let return_ = returned.map(|returned| {
            quote_spanned! {site=>
                #[allow(unreachable_code)]
                return #returned;
            }
        });
        quote_spanned! {site=>
            #[allow(clippy::diverging_sub_expression)]
            let __returned: #ty = #block;
            #return_
        }
    }

    /// Defines `yield_!`, `yield_from!` and, in a coroutine, `resumed_with!`.
    ///
    /// They are local, so that they need no import, and they are `macro_rules!`, so that they work in the input of
    /// other macros. A body that calls no other macros gets only those that it mentions. Each name has the hygiene of
    /// its first mention in the body, because that mention may be in tokens of another macro. Without a mention it has
    /// that of the function, for macros that are defined around the function and yield.
    ///
    /// Output, of each:
    ///
    /// ```text
    /// #[allow(unused_macros)]
    /// macro_rules! name {
    ///     /* rules */
    ///     ($($other:tt)*) => { ::core::compile_error!("usage") };
    /// }
    /// ```
    fn macro_definitions(&self) -> TokenStream {
        let site = Span::mixed_site();
        let mentions = &self.body.mentions;
        let define = |name: &str, usage: &str, mention: Option<Span>, rules: &dyn Fn() -> TokenStream| {
            if mention.is_none() && !mentions.other_macros {
                return TokenStream::new();
            }
            let rules = rules();
            let call_site = Span::call_site();
            let name = Ident::new(name, mention.map_or(call_site, |mention| call_site.resolved_at(mention)));
            quote_spanned! {site=>
                #[allow(unused_macros)]
                macro_rules! #name {
                    #rules
                    ($($other:tt)*) => { ::core::compile_error!(#usage) };
                }
            }
        };
        let usage = self.protocol.macro_usage();
        // At `site` an error in an expansion is reported at the attribute. At `self.site` it would underline everything
        // from the attribute to the function's name.
        let mut yielder = self.yielder();
        yielder.set_span(site);
        let yield_ = define("yield_", usage.yield_, mentions.yield_, &|| self.yield_rules(&yielder));
        let yield_from = define("yield_from", usage.yield_from, mentions.yield_from, &|| {
            let of_items = usage.yields_from_items.then(|| self.yield_from_rules(&yielder));
            let of_coroutine = usage.yields_from_coroutine.then(|| delegate_rules(&yielder));
            let of_stream = self.protocol.can_await().then(|| yield_from_stream_rules(&yielder));
            quote!(#of_stream #of_items #of_coroutine)
        });
        let resumed_with = self.protocol.is_coroutine().then(|| {
            define("resumed_with", usage.resumed_with, mentions.resumed_with, &|| {
                let site = mentions.resumed_with.map_or(site, |mention| site.located_at(mention));
                let mut first_arg = self.first_arg();
                first_arg.set_span(site);
                quote_spanned!(site=> () => { #first_arg.take() };)
            })
        });
        quote!(#yield_ #yield_from #resumed_with)
    }

    /// Builds the rules of `yield_!`.
    ///
    /// The item is bound before the yielder is borrowed, because the item's expression may itself yield. The annotation
    /// coerces a `Box` of a value to a `Box<dyn Trait>`.
    ///
    /// Output, of each rule:
    ///
    /// ```text
    /// ($item:expr $(,)?) => {{
    ///     let __item: Item = $item;
    ///     /* yield `__item` */
    /// }};
    /// ```
    fn yield_rules(&self, yielder: &Ident) -> TokenStream {
        let site = Span::mixed_site();
        let yield_one = |item: TokenStream| {
            let bind_item = match self.item_type {
                ItemType::Declared(ty) => quote_spanned!(site=> let __item: #ty = #item;),
                ItemType::Inferred => quote_spanned! {site=>
                    #[allow(unreachable_code)]
                    let __item = __unify_items(#item);
                },
            };
            let yield_item = self.yield_item(yielder, &quote_spanned!(site=> __item));
            quote_spanned! {site=>
                {{
                    #bind_item
                    #[allow(unreachable_code)]
                    #yield_item
                }}
            }
        };
        let (unit, item) = (yield_one(quote_spanned!(site=> ())), yield_one(quote_spanned!(site=> $item)));
        quote_spanned! {site=>
            () => #unit;
            ($item:expr $(,)?) => #item;
        }
    }

    /// Builds the expression that yields the value of a variable.
    ///
    /// Output, for an iterator, and for a coroutine or a stream:
    ///
    /// ```text
    /// if !__yielder.put(item) {
    ///     ::threadsafe_gen::__private::suspend().await
    /// }
    /// { __yielder.yield_(item).await }
    /// ```
    fn yield_item(&self, yielder: &Ident, item: &TokenStream) -> TokenStream {
        let site = Span::mixed_site();
        let krate = relocated(self.krate, site);
        match self.protocol {
            Protocol::Iterator => quote_spanned! {site=>
                if !#yielder.put(#item) {
                    #krate::__private::suspend().await
                }
            },
            Protocol::Coroutine(_) | Protocol::Stream => quote_spanned!(site=> { #yielder.yield_(#item).await }),
        }
    }

    /// Builds the rules of `yield_from!` that take items. The first is for calls that were prepared.
    ///
    /// Output:
    ///
    /// ```text
    /// (@ $item:tt $items:expr) => {
    ///     for $item in $items {
    ///         let $item: Item = $item;
    ///         /* yield `$item` */
    ///     }
    /// };
    /// ($items:expr $(,)?) => {
    ///     for __item in ::threadsafe_gen::__private::send_items($items) {
    ///         let __item: Item = __item;
    ///         /* yield `__item` */
    ///     }
    /// };
    /// ```
    fn yield_from_rules(&self, yielder: &Ident) -> TokenStream {
        let site = Span::mixed_site();
        let krate = relocated(self.krate, site);
        let items = match self.item_type {
            ItemType::Declared(_) => quote_spanned!(site=> #krate::__private::send_items($items)),
            ItemType::Inferred => quote_spanned!(site=> $items),
        };
        let yield_all = |name: TokenStream, items: TokenStream| {
            let item = match self.item_type {
                ItemType::Declared(item) => quote_spanned!(site=> let #name: #item = #name;),
                ItemType::Inferred => quote_spanned!(site=> let #name = __unify_items(#name);),
            };
            let yield_item = self.yield_item(yielder, &name);
            quote_spanned! {site=>
                for #name in #items {
                    #item
                    #yield_item
                }
            }
        };
        let prepared = yield_all(quote_spanned!(site=> $item), quote_spanned!(site=> $items));
        let plain = yield_all(quote_spanned!(site=> __item), items);
        quote_spanned! {site=>
            (@ $item:tt $items:expr) => { #prepared };
            ($items:expr $(,)?) => { #plain };
        }
    }
}

/// Builds the rules of `yield_from!` that take a stream. The first is for calls that were prepared.
///
/// Output, of each:
///
/// ```text
/// (await $stream:expr $(,)?) => {
///     match $stream {
///         __stream => __yielder.yield_from_stream(__stream).await,
///     }
/// };
/// ```
///
/// The stream is bound before the yielder is borrowed, because its expression may itself yield. A `match` keeps the
/// temporaries of the expression alive.
fn yield_from_stream_rules(yielder: &Ident) -> TokenStream {
    let site = Span::mixed_site();
    quote_spanned! {site=>
        (await @ $name:ident $method:ident $stream:expr) => {
            match $stream {
                $name => #yielder.$method($name).await,
            }
        };
        (await $stream:expr $(,)?) => {
            match $stream {
                __stream => #yielder.yield_from_stream(__stream).await,
            }
        };
    }
}

/// Builds the type of the errors among the items.
///
/// Output:
///
/// ```text
/// <Item as ::threadsafe_gen::__private::Fallible>::Error
/// ```
fn error_of(krate: &TokenStream, item: &Type) -> TokenStream {
    let (first, last) = end_spans(item);
    let fallible = relocated(&quote!(#krate::__private::Fallible), first);
    let mut error = quote_spanned!(first=> <#item as #fallible>);
    error.extend(quote_spanned!(last=> ::Error));
    error
}

/// Builds the rule of `yield_from!` that takes a coroutine and its first argument.
///
/// Output:
///
/// ```text
/// ($inner:expr, $first:expr $(,)?) => {{
///     let (__inner, __first) = ($inner, $first);
///     __yielder.delegate(__inner, __first).await
/// }};
/// ```
fn delegate_rules(yielder: &Ident) -> TokenStream {
    quote_spanned! {Span::mixed_site()=>
        ($inner:expr, $first:expr $(,)?) => {{
            let (__inner, __first) = ($inner, $first);
            #yielder.delegate(__inner, __first).await
        }};
    }
}
