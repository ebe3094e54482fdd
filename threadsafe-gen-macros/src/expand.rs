//! From a [`GeneratorFn`] to tokens. Nothing here can fail.
//!
//! All that is not the user's stands at `Span::mixed_site()`: its names cannot meet the user's, lints leave it alone, and
//! it follows the rules of this crate's edition.

use proc_macro2::{Delimiter, Group, Ident, Span, TokenStream, TokenTree};
use quote::{ToTokens, format_ident, quote, quote_spanned};
use syn::visit::{self, Visit};
use syn::visit_mut::{self, VisitMut};
use syn::{AttrStyle, Attribute, FnArg, Pat, PatIdent, PatType, Path, Receiver, ReturnType, Signature, Token, Type};

use crate::body::{Body, is_unit};
use crate::parse::{Function, GeneratorFn, InPlace, Kind, Output, Protocol, Refusal, output};

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
            let mut sig = Signature { abi: None, variadic: None, ..function.sig.clone() };
            for argument in &mut sig.inputs {
                if let FnArg::Typed(PatType { pat, .. }) = argument {
                    **pat = syn::parse_quote!(_);
                }
            }
            if let Ok(output) = output(&sig) {
                sig.output = output.threadsafe(krate);
            }
            function.with(&sig, &quote!({ #error }))
        }
    }
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
    let closure = Closure { site, co: Ident::new("__yielder", site), move_: Some(Token![move](site)) };
    let rebound = &arguments.rebound;
    // `impl Trait` stands for one type, and cannot be written a second time.
    let stated = |ty: &Type| {
        let mut ty = ty.clone();
        ImplToInfer.visit_type_mut(&mut ty);
        ty
    };
    let item = stated(&output.item);
    let (closure, from_error) = match &output.protocol {
        Protocol::Coroutine(exchange) => {
            let (resume, end) = (stated(&exchange.resume), stated(&exchange.end));
            let closure = closure.coroutine(&item, &resume, &end, body, rebound);
            return quote_spanned! {site=>
                #krate::coroutine::<#item, #resume, #end, _>(#closure).threadsafe()
            };
        }
        _ if body.fallible => (closure.fallible(&item, body, rebound), Some(from_error(krate, &item))),
        _ => (closure.infallible(&item, body, rebound), None),
    };
    let generator = match (&output.protocol, from_error) {
        (Protocol::Stream, None) => quote_spanned!(site=> #krate::stream::<#item, _>(#closure)),
        (Protocol::Stream, Some(from_error)) => {
            quote_spanned!(site=> #krate::__private::fallible_stream::<#item, _, _>(#closure, #from_error))
        }
        (_, None) => quote_spanned!(site=> #krate::generator::<#item, _>(#closure)),
        (_, Some(from_error)) => {
            quote_spanned!(site=> #krate::__private::fallible::<#item, _, _>(#closure, #from_error))
        }
    };
    match output.kind {
        Kind::Impl { .. } => quote_spanned!(site=> #generator.threadsafe()),
        Kind::Boxed { .. } => quote_spanned!(site=> #krate::ThreadsafeIter::new(::std::boxed::Box::new(#generator))),
    }
}

/// Expands `generator! { .. }`: a generator that is not shared, of whose items nothing is known.
///
/// Input: `yield 1; yield 2;`
///
/// Output: `$crate::generator(async |co| { macro_rules! yield_ { .. } yield_!(1); yield_!(2); })`
pub(crate) fn in_place(InPlace { krate, move_, item, body }: InPlace) -> TokenStream {
    let site = Span::mixed_site();
    let closure = Closure { site, co: Ident::new("__yielder", site), move_ };
    if body.fallible {
        let closure = closure.fallible(&item, &body, &TokenStream::new());
        quote_spanned!(site=> #krate::try_generator(#closure))
    } else {
        let closure = closure.infallible(&item, &body, &TokenStream::new());
        quote_spanned!(site=> #krate::generator(#closure))
    }
}

/// How an error becomes an item, at the item's type, where the compiler says, once, if that is no `Result`.
fn from_error(krate: &TokenStream, item: &Type) -> TokenStream {
    let (first, last) = ends(item);
    let fallible = relocated(&quote!(#krate::__private::Fallible), first);
    let mut from_error = quote_spanned!(first=> <#item as #fallible>);
    from_error.extend(quote_spanned!(last=> ::from_error));
    from_error
}

/// The `async` closures that the crate makes generators of.
struct Closure {
    site: Span,
    /// What it yields through.
    co: Ident,
    move_: Option<Token![move]>,
}

impl Closure {
    fn infallible(&self, item: &Type, body: &Body, rebound: &TokenStream) -> TokenStream {
        let Self { site, co, move_ } = self;
        let macros = yield_macros(co, item, None, body);
        let ended = self.ended(body);
        quote_spanned!(*site=> async #move_ |#co| { #macros #rebound #ended })
    }

    fn fallible(&self, item: &Type, body: &Body, rebound: &TokenStream) -> TokenStream {
        let Self { site, co, move_ } = self;
        let macros = yield_macros(co, item, None, body);
        let ended = self.ended(body);
        quote_spanned! {*site=>
            async #move_ |#co| {
                #macros
                #rebound
                #ended
                #[allow(unreachable_code)]
                return ::core::result::Result::Ok(());
            }
        }
    }

    fn coroutine(&self, item: &Type, resume: &Type, end: &Type, body: &Body, rebound: &TokenStream) -> TokenStream {
        let Self { site, co, move_ } = self;
        let first = Ident::new("__resumed_with", *site);
        let macros = yield_macros(co, item, Some(&Resumed { first: &first, resume }), body);
        let block = block(body);
        quote_spanned!(*site=> async #move_ |#co, #[allow(unused_variables)] #first| -> #end { #macros #rebound #block })
    }

    /// A value at the end of the body that is not `()` is told so where it stands.
    fn ended(&self, body: &Body) -> TokenStream {
        let block = block(body);
        quote_spanned!(self.site=> let __ended: () = #block;)
    }
}

fn block(body: &Body) -> Group {
    let mut block = Group::new(Delimiter::Brace, body.statements.clone());
    block.set_span(body.braces);
    block
}

/// What comes back in a coroutine.
struct Resumed<'a> {
    /// What it was resumed with first.
    first: &'a Ident,
    resume: &'a Type,
}

/// Defines `yield_!`, `yield_from!`, and in a coroutine `resumed_with!`.
///
/// They are local and so need no import; and being macros by example they are there in every nested macro. Their names are
/// made to be seen from where the body first names them, which may be in tokens that came by way of another macro, or
/// from the function's own place, for macros around it that yield.
fn yield_macros(co: &Ident, item: &Type, resumed: Option<&Resumed<'_>>, body: &Body) -> TokenStream {
    let site = Span::mixed_site();
    let define = |name: &str, fix: &str, seen_from: Option<Span>, rules: TokenStream| {
        let other = format!("`{name}!` takes {fix}");
        let name = Ident::new(name, seen_from.map_or_else(Span::call_site, |seen| Span::call_site().resolved_at(seen)));
        quote_spanned! {site=>
            #[allow(unused_macros)]
            macro_rules! #name {
                #rules
                ($($other:tt)*) => { ::core::compile_error!(#other) };
            }
        }
    };
    // The item is made before the yielder is borrowed for it, since making it may yield. Stating its type makes
    // a box of something coerce to a box of `dyn` something.
    let yield_ = quote_spanned! {site=>
        () => { #co.yield_(()).await };
        ($item:expr $(,)?) => {{
            let __item: #item = $item;
            #[allow(unreachable_code)]
            { #co.yield_(__item).await }
        }};
    };
    let every = quote_spanned! {site=>
        ($items:expr $(,)?) => {
            for __item in $items {
                let __item: #item = __item;
                #co.yield_(__item).await;
            }
        };
    };
    let delegate = quote_spanned! {site=>
        ($inner:expr, $first:expr $(,)?) => {{
            let (__inner, __first) = ($inner, $first);
            #co.delegate(__inner, __first).await
        }};
    };
    let one_item = "one argument: for a tuple write `yield_!((a, b))`";
    let items = "one argument: the items, as in `yield_from!([a, b])`";
    let inner = "the coroutine and what it is first resumed with: `yield_from!(inner, first)`";
    let nothing = "no argument: it is what the coroutine was resumed with first";
    let yield_ = define("yield_", one_item, body.yield_, yield_);
    let Some(Resumed { first, resume }) = resumed else {
        let yield_from = define("yield_from", items, body.yield_from, every);
        return quote!(#yield_ #yield_from);
    };
    // What comes back for an item must not be lost.
    let every = is_unit(resume).then_some(every);
    let yield_from = define("yield_from", inner, body.yield_from, quote!(#every #delegate));
    let resumed_with = define("resumed_with", nothing, body.resumed_with, quote_spanned!(site=> () => { #first };));
    quote!(#yield_ #yield_from #resumed_with)
}

struct ImplToInfer;

impl VisitMut for ImplToInfer {
    fn visit_type_mut(&mut self, ty: &mut Type) {
        if let Type::ImplTrait(implementation) = ty {
            *ty = Type::Verbatim(Token![_](implementation.impl_token.span).into_token_stream());
        } else {
            visit_mut::visit_type_mut(self, ty);
        }
    }
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
            let mutability = borrows_mutably(pat).then(|| Token![mut](site));
            // First as a whole, since a pattern moves no more than what it names.
            let whole = quote_spanned!(site=> #(#cfgs)* let #mutability #name = #name;);
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

/// Whether there is a `ref mut` in a pattern.
fn borrows_mutably(pat: &Pat) -> bool {
    struct RefMut(bool);

    impl Visit<'_> for RefMut {
        fn visit_pat_ident(&mut self, pat: &PatIdent) {
            self.0 |= pat.by_ref.is_some() && pat.mutability.is_some();
            visit::visit_pat_ident(self, pat);
        }
    }

    let mut found = RefMut(false);
    found.visit_pat(pat);
    found.0
}
