//! Traits and functions that the expansion of the attribute names.

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
