//! Expands what was parsed. Nothing in this module parses or fails.
//!
//! Generated tokens are at `Span::mixed_site()`: their names cannot collide with the user's, lints skip them, and they
//! follow the rules of this crate's edition.

use proc_macro2::{Delimiter, Group, Ident, Span, TokenStream, TokenTree};
use quote::{ToTokens, format_ident, quote, quote_spanned};
use syn::punctuated::{Pair, Punctuated};
use syn::visit::Visit;
use syn::{
    AttrStyle, Attribute, Error, FnArg, GenericArgument, Pat, PatIdent, PatType, PatWild, Path, PathArguments,
    PathSegment, Receiver, ReturnType, Signature, Token, Type, TypeParamBound, TypePath, TypeTraitObject,
};

use crate::body::Body;
use crate::closure::{Closure, ItemType};
use crate::model::Protocol;
use crate::parse::{Function, GeneratorFn, InPlace, Rejection};
use crate::signature::{DeclaredReturn, RejectedReturn, ReturnKind};
use crate::spans::{end_spans, relocated, whole_span};

/// Expands an annotated function.
///
/// Input:
///
/// ```text
/// fn count((from, step): (u64, u64)) -> impl Iterator<Item = u64> {
///     /* body */
/// }
/// ```
///
/// Output:
///
/// ```text
/// fn count(__arg0: (u64, u64)) -> ::threadsafe_gen::ThreadsafeIter<impl Iterator<Item = u64> + ::core::marker::Send> {
///     ::threadsafe_gen::__private::generator_by_value::<u64, _>(async move |mut __yielder| {
///         /* definitions of `yield_!` and `yield_from!` */
///         let mut __arg0 = __arg0;
///         let (from, step) = __arg0;
///         let __returned: () = { /* body */ };
///     })
///     .threadsafe()
/// }
/// ```
pub(crate) fn generator(generator: &GeneratorFn) -> TokenStream {
    let GeneratorFn { krate, function, returns, body } = generator;
    let params = Params::of(&function.sig, &returns.item);
    let output = threadsafe_return(krate, returns);
    let sig = Signature { inputs: params.inputs.clone(), output, ..function.sig.clone() };
    let block = match body {
        None => quote!(;),
        Some(body) => {
            let check = params.check(krate);
            let generator = generator_expr(generator, body, &params);
            let inner = function.attrs.iter().filter(|attr| is_inner(attr));
            let mention_replaced = mention_replaced(returns);
            let mut block = Group::new(Delimiter::Brace, quote!(#(#inner)* #mention_replaced #check #generator));
            // At these braces the span of the whole function is that of the user's code. Lints about functions skip
            // those whose span is a macro's.
            block.set_span(body.braces);
            block.into_token_stream()
        }
    };
    function_with(function, &sig, &block)
}

/// Reports an error, and leaves a function that can be called, so that its callers get no errors of their own.
///
/// Input:
///
/// ```text
/// const fn count(n: u64) -> impl Iterator<Item = u64> { /* body */ }
/// ```
///
/// Output:
///
/// ```text
/// const fn count(_: u64) -> ::threadsafe_gen::ThreadsafeIter<impl Iterator<Item = u64> + ::core::marker::Send> {
///     ::core::compile_error! { "a generator cannot be a `const fn`: remove `const`" }
/// }
/// ```
pub(crate) fn rejection(rejection: &Rejection) -> TokenStream {
    match rejection {
        Rejection::NotAFunction { item, error } => {
            let error = error.to_compile_error();
            quote!(#error #item)
        }
        Rejection::Function { krate, function, returns, error } => {
            let error = error.to_compile_error();
            // Variadics and patterns would cause errors and warnings of their own beside this body.
            let mut sig = Signature { variadic: None, ..function.sig.clone() };
            for argument in &mut sig.inputs {
                if let FnArg::Typed(PatType { pat, .. }) = argument {
                    **pat = Pat::Wild(PatWild { attrs: Vec::new(), underscore_token: <Token![_]>::default() });
                }
            }
            sig.output = match &**returns {
                RejectedReturn::Declared(returns) => threadsafe_return(krate, returns),
                RejectedReturn::Unsupported(written) => error_return(written.as_ref(), &error),
            };
            function_with(function, &sig, &quote!({ #error }))
        }
    }
}

/// A return type that is itself an error, which suppresses follow-up errors at call sites.
///
/// The error is the length of an array. The type as written stands beside it, so that its imports count as used. The
/// same error is also the body, but rustc reports an error only once for each place.
///
/// Input:
///
/// ```text
/// -> Vec<u64>
/// ```
///
/// Output:
///
/// ```text
/// -> ([(); ::core::compile_error! { .. }], Vec<u64>)
/// ```
fn error_return(written: Option<&Type>, error: &TokenStream) -> ReturnType {
    ReturnType::Type(<Token![->]>::default(), Box::new(Type::Verbatim(quote!(([(); #error], #written)))))
}

fn function_with(function: &Function, sig: &Signature, block: &TokenStream) -> TokenStream {
    let Function { attrs, vis, defaultness, .. } = function;
    // A second attribute of this crate was rejected, and would report errors of its own.
    let is_ours =
        |attr: &Attribute| attr.path().segments.last().is_some_and(|name| name.ident == "threadsafe_generator");
    let outer = attrs.iter().filter(|attr| !is_inner(attr) && !is_ours(attr));
    quote!(#(#outer)* #vis #defaultness #sig #block)
}

fn is_inner(attr: &Attribute) -> bool {
    matches!(attr.style, AttrStyle::Inner(_))
}

/// Returns the span of generated code whose errors are to be reported at the function's name.
fn mixed_site_at_name(sig: &Signature) -> Span {
    Span::mixed_site().located_at(sig.ident.span())
}

/// Builds the expression that makes the generator and puts the lock around it.
fn generator_expr(
    GeneratorFn { krate, function, returns, .. }: &GeneratorFn,
    body: &Body,
    params: &Params,
) -> TokenStream {
    let site = mixed_site_at_name(&function.sig);
    let krate = &relocated(krate, site);
    let DeclaredReturn { kind, item, protocol, .. } = returns;
    let closure = Closure {
        krate,
        site,
        move_: Some(Token![move](site)),
        item_type: ItemType::Declared(item),
        protocol,
        params: &params.bindings,
        body,
    };
    let generator = match (protocol, body.fallible.map(|_| from_error(krate, item))) {
        (Protocol::Coroutine(types), _) => {
            let (resume, returned) = (&types.resume, &types.returned);
            quote_spanned!(site=> #krate::coroutine::<#item, #resume, #returned, _>(#closure))
        }
        (Protocol::Stream, None) => quote_spanned!(site=> #krate::stream::<#item, _>(#closure)),
        (Protocol::Stream, Some(from_error)) => {
            quote_spanned!(site=> #krate::__private::fallible_stream::<#item, _, _>(#closure, #from_error))
        }
        (Protocol::Iterator, None) => {
            quote_spanned!(site=> #krate::__private::generator_by_value::<#item, _>(#closure))
        }
        (Protocol::Iterator, Some(from_error)) => {
            quote_spanned!(site=> #krate::__private::fallible::<#item, _, _>(#closure, #from_error))
        }
    };
    if let (ReturnKind::Boxed { .. }, Protocol::Iterator) = (kind, protocol) {
        // The closure names the type, because rustc does not coerce what a closure returns to a type that it infers.
        let boxed = boxed_iterator(returns);
        let make = params.checked(krate, item, quote_spanned!(site=> ::std::boxed::Box::new(__iter)));
        return quote_spanned!(site=> #krate::__private::boxed(#generator, |__iter| -> #boxed { #make }));
    }
    let generator = match kind {
        ReturnKind::Impl { .. } => params.checked(krate, item, quote_spanned!(site=> #generator.threadsafe())),
        ReturnKind::Boxed { .. } => params.checked(krate, item, generator),
    };
    let boxed = match (kind, protocol) {
        (ReturnKind::Impl { .. }, _) => return generator,
        (ReturnKind::Boxed { .. }, Protocol::Coroutine(_)) => {
            quote_spanned!(site=> #krate::BoxCoroutine::new(#generator))
        }
        (ReturnKind::Boxed { pin: None, .. }, _) => quote_spanned!(site=> ::std::boxed::Box::new(#generator)),
        (ReturnKind::Boxed { pin: Some(_), .. }, _) => quote_spanned!(site=> ::std::boxed::Box::pin(#generator)),
    };
    let lock = Ident::new(protocol.lock_name(), site);
    quote_spanned!(site=> #krate::#lock::new(#boxed))
}

/// Expands `generator!` to an unshared generator whose item type is inferred.
///
/// Input:
///
/// ```text
/// yield 1;
/// yield 2;
/// ```
///
/// Output:
///
/// ```text
/// $crate::__private::generator_by_value(async |mut __yielder| {
///     /* definitions of `yield_!` and `yield_from!` */
///     let __returned: () = {
///         yield_!(1);
///         yield_!(2);
///     };
/// })
/// ```
///
/// If the body can fail, the call is `$crate::__private::fallible(closure, from_error)`.
pub(crate) fn in_place(InPlace { krate, move_, protocol, body }: &InPlace) -> TokenStream {
    let site = Span::mixed_site();
    let (krate, params) = (&krate.to_token_stream(), &TokenStream::new());
    let closure = Closure { krate, site, move_: *move_, item_type: ItemType::Inferred, protocol, params, body };
    match body.fallible {
        None => quote_spanned!(site=> #krate::__private::generator_by_value(#closure)),
        // The `_` is at the `?`, where rustc then reports items that are not `Result`s.
        Some(fallible) => {
            let inferred = Type::Verbatim(Token![_](fallible.resolved_at(site)).into_token_stream());
            let from_error = from_error(krate, &inferred);
            quote_spanned!(site=> #krate::__private::fallible(#closure, #from_error))
        }
    }
}

/// Reports the errors of a `generator!`. The block makes one expression of several errors.
///
/// Output:
///
/// ```text
/// { ::core::compile_error! { ".." } ::core::compile_error! { ".." } }
/// ```
pub(crate) fn rejected_in_place(error: &Error) -> TokenStream {
    let error = error.to_compile_error();
    quote!({ #error })
}

/// Builds the path to the function that makes an item of an error. It is at the item's type, where rustc then reports,
/// once, a type that is not a `Result`.
///
/// Output:
///
/// ```text
/// <Item as ::threadsafe_gen::__private::Fallible>::from_error
/// ```
fn from_error(krate: &TokenStream, item: &Type) -> TokenStream {
    let (first, last) = end_spans(item);
    let fallible = relocated(&quote!(#krate::__private::Fallible), first);
    let mut from_error = quote_spanned!(first=> <#item as #fallible>);
    from_error.extend(quote_spanned!(last=> ::from_error));
    from_error
}

/// Builds the return type of the expanded function.
///
/// Generated tokens are located at the two ends of the declared type, so that rustc's suggestions apply to the user's
/// bounds in between.
///
/// Input:
///
/// ```text
/// -> impl Iterator<Item = T> + 'a
/// ```
///
/// Output:
///
/// ```text
/// -> ::threadsafe_gen::ThreadsafeIter<impl Iterator<Item = T> + 'a + ::core::marker::Send>
/// ```
fn threadsafe_return(krate: &Path, returns: &DeclaredReturn) -> ReturnType {
    let DeclaredReturn { kind, bounds, protocol, .. } = returns;
    let site = Span::mixed_site();
    let (_, last) = end_spans(bounds);
    if let (ReturnKind::Boxed { path, .. }, Protocol::Iterator) = (kind, protocol) {
        let first = site.located_at(end_spans(path).0);
        let (krate, boxed) = (relocated(krate, first), boxed_iterator(returns));
        let ty = quote_spanned!(first=> #krate::ThreadsafeIter<#boxed>);
        return ReturnType::Type(Token![->](first), Box::new(Type::Verbatim(ty)));
    }
    let (source, first) = match kind {
        // At `mixed_site` the `impl` follows the rules of this crate's edition: it captures all arguments, in any
        // edition of the user's crate, as the generator itself does.
        ReturnKind::Impl { impl_token, .. } => {
            let impl_token = Token![impl](impl_token.span.resolved_at(site));
            (quote!(#impl_token #bounds), impl_token.span)
        }
        ReturnKind::Boxed { pin: None, path, dyn_token, .. } => (quote!(#path<#dyn_token #bounds), end_spans(path).0),
        ReturnKind::Boxed { pin: Some(pin), path, dyn_token, .. } => {
            (quote!(#pin<#path<#dyn_token #bounds), end_spans(pin).0)
        }
    };
    let (first, last) = (site.located_at(first), site.located_at(last));
    let krate = relocated(krate, first);
    let lock = Ident::new(protocol.lock_name(), first);
    let mut tokens = quote_spanned!(first=> #krate::#lock<);
    if let (ReturnKind::Boxed { .. }, Protocol::Coroutine(types)) = (kind, protocol) {
        let lifetime = returns.lifetime().map_or_else(|| quote_spanned!(first=> 'static), ToTokens::to_token_stream);
        let [item, resume, returned] = &types.as_written;
        tokens.extend(quote_spanned!(first=> #krate::BoxCoroutine<#lifetime, #item, #resume, #returned>>));
        return ReturnType::Type(Token![->](first), Box::new(Type::Verbatim(tokens)));
    }
    tokens.extend(source);
    if !bounds.trailing_punct() {
        tokens.extend(quote_spanned!(last=> +));
    }
    // `Unpin` is stated for the callers of a trait's method, which know only this type.
    let unpin = match (kind, protocol) {
        (_, Protocol::Iterator) | (ReturnKind::Boxed { pin: Some(_), .. }, _) => None,
        _ => Some(quote_spanned!(last=> + ::core::marker::Unpin)),
    };
    tokens.extend(quote_spanned!(last=> ::core::marker::Send #unpin>));
    match kind {
        ReturnKind::Impl { .. } => (),
        ReturnKind::Boxed { pin: None, .. } => tokens.extend(quote_spanned!(last=> >)),
        ReturnKind::Boxed { pin: Some(_), .. } => tokens.extend(quote_spanned!(last=> >>)),
    }
    ReturnType::Type(Token![->](first), Box::new(Type::Verbatim(tokens)))
}

/// Builds the type of a boxed iterator: the declared one, with `Send`.
///
/// Input:
///
/// ```text
/// Box<dyn Iterator<Item = T> + 'a>
/// ```
///
/// Output:
///
/// ```text
/// Box<dyn Iterator<Item = T> + 'a + ::core::marker::Send>
/// ```
fn boxed_iterator(DeclaredReturn { kind, bounds, .. }: &DeclaredReturn) -> Option<TokenStream> {
    let ReturnKind::Boxed { path, dyn_token, .. } = kind else { return None };
    let last = Span::mixed_site().located_at(end_spans(bounds).1);
    let plus = (!bounds.trailing_punct()).then(|| quote_spanned!(last=> +));
    let send = quote_spanned!(last=> #plus ::core::marker::Send);
    Some(quote!(#path<#dyn_token #bounds #send>))
}

/// Mentions what is written in the declared return type and not in that of the expanded function, so that its imports
/// count as used.
///
/// Input:
///
/// ```text
/// -> Box<dyn Coroutine<Yield = Y, Resume = R, Return = C> + UnwindSafe>
/// ```
///
/// Output:
///
/// ```text
/// let _ = ::core::option::Option::<Box<dyn Coroutine<Yield = Y, Resume = R, Return = C>>>::None;
/// let _ = ::core::option::Option::<&dyn UnwindSafe>::None;
/// ```
fn mention_replaced(returns: &DeclaredReturn) -> TokenStream {
    let site = Span::mixed_site();
    let DeclaredReturn { kind, bounds, bounds_of_lock, protocol, .. } = returns;
    let boxed = match (kind, protocol) {
        (ReturnKind::Boxed { path, dyn_token, .. }, Protocol::Coroutine(_)) => {
            Some(quote_spanned!(site=> let _ = ::core::option::Option::<#path<#dyn_token #bounds>>::None;))
        }
        _ => None,
    };
    quote_spanned!(site=> #boxed #(let _ = ::core::option::Option::<&dyn #bounds_of_lock>::None;)*)
}

/// The arguments of an expanded function.
struct Params {
    inputs: Punctuated<FnArg, Token![,]>,
    /// The arguments that may not be `Send`.
    unchecked: Vec<Unchecked>,
    /// The statements that move every argument, used or not, into the generator and bind its pattern there.
    bindings: TokenStream,
}

/// An argument that may not be `Send`.
struct Unchecked {
    argument: Ident,
    /// The name of a local that stands for the argument's type.
    type_name: Ident,
    /// Whether the type has a `dyn Trait` in it.
    has_object: bool,
}

impl Params {
    fn of(sig: &Signature, item: &Type) -> Self {
        let item = item.to_token_stream();
        let (mut bindings, mut unchecked) = (TokenStream::new(), Vec::new());
        let inputs = sig
            .inputs
            .pairs()
            .enumerate()
            .map(|(index, pair)| {
                let (argument, comma) = pair.into_tuple();
                let argument = match argument {
                    FnArg::Receiver(receiver) => {
                        bindings.extend(capture_self(receiver));
                        let self_ = Ident::from(receiver.self_token);
                        let type_name = type_name(index, self_.span());
                        unchecked.push(Unchecked { argument: self_, type_name, has_object: false });
                        argument.clone()
                    }
                    FnArg::Typed(typed) => {
                        let (typed, name, binding) = rebind(typed, index);
                        bindings.extend(binding);
                        let has_cfg = typed.attrs.iter().any(|attr| attr.path().is_ident("cfg"));
                        if !has_cfg && !is_surely_send(&typed.ty) && !is_part_of(&typed.ty, &item) {
                            let type_name = type_name(index, whole_span(&typed.ty));
                            let has_object = has_object(&typed.ty);
                            unchecked.push(Unchecked { argument: name, type_name, has_object });
                        }
                        FnArg::Typed(typed)
                    }
                };
                Pair::new(argument, comma.copied())
            })
            .collect();
        Self { inputs, unchecked, bindings }
    }

    /// Checks that the arguments are `Send`, so that one that is not is reported once, at its type.
    ///
    /// Output, of each argument:
    ///
    /// ```text
    /// let __type0 = ::threadsafe_gen::__private::type_of(&argument);
    /// ```
    fn check(&self, krate: &Path) -> TokenStream {
        let check = |Unchecked { argument, type_name, .. }: &Unchecked| {
            let site = type_name.span();
            let krate = relocated(krate, site);
            quote_spanned!(site=> let #type_name = #krate::__private::type_of(&#argument);)
        };
        self.unchecked.iter().map(check).collect()
    }

    /// Makes the type of the generator depend on those of the arguments and of the items.
    ///
    /// Output, of an argument, of one with a `dyn Trait`, and of items with a `dyn Trait`:
    ///
    /// ```text
    /// ::threadsafe_gen::__private::SendArgument::generator(__type0, /* generator */)
    /// ::threadsafe_gen::__private::SendObjectArgument::generator(__type0, /* generator */)
    /// {
    ///     use ::threadsafe_gen::__private::{CheckItem as _, RejectItem as _};
    ///     (&::threadsafe_gen::__private::ItemType::<Item>::HERE).checked(/* generator */)
    /// }
    /// ```
    fn checked(&self, krate: &TokenStream, item: &Type, mut generator: TokenStream) -> TokenStream {
        for Unchecked { type_name, has_object, .. } in &self.unchecked {
            let site = type_name.span();
            let krate = relocated(krate, site);
            let check = Ident::new(if *has_object { "SendObjectArgument" } else { "SendArgument" }, site);
            generator = quote_spanned!(site=> #krate::__private::#check::generator(#type_name, #generator));
        }
        if has_object_without_send(item) {
            let site = Span::mixed_site().located_at(whole_span(item));
            let krate = relocated(krate, site);
            generator = quote_spanned! {site=>
                {
                    use #krate::__private::{CheckItem as _, RejectItem as _};
                    (&#krate::__private::ItemType::<#item>::HERE).checked(#generator)
                }
            };
        }
        generator
    }
}

/// Returns whether there is a `dyn Trait` without `Send` in a type.
fn has_object_without_send(ty: &Type) -> bool {
    struct Find(bool);

    impl Visit<'_> for Find {
        fn visit_type_trait_object(&mut self, object: &TypeTraitObject) {
            let is_send = |bound: &TypeParamBound| match bound {
                TypeParamBound::Trait(bound) => bound.path.segments.last().is_some_and(|name| name.ident == "Send"),
                _ => false,
            };
            self.0 |= !object.bounds.iter().any(is_send);
        }
    }

    let mut find = Find(false);
    find.visit_type(ty);
    find.0
}

/// Returns whether there is a `dyn Trait` in a type.
fn has_object(ty: &Type) -> bool {
    struct Find(bool);

    impl Visit<'_> for Find {
        fn visit_type_trait_object(&mut self, _: &TypeTraitObject) {
            self.0 = true;
        }
    }

    let mut find = Find(false);
    find.visit_type(ty);
    find.0
}

fn type_name(index: usize, location: Span) -> Ident {
    format_ident!("__type{index}", span = Span::mixed_site().located_at(location))
}

/// Returns whether an argument's type is a name that the type of the items contains, or a collection of such. If the
/// name is that of a type parameter that is not `Send`, rustc says so of the items.
fn is_part_of(ty: &Type, item: &TokenStream) -> bool {
    const COLLECTIONS: &str = "BTreeMap BTreeSet Box HashMap HashSet Option Result Vec VecDeque";

    fn contains(tokens: &TokenStream, name: &Ident) -> bool {
        tokens.clone().into_iter().any(|token| match token {
            TokenTree::Ident(ident) => ident == *name,
            TokenTree::Group(group) => contains(&group.stream(), name),
            _ => false,
        })
    }

    let Type::Path(TypePath { qself: None, path, .. }) = ty else { return false };
    match (path.get_ident(), path.segments.last()) {
        (Some(name), _) => contains(item, name),
        (None, Some(PathSegment { ident, arguments: PathArguments::AngleBracketed(arguments) })) => {
            let is_collection = COLLECTIONS.split_ascii_whitespace().any(|name| ident == name);
            is_collection
                && arguments
                    .args
                    .iter()
                    .all(|argument| matches!(argument, GenericArgument::Type(ty) if is_part_of(ty, item)))
        }
        _ => false,
    }
}

/// Returns whether a type is certain to be `Send`, so that no check is needed.
fn is_surely_send(ty: &Type) -> bool {
    const NAMES: &str =
        "bool char f32 f64 i8 i16 i32 i64 i128 isize str u8 u16 u32 u64 u128 usize String PathBuf Path Duration";
    match ty {
        Type::Path(ty) => {
            let names = || NAMES.split_ascii_whitespace();
            ty.qself.is_none() && ty.path.get_ident().is_some_and(|ident| names().any(|name| ident == name))
        }
        Type::Reference(ty) => is_surely_send(&ty.elem),
        Type::Slice(ty) => is_surely_send(&ty.elem),
        Type::Array(ty) => is_surely_send(&ty.elem),
        Type::Paren(ty) => is_surely_send(&ty.elem),
        Type::Group(ty) => is_surely_send(&ty.elem),
        Type::Tuple(ty) => ty.elems.iter().all(is_surely_send),
        _ => false,
    }
}

/// Moves `self` into the generator. `self` cannot be bound by a `let`, but a reference to it captures all of it.
///
/// Output:
///
/// ```text
/// let _ = &self;
/// ```
fn capture_self(receiver: &Receiver) -> TokenStream {
    let self_token = receiver.self_token;
    quote_spanned!(Span::mixed_site()=> let _ = &#self_token;)
}

/// Gives an argument a plain name in the signature, and binds its pattern in the body.
///
/// Input:
///
/// ```text
/// (a, _): (u8, u8)
/// ```
///
/// Output, in the signature and in the body:
///
/// ```text
/// __arg0: (u8, u8)
/// ```
///
/// ```text
/// let mut __arg0 = __arg0;
/// let (a, _) = __arg0;
/// ```
fn rebind(argument: &PatType, index: usize) -> (PatType, Ident, TokenStream) {
    let site = Span::mixed_site();
    let PatType { attrs, pat, .. } = argument;
    // A `cfg` is about the argument itself. All other attributes are about its pattern.
    let cfgs: Vec<_> = attrs.iter().filter(|attr| attr.path().is_ident("cfg")).cloned().collect();
    let (name, binding) = match &**pat {
        Pat::Ident(PatIdent { by_ref: None, subpat: None, ident, .. }) if !ident.to_string().starts_with('_') => {
            (ident.clone(), quote_spanned!(site=> #[allow(clippy::shadow_same)] #(#attrs)* let #pat = #ident;))
        }
        // A name that begins with an underscore is among these, because to use it would trigger a lint.
        pat => {
            let name = format_ident!("__arg{index}", span = site);
            // The argument moves as a whole first, because a pattern moves only the parts that it names. It is `mut`
            // for patterns with `ref mut`.
            let whole = quote_spanned!(site=> #[allow(clippy::shadow_same)] #(#cfgs)* let mut #name = #name;);
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
    let plain = Pat::Verbatim(name.to_token_stream());
    (PatType { attrs: cfgs, pat: Box::new(plain), ..argument.clone() }, name, binding)
}
