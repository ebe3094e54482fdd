//! Traits and functions that the expansion of the attribute names.

use std::marker::PhantomData;

/// A value that a body returns early: nothing, or an error.
#[diagnostic::on_unimplemented(
    message = "a generator returns nothing or an error, not `{Self}`",
    label = "write `return;` to end the generator, or `return Err(error);` to end it with an error"
)]
pub trait Returned<E> {
    /// Returns the value as the result of the body.
    #[expect(clippy::missing_errors_doc, reason = "the error is the value itself")]
    fn into_result(self) -> Result<(), E>;
}

impl<E> Returned<E> for () {
    fn into_result(self) -> Result<(), E> {
        Ok(())
    }
}

impl<E> Returned<E> for Result<(), E> {
    fn into_result(self) -> Result<(), E> {
        self
    }
}

/// A type that an argument may have.
///
/// If an argument is not `Send`, the associated type is unknown to rustc, which then reports nothing else about the
/// generator.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be sent between threads safely",
    label = "an argument of a shared generator must be `Send`",
    note = "write `impl Trait + Send` for an `impl Trait`, `T: Send` for a type parameter, `Box<dyn Trait + Send>` for a \
            box and, as references need `Sync`, `&(dyn Trait + Sync)` and `T: Sync` for what is behind a reference: for \
            `&self` in a trait, `where Self: Sync`"
)]
pub trait SendArgument: Sized {
    /// `G`, if `Self` is `Send`.
    type Generator<G>;

    /// Returns the generator that the argument belongs to.
    fn generator<G>(_: PhantomData<fn() -> Self>, generator: G) -> Self::Generator<G>;
}

impl<T: Send> SendArgument for T {
    type Generator<G> = G;

    #[inline]
    fn generator<G>(_: PhantomData<fn() -> T>, generator: G) -> G {
        generator
    }
}

/// [`SendArgument`] for types with a `dyn Trait`, of which the fix is known.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be sent between threads safely",
    label = "an argument of a shared generator must be `Send`",
    note = "write `Box<dyn Trait + Send>`, `&(dyn Trait + Sync)` or `Arc<dyn Trait + Send + Sync>`"
)]
pub trait SendObjectArgument: Sized {
    /// `G`, if `Self` is `Send`.
    type Generator<G>;

    /// Returns the generator that the argument belongs to.
    fn generator<G>(_: PhantomData<fn() -> Self>, generator: G) -> Self::Generator<G>;
}

#[diagnostic::do_not_recommend]
impl<T: Send> SendObjectArgument for T {
    type Generator<G> = G;

    #[inline]
    fn generator<G>(_: PhantomData<fn() -> T>, generator: G) -> G {
        generator
    }
}

/// The type of items with a `dyn Trait` in it, of which [`CheckItem`] or [`RejectItem`] is called.
#[derive(Debug)]
pub struct ItemType<T>(PhantomData<fn() -> T>);

impl<T> ItemType<T> {
    /// The type.
    pub const HERE: Self = Self(PhantomData);
}

/// Accepts items that are `Send`.
pub trait CheckItem {
    /// Returns the generator that has such items.
    #[inline]
    fn checked<G>(&self, generator: G) -> G {
        generator
    }
}

impl<T: Send> CheckItem for ItemType<T> {}

/// Rejects items that are not `Send`. A method call comes here if [`CheckItem`] has no method for the type.
pub trait RejectItem<T> {
    /// Stands for the generator, of whose type rustc then knows nothing, so that it reports nothing else.
    fn checked<G, R>(&self, generator: G) -> R
    where
        T: SendItem;
}

impl<T> RejectItem<T> for &ItemType<T> {
    fn checked<G, R>(&self, _: G) -> R
    where
        T: SendItem,
    {
        unreachable()
    }
}

/// An item type with a `dyn Trait` in it that is `Send`. Implemented for none, since [`CheckItem`] accepts those.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be sent between threads safely",
    label = "the items of a shared generator must be `Send`",
    note = "write `Box<dyn Error + Send + Sync>` for an error, and `Box<dyn Trait + Send>` for other traits"
)]
pub trait SendItem {}

/// Returns the type of an argument.
#[inline]
#[must_use]
pub fn type_of<T>(_: &T) -> PhantomData<fn() -> T> {
    PhantomData
}

/// Stands for a value that is never made.
#[cold]
#[must_use]
pub fn unreachable<T>() -> T {
    unreachable!("a generator's first `return` is never reached")
}

/// Returns the iterator of `items`, and hides its type.
///
/// rustc forgets lifetimes when it finds out whether a suspended body is `Send`, and then rejects iterators that are.
/// Here it finds it out with all lifetimes at hand, and of the returned type it knows no more than that it is `Send`.
#[inline]
pub fn send_items<T, I>(items: I) -> impl Iterator<Item = T> + Send
where
    I: IntoIterator<Item = T, IntoIter: Send>,
{
    items.into_iter()
}
