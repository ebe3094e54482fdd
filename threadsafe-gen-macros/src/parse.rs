//! From a function to a [`GeneratorFn`]: every refusal, with its span.

use std::collections::HashSet;

use proc_macro2::{Delimiter, Group, Ident, Span, TokenStream};
use quote::ToTokens;
use syn::ext::IdentExt;
use syn::parse::{Parse, ParseStream};
use syn::punctuated::Punctuated;
use syn::visit::{self, Visit};
use syn::visit_mut::{self, VisitMut};
use syn::{
    AngleBracketedGenericArguments, Attribute, Error, FnArg, GenericArgument, PatIdent, PatOr, Path, PathArguments,
    PathSegment, Result, ReturnType, Signature, Token, Type, TypeParamBound, Visibility, braced,
};

use crate::body::Body;
use crate::protocol::{Exchange, Protocol};

/// A function that is known to expand.
pub(crate) struct GeneratorFn {
    pub(crate) krate: Path,
    pub(crate) function: Function,
    pub(crate) output: Output,
    /// `None` for a method that a trait only declares.
    pub(crate) body: Option<Body>,
}

/// A function as it is written, its body unread.
pub(crate) struct Function {
    pub(crate) attrs: Vec<Attribute>,
    pub(crate) vis: Visibility,
    pub(crate) defaultness: Option<Token![default]>,
    pub(crate) sig: Signature,
    /// The block, without inner attributes.
    pub(crate) body: Option<Group>,
}

/// The return type, and what it says about the body.
pub(crate) struct Output {
    pub(crate) kind: Kind,
    pub(crate) item: Type,
    pub(crate) protocol: Protocol,
}

pub(crate) enum Kind {
    /// `impl Iterator<Item = T> + bounds`, or of another trait.
    Impl { impl_token: Token![impl], bounds: Bounds },
    /// `Box<dyn Iterator<Item = T> + bounds>`, with the path to `Box`.
    Boxed { path: Path, dyn_token: Option<Token![dyn]>, bounds: Bounds },
}

pub(crate) type Bounds = Punctuated<TypeParamBound, Token![+]>;

/// What is refused, why, and what is emitted all the same, so that who uses the function gets no error of his own.
pub(crate) enum Refusal {
    /// The attribute stands on something else: that, untouched.
    NotAFunction { item: TokenStream, error: Error },
    /// The function keeps its signature.
    Function { krate: Path, function: Box<Function>, error: Error },
}

/// Reads the attribute's options and the function it stands on.
pub(crate) fn generator_fn(options: TokenStream, item: TokenStream) -> std::result::Result<GeneratorFn, Refusal> {
    let Ok(function) = syn::parse2::<Function>(item.clone()) else {
        let error = Error::new(Span::call_site(), "`#[threadsafe_generator]` belongs on a function");
        return Err(Refusal::NotAFunction { item, error });
    };
    let options = syn::parse2::<Options>(options);
    let krate = match &options {
        Ok(Options { krate: Some(krate) }) => krate.clone(),
        _ => syn::parse_quote_spanned!(Span::mixed_site()=> ::threadsafe_gen),
    };
    // In this order, since what is wrong in the body may follow from what is wrong before it.
    let read = || {
        options?;
        check_qualifiers(&function.sig)?;
        check_arguments(&function.sig)?;
        let output = output(&function.sig)?;
        let body = function.body.as_ref().map(|body| Body::read(body, &output.protocol)).transpose()?;
        Ok((output, body))
    };
    match read() {
        Ok((output, body)) => Ok(GeneratorFn { krate, function, output, body }),
        Err(error) => Err(Refusal::Function { krate, function: Box::new(function), error }),
    }
}

/// What stands in the braces of `generator!`.
pub(crate) struct InPlace {
    /// `$crate`, which the macro by example in front of ours puts there.
    pub(crate) krate: Ident,
    pub(crate) move_: Option<Token![move]>,
    pub(crate) protocol: Protocol,
    pub(crate) body: Body,
}

impl Parse for InPlace {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let krate = input.call(Ident::parse_any)?;
        let move_ = input.parse()?;
        let protocol = Protocol::Iterator;
        let body = Group::new(Delimiter::Brace, input.parse()?);
        let body = Body::read(&body, &protocol)?;
        Ok(Self { krate, move_, protocol, body })
    }
}

impl Parse for Function {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let mut attrs = input.call(Attribute::parse_outer)?;
        let vis = input.parse()?;
        let defaultness = input.parse()?;
        let sig = input.parse()?;
        let body = if input.peek(Token![;]) {
            input.parse::<Token![;]>()?;
            None
        } else {
            let body;
            let brace = braced!(body in input);
            attrs.extend(body.call(Attribute::parse_inner)?);
            let mut block = Group::new(Delimiter::Brace, body.parse()?);
            block.set_span(brace.span.join());
            Some(block)
        };
        Ok(Self { attrs, vis, defaultness, sig, body })
    }
}

/// What stands in the parentheses of the attribute.
struct Options {
    krate: Option<Path>,
}

impl Parse for Options {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let mut options = Self { krate: None };
        while !input.is_empty() {
            let Ok(crate_token) = input.parse::<Token![crate]>() else {
                return Err(input.error("unknown option: the only one is `crate = path::to::threadsafe_gen`"));
            };
            if options.krate.is_some() {
                return Err(Error::new(crate_token.span, "the option `crate` is given twice: remove one"));
            }
            if input.parse::<Token![=]>().is_err() {
                return Err(Error::new(crate_token.span, "the option `crate` has no value: write `crate = path`"));
            }
            let value = input.fork();
            options.krate = Some(input.call(Path::parse_mod_style).map_err(|_| {
                Error::new(value.span(), "expected the path of the crate, as in `crate = my_reexport::threadsafe_gen`")
            })?);
            if !input.is_empty() {
                input.parse::<Token![,]>()?;
            }
        }
        Ok(options)
    }
}

/// Refuses the kinds of function that cannot be a generator.
fn check_qualifiers(sig: &Signature) -> Result<()> {
    let refused = if let Some(token) = &sig.constness {
        (token.span, "a generator cannot be made at compile time: remove `const`")
    } else if let Some(token) = &sig.asyncness {
        (token.span, "a generator is no `async fn`: remove `async`; with `-> impl Stream<Item = T>` its body can await")
    } else if let Some(variadic) = &sig.variadic {
        (variadic.dots.spans[0], "a generator cannot be variadic: take a slice or an iterator")
    } else if let Some(abi) = &sig.abi {
        (abi.extern_token.span, "what a generator returns means nothing in a foreign ABI: remove `extern`")
    } else {
        return Ok(());
    };
    Err(Error::new(refused.0, refused.1))
}

/// Refuses two arguments of one name, which the compiler no longer sees once each is bound on its own.
fn check_arguments(sig: &Signature) -> Result<()> {
    #[derive(Default)]
    struct Names {
        seen: HashSet<Ident>,
        twice: Option<Ident>,
    }

    impl Visit<'_> for Names {
        fn visit_pat_ident(&mut self, pat: &PatIdent) {
            if !self.seen.insert(pat.ident.clone()) {
                self.twice.get_or_insert(pat.ident.clone());
            }
            visit::visit_pat_ident(self, pat);
        }

        // The alternatives of one pattern bind the same names.
        fn visit_pat_or(&mut self, pat: &PatOr) {
            pat.cases.first().into_iter().for_each(|case| self.visit_pat(case));
        }
    }

    let mut names = Names::default();
    for argument in &sig.inputs {
        if let FnArg::Typed(argument) = argument {
            names.visit_pat(&argument.pat);
        }
    }
    match names.twice {
        None => Ok(()),
        Some(name) => {
            let message = format!("two arguments are named `{name}`: give one of them another name");
            Err(Error::new(name.span(), message))
        }
    }
}

/// Finds out what the function returns and what it yields.
pub(crate) fn output(sig: &Signature) -> Result<Output> {
    let ReturnType::Type(_, ty) = &sig.output else {
        let message = "a generator says what it yields: write `-> impl Iterator<Item = T>`";
        return Err(Error::new(sig.ident.span(), message));
    };
    let refused = || {
        let message = "a generator returns `impl Iterator<Item = T>`, `Box<dyn Iterator<Item = T>>`, \
                       `impl Coroutine<Yield = Y, Resume = R, Return = C>` or `impl Stream<Item = T>`";
        Error::new_spanned(ty, message)
    };
    let kind = Kind::of(ty).ok_or_else(refused)?;
    let (item, protocol) = kind.bounds().iter().find_map(protocol).ok_or_else(refused)??;
    if matches!(kind, Kind::Boxed { .. }) && !matches!(protocol, Protocol::Iterator) {
        let message = "of boxed generators there are iterators only: write `impl` instead of `Box<dyn ..>`";
        return Err(Error::new_spanned(ty, message));
    }
    Ok(Output { kind, item, protocol })
}

impl Kind {
    /// `None` for a type that is neither.
    pub(crate) fn of(ty: &Type) -> Option<Self> {
        match peel(ty) {
            Type::ImplTrait(ty) => Some(Self::Impl { impl_token: ty.impl_token, bounds: ty.bounds.clone() }),
            Type::Path(ty) if ty.qself.is_none() => {
                let Type::TraitObject(object) = peel(boxed(&ty.path)?) else { return None };
                let mut path = ty.path.clone();
                path.segments.last_mut()?.arguments = PathArguments::None;
                Some(Self::Boxed { path, dyn_token: object.dyn_token, bounds: object.bounds.clone() })
            }
            _ => None,
        }
    }

    pub(crate) fn bounds(&self) -> &Bounds {
        match self {
            Self::Impl { bounds, .. } | Self::Boxed { bounds, .. } => bounds,
        }
    }
}

/// A type without the parentheses around it, which a macro that passed it on may have put there unseen.
fn peel(mut ty: &Type) -> &Type {
    loop {
        ty = match ty {
            Type::Paren(paren) => &paren.elem,
            Type::Group(group) => &group.elem,
            _ => return ty,
        };
    }
}

/// The `T` of a path that ends in `Box<T>`.
fn boxed(path: &Path) -> Option<&Type> {
    let segment = path.segments.last().filter(|segment| segment.ident == "Box")?;
    match arguments(&segment.arguments)?.args.iter().collect::<Vec<_>>()[..] {
        [GenericArgument::Type(ty)] => Some(ty),
        _ => None,
    }
}

/// The items' type and the rest of what a bound asks of the body, if it names one of the traits, by whatever path.
fn protocol(bound: &TypeParamBound) -> Option<Result<(Type, Protocol)>> {
    let TypeParamBound::Trait(bound) = bound else { return None };
    let named = bound.path.segments.last()?;
    let items = |protocol, advice| match assoc(named, "Item") {
        Some(item) => Ok((item, protocol)),
        None => Err(Error::new_spanned(named, advice)),
    };
    Some(if named.ident == "Iterator" {
        items(Protocol::Iterator, "the items have no type: write `Iterator<Item = T>`, with the type for `T`")
    } else if named.ident == "Stream" {
        if cfg!(any(feature = "stream", test)) {
            items(Protocol::Stream, "the items have no type: write `Stream<Item = T>`, with the type for `T`")
        } else {
            let message = "streams are behind a feature of the crate `threadsafe-gen`: add `features = [\"stream\"]`";
            Err(Error::new_spanned(named, message))
        }
    } else if named.ident == "Coroutine" {
        match (assoc(named, "Yield"), assoc(named, "Resume"), assoc(named, "Return")) {
            (Some(item), Some(resume), Some(end)) => {
                Ok((item, Protocol::Coroutine(Box::new(Exchange { resume, end }))))
            }
            _ => Err(Error::new_spanned(
                named,
                "a coroutine has three types: write `Coroutine<Yield = Y, Resume = R, Return = C>`, \
                 with `()` for what there is not",
            )),
        }
    } else {
        return None;
    })
}

/// The `T` of `Trait<Name = T>`, for it to be stated in the body.
fn assoc(segment: &PathSegment, name: &str) -> Option<Type> {
    arguments(&segment.arguments)?.args.iter().find_map(|argument| match argument {
        GenericArgument::AssocType(assoc) if assoc.ident == name => {
            let mut ty = assoc.ty.clone();
            ImplToInfer.visit_type_mut(&mut ty);
            Some(ty)
        }
        _ => None,
    })
}

/// `impl Trait` stands for one type, and cannot be written a second time.
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

fn arguments(arguments: &PathArguments) -> Option<&AngleBracketedGenericArguments> {
    match arguments {
        PathArguments::AngleBracketed(arguments) => Some(arguments),
        _ => None,
    }
}
