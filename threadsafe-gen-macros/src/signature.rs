//! Parses the return type of a generator function.

use quote::ToTokens;
use syn::punctuated::Punctuated;
use syn::visit_mut::{self, VisitMut};
use syn::{
    AngleBracketedGenericArguments, Error, GenericArgument, Path, PathArguments, PathSegment, Result, ReturnType,
    Signature, Token, Type, TypeImplTrait, TypeParamBound,
};

use crate::model::{CoroutineTypes, Protocol};

pub(crate) type Bounds = Punctuated<TypeParamBound, Token![+]>;

/// The return type of a generator function as it is declared.
pub(crate) struct DeclaredReturn {
    pub(crate) kind: ReturnKind,
    pub(crate) item: Type,
    pub(crate) protocol: Protocol,
}

/// The form of a return type.
pub(crate) enum ReturnKind {
    /// `impl Iterator<Item = T> + bounds`, or the same of another trait.
    Impl { impl_token: Token![impl], bounds: Bounds },
    /// `Box<dyn Iterator<Item = T> + bounds>`, with the path to `Box`.
    Boxed { path: Path, dyn_token: Option<Token![dyn]>, bounds: Bounds },
}

impl DeclaredReturn {
    pub(crate) fn parse(sig: &Signature) -> Result<Self> {
        let ReturnType::Type(_, ty) = &sig.output else {
            let message = "missing return type: write `-> impl Iterator<Item = T>`";
            return Err(Error::new(sig.ident.span(), message));
        };
        let unsupported = || {
            let message = "unsupported return type: write `impl Iterator<Item = T>`, `Box<dyn Iterator<Item = T>>`, \
                           `impl Coroutine<Yield = Y, Resume = R, Return = C>` or `impl Stream<Item = T>`";
            Error::new_spanned(ty, message)
        };
        let kind = ReturnKind::parse(ty).ok_or_else(unsupported)?;
        let (item, protocol) = kind.bounds().iter().find_map(item_and_protocol).ok_or_else(unsupported)??;
        if matches!(kind, ReturnKind::Boxed { .. }) && !matches!(protocol, Protocol::Iterator) {
            let name = protocol.trait_name();
            let message = format!("`Box<dyn {name}<..>>` is not supported: write `impl {name}<..>`");
            return Err(Error::new_spanned(ty, message));
        }
        Ok(Self { kind, item, protocol })
    }
}

impl ReturnKind {
    /// Returns `None` for any other type.
    fn parse(ty: &Type) -> Option<Self> {
        match without_parens(ty) {
            Type::ImplTrait(ty) => Some(Self::Impl { impl_token: ty.impl_token, bounds: ty.bounds.clone() }),
            Type::Path(ty) if ty.qself.is_none() => {
                let Type::TraitObject(object) = without_parens(boxed_type(&ty.path)?) else { return None };
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

/// The return type of a function that is rejected.
pub(crate) enum RejectedReturn {
    /// The mistake is elsewhere.
    Declared(DeclaredReturn),
    /// The type as it is written, if there is one, except that a `Box<dyn Trait>` became an `impl Trait`: of a `dyn
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
                Some(ReturnKind::Boxed { bounds, .. }) => {
                    Type::ImplTrait(TypeImplTrait { attrs: Vec::new(), impl_token: <Token![impl]>::default(), bounds })
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

/// Returns the `T` of a path that ends in `Box<T>`.
fn boxed_type(path: &Path) -> Option<&Type> {
    let segment = path.segments.last().filter(|segment| segment.ident == "Box")?;
    match generic_arguments(segment)?.args.iter().collect::<Vec<_>>()[..] {
        [GenericArgument::Type(ty)] => Some(ty),
        _ => None,
    }
}

/// Returns the item type and the protocol of a bound. Returns `None` if the last name in its path is not that of a
/// supported trait.
fn item_and_protocol(bound: &TypeParamBound) -> Option<Result<(Type, Protocol)>> {
    let TypeParamBound::Trait(bound) = bound else { return None };
    let segment = bound.path.segments.last()?;
    let of_items = |protocol, message| match associated_type(segment, "Item") {
        Some(item) => Ok((item, protocol)),
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
        let types = ["Yield", "Resume", "Return"].map(|name| associated_type(segment, name));
        if let [Some(item), Some(resume), Some(returned)] = types {
            Ok((item, Protocol::Coroutine(Box::new(CoroutineTypes { resume, returned }))))
        } else {
            let message = "missing associated types: write `Coroutine<Yield = Y, Resume = R, Return = C>`, \
                           with `()` where unused";
            Err(Error::new_spanned(segment, message))
        }
    } else {
        return None;
    })
}

/// Returns the `T` of `Trait<Name = T>` in a form that can be repeated in the body.
fn associated_type(segment: &PathSegment, name: &str) -> Option<Type> {
    generic_arguments(segment)?.args.iter().find_map(|argument| match argument {
        GenericArgument::AssocType(assoc) if assoc.ident == name => {
            let mut ty = assoc.ty.clone();
            InferImplTrait.visit_type_mut(&mut ty);
            Some(ty)
        }
        _ => None,
    })
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
