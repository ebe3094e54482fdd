//! From a [`GeneratorFn`] to tokens. Nothing here can fail.
//!
//! All that is not the user's stands at `Span::mixed_site()`: its names cannot meet the user's, lints leave it alone,
//! and it follows the rules of this crate's edition.

use proc_macro2::{Ident, Span, TokenStream, TokenTree};
use quote::{ToTokens, format_ident, quote, quote_spanned};
use syn::{
    AttrStyle, Attribute, Error, FnArg, Pat, PatIdent, PatType, Path, Receiver, ReturnType, Signature, Token, Type,
};

use crate::body::Body;
use crate::closure::{Closure, Items};
use crate::parse::{Function, GeneratorFn, InPlace, Kind, Output, Refusal, output};
use crate::protocol::{Exchange, Protocol};

/// Expands a generator.
///
/// Input:
///
/// ```text
/// fn count((from, step): (u64, u64)) -> impl Iterator<Item = u64> {
///     /* the body */
/// }
/// ```
///
/// Output:
///
/// ```text
/// fn count(__arg0: (u64, u64)) -> ::threadsafe_gen::ThreadsafeIter<impl Iterator<Item = u64> + ::core::marker::Send> {
///     ::threadsafe_gen::generator::<u64, _>(async move |co| {
///         macro_rules! yield_ { /* co.yield_(item).await */ }
///         let __arg0 = __arg0;
///         let (from, step) = __arg0;
///         /* the body */
///     })
///     .threadsafe()
/// }
/// ```
pub(crate) fn generator(generator: &GeneratorFn) -> TokenStream {
    let GeneratorFn { krate, function, output, body } = generator;
    let arguments = Arguments::of(&function.sig);
    let sig = Signature { inputs: arguments.inputs.clone(), output: output.threadsafe(krate), ..function.sig.clone() };
    let body = match body {
        None => quote!(;),
        Some(body) => {
            let made = made(krate, function, output, body, &arguments);
            let inner = function.attrs.iter().filter(|attr| is_inner(attr));
            quote!({ #(#inner)* #made })
        }
    };
    function.with(&sig, &body)
}

/// Says what is wrong, and leaves a function that can be called.
///
/// The error stands in the place of the body: there it has whatever type is needed, so that nothing else is reported.
pub(crate) fn refusal(refusal: &Refusal) -> TokenStream {
    match refusal {
        Refusal::NotAFunction { item, error } => {
            let error = error.to_compile_error();
            quote!(#error #item)
        }
        Refusal::Function { krate, function, error } => {
            let error = error.to_compile_error();
            // Without what would be an error or a warning of its own, with this body or this return type.
            let mut sig = Signature { variadic: None, ..function.sig.clone() };
            for argument in &mut sig.inputs {
                if let FnArg::Typed(PatType { pat, .. }) = argument {
                    **pat = syn::parse_quote!(_);
                }
            }
            sig.output = match output(&sig) {
                Ok(output) => output.threadsafe(krate),
                Err(_) => untyped(&sig.output, &error),
            };
            function.with(&sig, &quote!({ #error }))
        }
    }
}

/// A return type of which the compiler knows nothing, so that it has nothing to say to callers.
///
/// It is an array of a length that is an error, and beside it what was written, for its imports to be used. The error
/// stands in the body too, which so is of any type; the compiler reports an error at a place once.
fn untyped(written: &ReturnType, error: &TokenStream) -> ReturnType {
    let written = match written {
        ReturnType::Default => None,
        ReturnType::Type(_, ty) => Some(match Kind::of(ty) {
            // Of a `dyn` the compiler would ask for the types that it lacks.
            Some(Kind::Boxed { bounds, .. }) => quote!(impl #bounds),
            _ => ty.to_token_stream(),
        }),
    };
    syn::parse_quote!(-> ([(); #error], #written))
}

impl Function {
    fn with(&self, sig: &Signature, body: &TokenStream) -> TokenStream {
        let Self { attrs, vis, defaultness, .. } = self;
        let outer = attrs.iter().filter(|attr| !is_inner(attr));
        quote!(#(#outer)* #vis #defaultness #sig #body)
    }
}

fn is_inner(attr: &Attribute) -> bool {
    matches!(attr.style, AttrStyle::Inner(_))
}

/// Where what is ours stands: out of the user's way, and reported, should it come to that, at the function's name.
fn site(sig: &Signature) -> Span {
    Span::mixed_site().located_at(sig.ident.span())
}

/// Where something begins and ends.
fn ends(tokens: &impl ToTokens) -> (Span, Span) {
    let mut spans = tokens.to_token_stream().into_iter().map(|token| token.span());
    let first = spans.next().unwrap_or_else(Span::mixed_site);
    (first, spans.last().unwrap_or(first))
}

/// A path as it was, but reported at `at`: a span from here to there would underline all that is in between.
fn relocated(path: &impl ToTokens, at: Span) -> TokenStream {
    let relocate = |mut token: TokenTree| {
        token.set_span(token.span().located_at(at));
        token
    };
    path.to_token_stream().into_iter().map(relocate).collect()
}

/// The expression that makes the generator and puts the lock around it.
fn made(krate: &Path, function: &Function, output: &Output, body: &Body, arguments: &Arguments) -> TokenStream {
    let site = site(&function.sig);
    let krate = &relocated(krate, site);
    let Output { kind, item, protocol } = output;
    let closure = Closure {
        krate,
        site,
        move_: Some(Token![move](site)),
        items: Items::Stated(item),
        protocol,
        arguments: &arguments.rebound,
        body,
    };
    let generator = match (protocol, body.fallible.map(|_| from_error(krate, item))) {
        (Protocol::Coroutine(exchange), _) => {
            let Exchange { resume, end } = &**exchange;
            quote_spanned!(site=> #krate::coroutine::<#item, #resume, #end, _>(#closure))
        }
        (Protocol::Stream, None) => quote_spanned!(site=> #krate::stream::<#item, _>(#closure)),
        (Protocol::Stream, Some(from_error)) => {
            quote_spanned!(site=> #krate::__private::fallible_stream::<#item, _, _>(#closure, #from_error))
        }
        (Protocol::Iterator, None) => quote_spanned!(site=> #krate::generator::<#item, _>(#closure)),
        (Protocol::Iterator, Some(from_error)) => {
            quote_spanned!(site=> #krate::__private::fallible::<#item, _, _>(#closure, #from_error))
        }
    };
    match kind {
        Kind::Impl { .. } => quote_spanned!(site=> #generator.threadsafe()),
        Kind::Boxed { .. } => quote_spanned!(site=> #krate::ThreadsafeIter::new(::std::boxed::Box::new(#generator))),
    }
}

/// Expands `generator! { .. }`: a generator that is not shared, of whose items nothing is known.
///
/// Input: `yield 1; yield 2;`
///
/// Output: `$crate::generator(async |co| { macro_rules! yield_ { .. } yield_!(1); yield_!(2); })`, and with a `?` what
/// `try_generator` is made of.
pub(crate) fn in_place(InPlace { krate, move_, protocol, body }: &InPlace) -> TokenStream {
    let site = Span::mixed_site();
    let (krate, arguments) = (&krate.to_token_stream(), &TokenStream::new());
    let closure = Closure { krate, site, move_: *move_, items: Items::Inferred, protocol, arguments, body };
    match body.fallible {
        None => quote_spanned!(site=> #krate::generator(#closure)),
        // If the items turn out to be no `Result`s the compiler says so at the `?`.
        Some(question) => {
            let inferred = Type::Verbatim(Token![_](question.resolved_at(site)).into_token_stream());
            let from_error = from_error(krate, &inferred);
            quote_spanned!(site=> #krate::__private::fallible(#closure, #from_error))
        }
    }
}

/// Says what is wrong, in a block, since there may be several errors and there must be one expression.
pub(crate) fn refused_in_place(error: &Error) -> TokenStream {
    let error = error.to_compile_error();
    quote!({ #error })
}

/// How an error becomes an item, at the item's type, where the compiler says, once, if that is no `Result`.
fn from_error(krate: &TokenStream, item: &Type) -> TokenStream {
    let (first, last) = ends(item);
    let fallible = relocated(&quote!(#krate::__private::Fallible), first);
    let mut from_error = quote_spanned!(first=> <#item as #fallible>);
    from_error.extend(quote_spanned!(last=> ::from_error));
    from_error
}

impl Output {
    /// The type that the function returns.
    ///
    /// What is ours in it stands at its two ends, so that the compiler's advice on the user's bounds is about those.
    fn threadsafe(&self, krate: &Path) -> ReturnType {
        let site = Span::mixed_site();
        let bounds = self.kind.bounds();
        let (_, last) = ends(bounds);
        let (iter, first) = match &self.kind {
            // With an `impl` that is ours the type holds on to all arguments in every edition of the user's, as
            // an `async fn` does; the generator does so too.
            Kind::Impl { impl_token, .. } => {
                let impl_token = Token![impl](impl_token.span.resolved_at(site));
                (quote!(#impl_token #bounds), impl_token.span)
            }
            Kind::Boxed { path, dyn_token, .. } => (quote!(#path<#dyn_token #bounds), ends(path).0),
        };
        let (first, last) = (site.located_at(first), site.located_at(last));
        let krate = relocated(krate, first);
        let (lock, unpin) = match self.protocol {
            Protocol::Iterator => ("ThreadsafeIter", None),
            // Stated for those who know no more of it than this type, the callers of a trait's method.
            Protocol::Stream => ("ThreadsafeStream", Some(quote_spanned!(last=> + ::core::marker::Unpin))),
            Protocol::Coroutine(_) => ("ThreadsafeCoroutine", Some(quote_spanned!(last=> + ::core::marker::Unpin))),
        };
        let lock = Ident::new(lock, first);
        let mut tokens = quote_spanned!(first=> -> #krate::#lock<);
        tokens.extend(iter);
        if !bounds.trailing_punct() {
            tokens.extend(quote_spanned!(last=> +));
        }
        tokens.extend(quote_spanned!(last=> ::core::marker::Send #unpin>));
        if let Kind::Boxed { .. } = self.kind {
            tokens.extend(quote_spanned!(last=> >));
        }
        syn::parse_quote!(#tokens)
    }
}

/// The arguments, for the signature and for the body.
struct Arguments {
    inputs: syn::punctuated::Punctuated<FnArg, Token![,]>,
    /// Moves every argument into the generator, used or not, and takes it apart there.
    rebound: TokenStream,
}

impl Arguments {
    fn of(sig: &Signature) -> Self {
        let mut rebound = TokenStream::new();
        let inputs = sig
            .inputs
            .pairs()
            .enumerate()
            .map(|(index, pair)| {
                let (argument, comma) = pair.into_tuple();
                let argument = match argument {
                    FnArg::Receiver(receiver) => {
                        rebound.extend(mention(receiver));
                        argument.clone()
                    }
                    FnArg::Typed(typed) => {
                        let (typed, moved) = rebind(typed, index);
                        rebound.extend(moved);
                        FnArg::Typed(typed)
                    }
                };
                syn::punctuated::Pair::new(argument, comma.copied())
            })
            .collect();
        Self { inputs, rebound }
    }
}

/// `self` cannot be bound again. To be named is enough to be moved into the generator as a whole.
fn mention(receiver: &Receiver) -> TokenStream {
    let self_token = receiver.self_token;
    quote_spanned!(Span::mixed_site()=> let _ = &#self_token;)
}

/// Gives an argument a plain name in the signature, and its pattern in the body.
fn rebind(argument: &PatType, index: usize) -> (PatType, TokenStream) {
    let site = Span::mixed_site();
    let PatType { attrs, pat, .. } = argument;
    // The one attribute that the argument itself must keep; the others are about its pattern.
    let cfgs: Vec<_> = attrs.iter().filter(|attr| attr.path().is_ident("cfg")).cloned().collect();
    let (name, rebound) = match &**pat {
        Pat::Ident(PatIdent { by_ref: None, subpat: None, ident, .. }) if !ident.to_string().starts_with('_') => {
            (ident.clone(), quote_spanned!(site=> #(#attrs)* let #pat = #ident;))
        }
        // A name with an underscore is one that nothing uses, not even this.
        pat => {
            let name = format_ident!("__arg{index}", span = site);
            // First as a whole, since a pattern moves no more than what it names; `mut`, since it may borrow by `ref mut`.
            let whole = quote_spanned!(site=> #(#cfgs)* let mut #name = #name;);
            let parts = (!matches!(pat, Pat::Wild(_))).then(|| {
                quote_spanned! {site=>
                    #[allow(clippy::no_effect_underscore_binding)]
                    #(#attrs)*
                    let #pat = #name;
                }
            });
            (name, quote!(#whole #parts))
        }
    };
    let plain = Pat::Verbatim(name.into_token_stream());
    (PatType { attrs: cfgs, pat: Box::new(plain), ..argument.clone() }, rebound)
}
