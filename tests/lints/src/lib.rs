//! An annotated function gets the lints that a plain one gets, and no others.
//!
//! Each `expect` is on a plain function and on an annotated one. An `expect` of a lint that says nothing is a warning,
//! and a lint that says something elsewhere is one too. All warnings are errors.

#![deny(warnings, missing_docs, missing_debug_implementations, unused, unused_qualifications, unreachable_pub)]
#![deny(
    single_use_lifetimes,
    let_underscore_drop,
    rust_2018_idioms,
    missing_abi,
    unit_bindings,
    variant_size_differences
)]
#![deny(clippy::all, clippy::pedantic, clippy::nursery)]
#![deny(clippy::allow_attributes, clippy::allow_attributes_without_reason, clippy::default_numeric_fallback)]
#![deny(clippy::let_underscore_must_use, clippy::let_underscore_untyped, clippy::panic, clippy::pattern_type_mismatch)]
#![deny(clippy::redundant_type_annotations, clippy::renamed_function_params, clippy::same_name_method)]
#![deny(clippy::shadow_reuse, clippy::shadow_same, clippy::shadow_unrelated, clippy::str_to_string)]
#![deny(clippy::try_err, clippy::unreachable, clippy::unused_trait_names, clippy::wildcard_enum_match_arm)]

use core::num::ParseIntError;

use threadsafe_gen::{Coroutine, Stream, threadsafe_generator};

mod private {
    use threadsafe_gen::threadsafe_generator;

    #[expect(unreachable_pub, reason = "the test")]
    pub fn plain_unreachable() -> impl Iterator<Item = u8> {
        [1].into_iter()
    }

    #[expect(unreachable_pub, reason = "the test")]
    #[threadsafe_generator]
    pub fn unreachable() -> impl Iterator<Item = u8> {
        yield_!(1);
    }
}

/// Uses what is not reachable.
#[must_use]
pub fn uses() -> usize {
    private::plain_unreachable().count() + private::unreachable().count()
}

#[expect(dead_code, reason = "the test")]
fn plain_dead() -> impl Iterator<Item = u8> {
    [1].into_iter()
}

#[expect(dead_code, reason = "the test")]
#[threadsafe_generator]
fn dead() -> impl Iterator<Item = u8> {
    yield_!(1);
}

#[expect(missing_docs, reason = "the test")]
pub fn plain_without_docs() -> impl Iterator<Item = u8> {
    [1].into_iter()
}

#[expect(missing_docs, reason = "the test")]
#[threadsafe_generator]
pub fn without_docs() -> impl Iterator<Item = u8> {
    yield_!(1);
}

#[derive(Debug)]
struct Private(u8);

/// A private type in a public interface.
#[expect(private_interfaces, reason = "the test")]
pub fn plain_private_argument(argument: &Private) -> impl Iterator<Item = u8> {
    [argument.0].into_iter()
}

/// A private type in a public interface.
#[expect(private_interfaces, reason = "the test")]
#[threadsafe_generator]
pub fn private_argument(argument: &Private) -> impl Iterator<Item = u8> {
    yield_!(argument.0);
}

/// An argument that is not used.
#[expect(unused_variables, reason = "the test")]
pub fn plain_unused(n: u8) -> impl Iterator<Item = u8> {
    [1].into_iter()
}

/// An argument that is not used.
#[expect(unused_variables, reason = "the test")]
#[threadsafe_generator]
pub fn unused(n: u8) -> impl Iterator<Item = u8> {
    yield_!(1);
}

/// An argument that is `mut` in vain.
#[expect(unused_mut, reason = "the test")]
pub fn plain_unused_mut(mut n: u8) -> impl Iterator<Item = u8> {
    [n].into_iter()
}

/// An argument that is `mut` in vain.
#[expect(unused_mut, reason = "the test")]
#[threadsafe_generator]
pub fn unused_mut(mut n: u8) -> impl Iterator<Item = u8> {
    yield_!(n);
}

/// An argument that is shadowed.
#[expect(clippy::redundant_locals, clippy::shadow_same, reason = "the test")]
pub fn plain_shadowed(a: u8) -> impl Iterator<Item = u8> {
    let a = a;
    [a].into_iter()
}

/// An argument that is shadowed.
#[expect(clippy::redundant_locals, clippy::shadow_same, reason = "the test")]
#[threadsafe_generator]
pub fn shadowed(a: u8) -> impl Iterator<Item = u8> {
    let a = a;
    yield_from!([a]);
}

/// An argument that is shadowed by another value.
#[expect(clippy::shadow_reuse, reason = "the test")]
pub fn plain_shadowed_by_another(a: u8) -> impl Iterator<Item = u8> {
    let a = a + 1;
    [a].into_iter()
}

/// An argument that is shadowed by another value.
#[expect(clippy::shadow_reuse, reason = "the test")]
#[threadsafe_generator]
pub fn shadowed_by_another(a: u8) -> impl Iterator<Item = u8> {
    let a = a + 1;
    yield_!(a);
}

/// Code that is never reached.
#[expect(unreachable_code, reason = "the test")]
pub fn plain_unreachable_code(n: u8) -> impl Iterator<Item = u8> {
    return [n].into_iter();
    drop(n.to_string());
}

/// Code that is never reached.
#[expect(unreachable_code, reason = "the test")]
#[threadsafe_generator]
pub fn unreachable_code(n: u8) -> impl Iterator<Item = u8> {
    yield_!(n);
    return;
    drop(n.to_string());
}

/// More arguments than a function should have.
#[expect(clippy::too_many_arguments, clippy::many_single_char_names, reason = "the test")]
pub fn plain_arguments(a: u8, b: u8, c: u8, d: u8, e: u8, f: u8, g: u8, h: u8) -> impl Iterator<Item = u8> {
    [a, b, c, d, e, f, g, h].into_iter()
}

/// More arguments than a function should have.
#[expect(clippy::too_many_arguments, clippy::many_single_char_names, reason = "the test")]
#[threadsafe_generator]
pub fn arguments(a: u8, b: u8, c: u8, d: u8, e: u8, f: u8, g: u8, h: u8) -> impl Iterator<Item = u8> {
    yield_from!([a, b, c, d, e, f, g, h]);
}

/// A deprecated function.
#[deprecated]
#[threadsafe_generator]
pub fn deprecated() -> impl Iterator<Item = u8> {
    yield_!(1);
}

/// Uses a deprecated function.
#[must_use]
#[expect(deprecated, reason = "the test")]
pub fn uses_deprecated() -> usize {
    deprecated().count()
}

/// An `unsafe` function without a section on safety.
///
/// # Safety
///
/// None.
#[expect(clippy::unnecessary_safety_doc, reason = "the test")]
pub fn plain_safe(n: u8) -> impl Iterator<Item = u8> {
    [n].into_iter()
}

/// A function with a section on safety.
///
/// # Safety
///
/// None.
#[expect(clippy::unnecessary_safety_doc, reason = "the test")]
#[threadsafe_generator]
pub fn safe(n: u8) -> impl Iterator<Item = u8> {
    yield_!(n);
}

/// A name that is no name.
#[expect(non_snake_case, reason = "the test")]
pub fn plainCamel(nN: u8) -> impl Iterator<Item = u8> {
    [nN].into_iter()
}

/// A name that is no name.
#[expect(non_snake_case, reason = "the test")]
#[threadsafe_generator]
pub fn annotatedCamel(nN: u8) -> impl Iterator<Item = u8> {
    yield_!(nN);
}

/// Nothing to say.
#[threadsafe_generator]
pub fn clean(
    mut from: u64,
    (step, _): (u64, u64),
    _unused: u8,
    [.., last]: [u64; 2],
) -> impl Iterator<Item = u64> + Send + Sync {
    loop {
        yield_!(from);
        from += step + last;
    }
}

/// Nothing to say.
#[threadsafe_generator]
pub fn clean_coroutine(limit: u64) -> Box<dyn Coroutine<Yield = u64, Resume = u64, Return = ()>> {
    let mut sum = resumed_with!();
    while sum < limit {
        sum += yield_!(sum);
    }
}

/// Nothing to say.
#[threadsafe_generator]
pub fn clean_stream(text: &str) -> impl Stream<Item = Result<u8, ParseIntError>> {
    for word in text.split(' ') {
        match word.parse() {
            Ok(n) => yield_!(Ok(n)),
            Err(_) if word == "end" => return,
            Err(error) => return Err(error),
        }
    }
}

/// Has a method.
#[derive(Debug)]
pub struct Source {
    items: Vec<u8>,
}

impl Source {
    /// Nothing to say.
    #[threadsafe_generator]
    pub fn clean(&self, times: usize) -> impl Iterator<Item = u8> {
        for _ in 0..times {
            yield_from!(self.items.iter().copied());
        }
    }

    #[expect(dead_code, reason = "the test")]
    #[threadsafe_generator]
    fn dead(&self) -> impl Iterator<Item = u8> {
        yield_from!(self.items.iter().copied());
    }
}
