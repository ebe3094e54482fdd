//! Parses the return type of a generator function.

use quote::{ToTokens, quote};
use syn::punctuated::Punctuated;
use syn::visit_mut::{self, VisitMut};
use syn::{
    AngleBracketedGenericArguments, Error, GenericArgument, Lifetime, Path, PathArguments, PathSegment, Result,
    ReturnType, Signature, Token, Type, TypeParamBound, TypePath,
};

use crate::model::{CoroutineTypes, Protocol};

pub(crate) type Bounds = Punctuated<TypeParamBound, Token![+]>;

/// The return type of a generator function as it is declared.
pub(crate) struct DeclaredReturn {
    pub(crate) kind: ReturnKind,
    /// The bounds, except those that are true of every lock.
    pub(crate) bounds: Bounds,
    /// The bounds that are true of every lock, and would be false of the generator in it.
    pub(crate) bounds_of_lock: Vec<TypeParamBound>,
    pub(crate) item: Type,
    pub(crate) protocol: Protocol,
}

/// The form of a return type.
pub(crate) enum ReturnKind {
    /// `impl Iterator<Item = T> + bounds`, or the same of another trait.
    Impl { impl_token: Token![impl] },
    /// `Box<dyn Iterator<Item = T> + bounds>`, or the same of another trait, possibly in a `Pin`. The paths are those
    /// to `Pin` and to `Box`.
    Boxed { pin: Option<Path>, path: Path, dyn_token: Option<Token![dyn]> },
}

impl DeclaredReturn {
    pub(crate) fn parse(sig: &Signature) -> Result<Self> {
        let ReturnType::Type(_, ty) = &sig.output else {
            let message = "missing return type: write `-> impl Iterator<Item = T>`";
            return Err(Error::new(sig.ident.span(), message));
        };
        let unsupported = || Error::new_spanned(ty, unsupported_message(ty));
        let (kind, all_bounds) = ReturnKind::parse(ty).ok_or_else(unsupported)?;
        let (item, protocol) = all_bounds.iter().find_map(item_and_protocol).ok_or_else(unsupported)??;
        if matches!(kind, ReturnKind::Boxed { pin: Some(_), .. }) && !matches!(protocol, Protocol::Stream) {
            let name = protocol.trait_name();
            let message = format!("only a boxed stream is in a `Pin`: write `Box<dyn {name}<..>>`");
            return Err(Error::new_spanned(ty, message));
        }
        check_item(&item)?;
        let (mut bounds, mut bounds_of_lock) = (Bounds::new(), Vec::new());
        for pair in all_bounds.into_pairs() {
            if is_true_of_lock(pair.value()) {
                bounds_of_lock.push(pair.into_value());
            } else {
                bounds.extend([pair]);
            }
        }
        Ok(Self { kind, bounds, bounds_of_lock, item, protocol })
    }

    /// Returns the first lifetime among the bounds.
    pub(crate) fn lifetime(&self) -> Option<&Lifetime> {
        self.bounds.iter().find_map(|bound| match bound {
            TypeParamBound::Lifetime(lifetime) => Some(lifetime),
            _ => None,
        })
    }
}

impl ReturnKind {
    /// Returns the form of a type and its bounds. Returns `None` for any other type.
    fn parse(ty: &Type) -> Option<(Self, Bounds)> {
        match without_parens(ty) {
            Type::ImplTrait(ty) => Some((Self::Impl { impl_token: ty.impl_token }, ty.bounds.clone())),
            ty => Self::parse_boxed(ty, None).or_else(|| {
                let (pin, inner) = argument_of("Pin", ty)?;
                Self::parse_boxed(inner, Some(pin))
            }),
        }
    }

    fn parse_boxed(ty: &Type, pin: Option<Path>) -> Option<(Self, Bounds)> {
        let (path, inner) = argument_of("Box", ty)?;
        let Type::TraitObject(object) = without_parens(inner) else { return None };
        Some((Self::Boxed { pin, path, dyn_token: object.dyn_token }, object.bounds.clone()))
    }
}

/// Returns whether a bound is true of a lock around any generator.
fn is_true_of_lock(bound: &TypeParamBound) -> bool {
    let TypeParamBound::Trait(bound) = bound else { return false };
    let name = bound.path.segments.last();
    name.is_some_and(|name| ["Sync", "UnwindSafe", "RefUnwindSafe"].iter().any(|of_lock| name.ident == of_lock))
}

/// Returns what to write instead of a type that is not supported.
fn unsupported_message(ty: &Type) -> String {
    let path = match without_parens(ty) {
        Type::Path(TypePath { qself: None, path, .. }) => path.segments.last(),
        _ => None,
    };
    if let Some(PathSegment { ident, arguments }) = path {
        if ["BoxStream", "LocalBoxStream"].iter().any(|alias| ident == alias) {
            let make = if last_type(arguments).is_some_and(is_result) { "try_stream" } else { "stream" };
            return format!(
                "the attribute cannot see through `{ident}`: write `Pin<Box<dyn Stream<Item = T> + Send + 'a>>`, \
                 or remove the attribute and return `Box::pin({make}(async move |co| ..))`"
            );
        }
        if let Some(generator) = wrapped_generator(arguments) {
            if ident.to_string().starts_with("Threadsafe") {
                return format!("the attribute adds the lock: remove `{ident}<..>` around the type");
            }
            let value = match ident.to_string().as_str() {
                "Option" => format!("Some({generator})"),
                "Result" => format!("Ok({generator})"),
                _ => generator,
            };
            return format!(
                "the attribute cannot put a generator into `{ident}<..>`: remove the attribute and return `{value}`"
            );
        }
    }
    "unsupported return type: write `impl Iterator<Item = T>`, `Box<dyn Iterator<Item = T>>`, or the same with \
     `Coroutine<Yield = Y, Resume = R, Return = C>` or `Stream<Item = T>`, \
     or remove the attribute and call `generator(async move |co| ..)`"
        .to_owned()
}

/// Returns the expression that makes the generator among the arguments of a type.
fn wrapped_generator(arguments: &PathArguments) -> Option<String> {
    let PathArguments::AngleBracketed(arguments) = arguments else { return None };
    arguments.args.iter().find_map(|argument| {
        let GenericArgument::Type(ty) = argument else { return None };
        let (kind, bounds) = ReturnKind::parse(ty)?;
        let (item, protocol) = bounds.iter().find_map(item_and_protocol)?.ok()?;
        let generator = match (protocol, is_result(&item)) {
            (Protocol::Iterator, false) => "generator(async move |co| ..)",
            (Protocol::Iterator, true) => "try_generator(async move |co| ..)",
            (Protocol::Stream, false) => "stream(async move |co| ..)",
            (Protocol::Stream, true) => "try_stream(async move |co| ..)",
            (Protocol::Coroutine(_), _) => "coroutine(async move |co, first| ..)",
        };
        Some(match kind {
            ReturnKind::Impl { .. } => generator.to_owned(),
            ReturnKind::Boxed { pin: None, .. } => format!("Box::new({generator})"),
            ReturnKind::Boxed { pin: Some(_), .. } => format!("Box::pin({generator})"),
        })
    })
}

fn last_type(arguments: &PathArguments) -> Option<&Type> {
    let PathArguments::AngleBracketed(arguments) = arguments else { return None };
    arguments.args.iter().rev().find_map(|argument| match argument {
        GenericArgument::Type(ty) => Some(ty),
        _ => None,
    })
}

/// Rejects items without a size.
fn check_item(item: &Type) -> Result<()> {
    let instead = match without_parens(item) {
        Type::Path(ty) if ty.path.is_ident("str") => "`&str` or `String`",
        Type::Slice(_) => "`&[T]` or `Vec<T>`",
        Type::TraitObject(_) => "`Box<dyn Trait + Send>`",
        _ => return Ok(()),
    };
    Err(Error::new_spanned(item, format!("the items have no size that is known: make them {instead}")))
}

/// The return type of a function that is rejected.
pub(crate) enum RejectedReturn {
    /// The mistake is elsewhere.
    Declared(DeclaredReturn),
    /// The type as it is written, if there is one, except that a `dyn Trait` became an `impl Trait`: of a `dyn
    /// Trait` rustc would report in addition that associated types are missing.
    Unsupported(Option<Type>),
}

impl RejectedReturn {
    pub(crate) fn parse(sig: &Signature) -> Self {
        if let Ok(declared) = DeclaredReturn::parse(sig) {
            return Self::Declared(declared);
        }
        Self::Unsupported(match &sig.output {
            ReturnType::Default => None,
            ReturnType::Type(_, ty) => Some(match ReturnKind::parse(ty) {
                Some((ReturnKind::Boxed { pin: None, path, .. }, bounds)) => {
                    Type::Verbatim(quote!(#path<impl #bounds>))
                }
                Some((ReturnKind::Boxed { pin: Some(pin), path, .. }, bounds)) => {
                    Type::Verbatim(quote!(#pin<#path<impl #bounds>>))
                }
                _ => (**ty).clone(),
            }),
        })
    }
}

/// Returns a type without its parentheses and without the invisible groups of a `macro_rules!`.
fn without_parens(mut ty: &Type) -> &Type {
    loop {
        ty = match ty {
            Type::Paren(paren) => &paren.elem,
            Type::Group(group) => &group.elem,
            _ => return ty,
        };
    }
}

/// Returns the path to `name` and the `T` of a type `name<T>`.
fn argument_of<'a>(name: &str, ty: &'a Type) -> Option<(Path, &'a Type)> {
    let Type::Path(TypePath { qself: None, path, .. }) = without_parens(ty) else { return None };
    let segment = path.segments.last().filter(|segment| segment.ident == name)?;
    let [GenericArgument::Type(argument)] = generic_arguments(segment)?.args.iter().collect::<Vec<_>>()[..] else {
        return None;
    };
    let mut path = path.clone();
    path.segments.last_mut()?.arguments = PathArguments::None;
    Some((path, argument))
}

/// Returns whether the name of a type is `Result`.
pub(crate) fn is_result(ty: &Type) -> bool {
    match without_parens(ty) {
        Type::Path(ty) => ty.path.segments.last().is_some_and(|segment| segment.ident == "Result"),
        _ => false,
    }
}

/// Returns the item type and the protocol of a bound. Returns `None` if the last name in its path is not that of a
/// supported trait.
fn item_and_protocol(bound: &TypeParamBound) -> Option<Result<(Type, Protocol)>> {
    let TypeParamBound::Trait(bound) = bound else { return None };
    let segment = bound.path.segments.last()?;
    let of_items = |protocol, message| match associated_type(segment, "Item") {
        Some(item) => Ok((without_impl_trait(item), protocol)),
        None => Err(Error::new_spanned(segment, message)),
    };
    Some(if segment.ident == "Iterator" {
        of_items(Protocol::Iterator, "missing associated type: write `Iterator<Item = T>`")
    } else if segment.ident == "Stream" {
        if cfg!(any(feature = "stream", test)) {
            of_items(Protocol::Stream, "missing associated type: write `Stream<Item = T>`")
        } else {
            let message = "streams need a feature of the crate `threadsafe-gen`: add `features = [\"stream\"]`";
            Err(Error::new_spanned(segment, message))
        }
    } else if segment.ident == "Coroutine" {
        let as_written = ["Yield", "Resume", "Return"].map(|name| associated_type(segment, name));
        if let [Some(item), Some(resume), Some(returned)] = as_written {
            let as_written = [item, resume, returned].map(Clone::clone);
            let [item, resume, returned] = as_written.each_ref().map(without_impl_trait);
            Ok((item, Protocol::Coroutine(Box::new(CoroutineTypes { resume, returned, as_written }))))
        } else {
            let message = "missing associated types: write `Coroutine<Yield = Y, Resume = R, Return = C>`, \
                           with `()` where unused";
            Err(Error::new_spanned(segment, message))
        }
    } else {
        return None;
    })
}

/// Returns the `T` of `Trait<Name = T>`.
fn associated_type<'a>(segment: &'a PathSegment, name: &str) -> Option<&'a Type> {
    generic_arguments(segment)?.args.iter().find_map(|argument| match argument {
        GenericArgument::AssocType(assoc) if assoc.ident == name => Some(&assoc.ty),
        _ => None,
    })
}

/// Returns a type in a form that can be repeated in the body.
fn without_impl_trait(ty: &Type) -> Type {
    let mut ty = ty.clone();
    InferImplTrait.visit_type_mut(&mut ty);
    ty
}

/// Replaces each `impl Trait` by `_`, because to repeat it would name another type.
struct InferImplTrait;

impl VisitMut for InferImplTrait {
    fn visit_type_mut(&mut self, ty: &mut Type) {
        if let Type::ImplTrait(impl_trait) = ty {
            *ty = Type::Verbatim(Token![_](impl_trait.impl_token.span).into_token_stream());
        } else {
            visit_mut::visit_type_mut(self, ty);
        }
    }
}

fn generic_arguments(segment: &PathSegment) -> Option<&AngleBracketedGenericArguments> {
    match &segment.arguments {
        PathArguments::AngleBracketed(arguments) => Some(arguments),
        _ => None,
    }
}
