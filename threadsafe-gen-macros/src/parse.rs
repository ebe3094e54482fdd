//! Parses the attribute's options and its function, and rejects what cannot expand.

use std::collections::HashSet;

use proc_macro2::{Delimiter, Group, Ident, Span, TokenStream};
use quote::ToTokens;
use syn::ext::IdentExt;
use syn::parse::{Parse, ParseStream};
use syn::visit::{self, Visit};
use syn::{
    Abi, Attribute, Error, FnArg, Pat, PatIdent, PatOr, PatType, Path, Result, Signature, Token, Visibility, braced,
};

use crate::body::{Body, Context};
use crate::model::Protocol;
use crate::signature::{DeclaredReturn, RejectedReturn};

/// A function that can be expanded.
pub(crate) struct GeneratorFn {
    pub(crate) krate: Path,
    pub(crate) function: Function,
    pub(crate) returns: DeclaredReturn,
    /// `None` for a method that a trait declares without a body.
    pub(crate) body: Option<Body>,
}

/// A function as it is written.
///
/// It is not a `syn::ItemFn`, because a body can contain syntax that `syn` does not know.
pub(crate) struct Function {
    pub(crate) attrs: Vec<Attribute>,
    pub(crate) vis: Visibility,
    pub(crate) defaultness: Option<Token![default]>,
    pub(crate) sig: Signature,
    /// The block, without its inner attributes: those are in `attrs`.
    pub(crate) body: Option<Group>,
}

/// Input that cannot be expanded, with everything that its stand-in is made of.
pub(crate) enum Rejection {
    /// The attribute is not on a function.
    NotAFunction {
        item: TokenStream,
        error: Error,
    },
    Function {
        krate: Path,
        function: Box<Function>,
        returns: Box<RejectedReturn>,
        error: Error,
    },
}

/// Parses the input of the attribute.
pub(crate) fn generator_fn(options: TokenStream, item: TokenStream) -> std::result::Result<GeneratorFn, Rejection> {
    let Ok(function) = syn::parse2::<Function>(item.clone()) else {
        let message = "`#[threadsafe_generator]` is not on a function: move it to the `fn` that yields";
        return Err(Rejection::NotAFunction { item, error: Error::new(Span::call_site(), message) });
    };
    let options = syn::parse2::<Options>(options);
    let krate = match &options {
        Ok(Options { krate: Some(krate) }) => krate.clone(),
        _ => syn::parse_quote_spanned!(Span::mixed_site()=> ::threadsafe_gen),
    };
    // The body comes last, because a mistake in it can be a consequence of one before it.
    let check = || {
        options?;
        check_attributes(&function.attrs)?;
        check_qualifiers(&function.sig)?;
        check_arguments(&function.sig)?;
        let returns = DeclaredReturn::parse(&function.sig)?;
        // Rust 1.85 drops the temporary of a reference inside of `Some`.
        let arguments = argument_names(&function.sig);
        let context = Context {
            krate: &krate.to_token_stream(),
            protocol: &returns.protocol,
            item: Some(&returns.item),
            arguments: Some(&arguments),
            rejects_keyword: cfg!(all(has_no_yield, not(test))),
        };
        let body = function.body.as_ref().map(|body| Body::check_and_rewrite(body, &context)).transpose()?;
        Ok((returns, body))
    };
    match check() {
        Ok((returns, body)) => Ok(GeneratorFn { krate, function, returns, body }),
        Err(error) => {
            let returns = Box::new(RejectedReturn::parse(&function.sig));
            Err(Rejection::Function { krate, function: Box::new(function), returns, error })
        }
    }
}

/// The input of `generator!`.
pub(crate) struct InPlace {
    /// `$crate`, which `generator!` puts before its own input.
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
        let context = Context {
            krate: &krate.to_token_stream(),
            protocol: &protocol,
            item: None,
            arguments: None,
            rejects_keyword: false,
        };
        let body = Body::check_and_rewrite(&body, &context)?;
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

/// The options in the parentheses of the attribute.
struct Options {
    krate: Option<Path>,
}

impl Parse for Options {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let mut options = Self { krate: None };
        while !input.is_empty() {
            let Ok(crate_token) = input.parse::<Token![crate]>() else {
                let message = "unknown option: write `crate = path::to::threadsafe_gen`, which is the only one";
                return Err(input.error(message));
            };
            if options.krate.is_some() {
                return Err(Error::new(crate_token.span, "duplicate option `crate`: remove one of the two"));
            }
            if input.parse::<Token![=]>().is_err() {
                let message = "option `crate` has no value: write `crate = path::to::threadsafe_gen`";
                return Err(Error::new(crate_token.span, message));
            }
            let value = input.fork();
            options.krate = Some(input.call(Path::parse_mod_style).map_err(|_| {
                let message = "option `crate` is not a path: write `crate = path::to::threadsafe_gen`, without quotes";
                Error::new(value.span(), message)
            })?);
            if !input.is_empty() {
                input.parse::<Token![,]>()?;
            }
        }
        Ok(options)
    }
}

/// Rejects the kinds of function that cannot be a generator.
fn check_qualifiers(sig: &Signature) -> Result<()> {
    let (span, message) = if let Some(token) = &sig.constness {
        (token.span, "a generator cannot be a `const fn`: remove `const`")
    } else if let Some(token) = &sig.asyncness {
        let message = "a generator cannot be an `async fn`: remove `async`, \
                       and return `impl Stream<Item = T>` if the body awaits";
        (token.span, message)
    } else if let Some(variadic) = &sig.variadic {
        (variadic.dots.spans[0], "a generator cannot be variadic: take a slice or an iterator instead of `...`")
    } else if let Some(abi) = sig.abi.as_ref().filter(|abi| !is_rust(abi)) {
        (abi.extern_token.span, "a generator cannot be an `extern` function: remove `extern`")
    } else {
        return Ok(());
    };
    Err(Error::new(span, message))
}

/// Returns whether an ABI is the one that functions have without `extern`.
fn is_rust(abi: &Abi) -> bool {
    abi.name.as_ref().is_some_and(|name| name.value() == "Rust")
}

/// Rejects a second attribute of the same name on a function.
fn check_attributes(attrs: &[Attribute]) -> Result<()> {
    let is_ours =
        |attr: &&Attribute| attr.path().segments.last().is_some_and(|segment| segment.ident == "threadsafe_generator");
    match attrs.iter().find(is_ours) {
        None => Ok(()),
        Some(attr) => {
            let message = "the attribute `#[threadsafe_generator]` is on this function twice: remove one of the two";
            Err(Error::new_spanned(attr, message))
        }
    }
}

/// Returns the arguments that are plain names.
fn argument_names(sig: &Signature) -> Vec<Ident> {
    let name = |argument: &FnArg| match argument {
        FnArg::Typed(PatType { pat, .. }) => match &**pat {
            Pat::Ident(pat) => Some(pat.ident.clone()),
            _ => None,
        },
        FnArg::Receiver(_) => None,
    };
    sig.inputs.iter().filter_map(name).collect()
}

/// Rejects two arguments of the same name. rustc does not see the duplicate, because the expansion binds each argument
/// with a `let` of its own.
fn check_arguments(sig: &Signature) -> Result<()> {
    #[derive(Default)]
    struct Names {
        seen: HashSet<Ident>,
        duplicate: Option<Ident>,
    }

    impl Visit<'_> for Names {
        fn visit_pat_ident(&mut self, pat: &PatIdent) {
            if !self.seen.insert(pat.ident.clone()) {
                self.duplicate.get_or_insert(pat.ident.clone());
            }
            visit::visit_pat_ident(self, pat);
        }

        // All alternatives of a pattern bind the same names.
        fn visit_pat_or(&mut self, pat: &PatOr) {
            pat.cases.first().into_iter().for_each(|case| self.visit_pat(case));
        }
    }

    let mut names = Names::default();
    for argument in &sig.inputs {
        match argument {
            // Only one of them may be there.
            FnArg::Typed(argument) if argument.attrs.iter().any(|attr| attr.path().is_ident("cfg")) => (),
            FnArg::Typed(argument) => names.visit_pat(&argument.pat),
            FnArg::Receiver(_) => (),
        }
    }
    match names.duplicate {
        None => Ok(()),
        Some(name) => {
            let message = format!("two arguments have the name `{name}`: rename one of the two");
            Err(Error::new(name.span(), message))
        }
    }
}
