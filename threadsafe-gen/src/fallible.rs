//! Generators and streams whose bodies use `?`: the error is the last item.

#[cfg(feature = "stream")]
use crate::generator::Reply;
use crate::generator::{Generator, Yielder, generator_by_value};
#[cfg(feature = "stream")]
use crate::stream::{AsyncGenerator, stream};

/// Creates a generator from an `async` closure that can fail. Its error is the last item.
///
/// Like [`generator`](fn@crate::generator), for bodies that use `?`. The items are `Result<T, E>`. If the body returns
/// an `Err`, the generator yields it as one more item and ends.
///
/// # Examples
///
/// ```
/// use std::num::ParseIntError;
/// use threadsafe_gen::try_generator;
///
/// let mut numbers = try_generator(async |co| {
///     for word in "1 2 x 4".split(' ') {
///         let n: u32 = word.parse()?;
///         co.yield_(Ok(n)).await;
///     }
///     Ok::<(), ParseIntError>(())
/// });
/// assert_eq!(numbers.next(), Some(Ok(1)));
/// assert_eq!(numbers.next(), Some(Ok(2)));
/// assert!(matches!(numbers.next(), Some(Err(_))));
/// assert_eq!(numbers.next(), None);
/// ```
pub fn try_generator<T, E, B>(body: B) -> Generator<Result<T, E>, impl Future<Output = ()>>
where
    B: AsyncFnOnce(&mut Yielder<'_, Result<T, E>>) -> Result<(), E>,
{
    fallible(body, Err)
}

/// [`try_generator`] for the attribute, which may know the type of the items only by an alias of `Result`.
pub fn fallible<Y, E, B>(body: B, from_error: fn(E) -> Y) -> Generator<Y, impl Future<Output = ()>>
where
    B: AsyncFnOnce(&mut Yielder<'_, Y>) -> Result<(), E>,
{
    generator_by_value(async move |mut co: Yielder<'_, Y>| {
        if let Err(error) = body(&mut co).await {
            co.yield_(from_error(error)).await;
        }
    })
}

/// Creates an asynchronous generator from an `async` closure that can fail. Its error is the last item.
///
/// Like [`stream`](fn@crate::stream), for bodies that use `?`. If the body returns an `Err`, the stream yields it as
/// one more item and ends.
///
/// # Examples
///
/// ```
/// use std::num::ParseIntError;
/// use threadsafe_gen::try_stream;
///
/// # futures::executor::block_on(async {
/// let numbers = try_stream(async |co| {
///     for word in ["1", "x"] {
///         let n: u32 = word.parse()?;
///         co.yield_(Ok(n)).await;
///     }
///     Ok::<(), ParseIntError>(())
/// });
/// let numbers = numbers.threadsafe();
/// assert_eq!(numbers.next().await, Some(Ok(1)));
/// assert!(matches!(numbers.next().await, Some(Err(_))));
/// assert_eq!(numbers.next().await, None);
/// # });
/// ```
#[cfg(feature = "stream")]
pub fn try_stream<T, E, B>(body: B) -> AsyncGenerator<Result<T, E>, impl Future<Output = ()>>
where
    B: AsyncFnOnce(&mut Yielder<'_, Result<T, E>, Reply<()>>) -> Result<(), E>,
{
    fallible_stream(body, Err)
}

/// [`try_stream`] for the attribute, which may know the type of the items only by an alias of `Result`.
#[cfg(feature = "stream")]
pub fn fallible_stream<Y, E, B>(body: B, from_error: fn(E) -> Y) -> AsyncGenerator<Y, impl Future<Output = ()>>
where
    B: AsyncFnOnce(&mut Yielder<'_, Y, Reply<()>>) -> Result<(), E>,
{
    stream(async move |co: &mut Yielder<'_, Y, Reply<()>>| {
        if let Err(error) = body(co).await {
            co.yield_(from_error(error)).await;
        }
    })
}

/// Any `Result`, also one behind a type alias.
#[diagnostic::on_unimplemented(
    message = "`?` in a generator makes the error an item, and its items are `{Self}`",
    label = "make the items `Result<{Self}, E>`, or replace `?` by `let .. else {{ return }};`"
)]
pub trait Fallible {
    /// The `E` of `Result<T, E>`.
    type Error;

    /// Converts an error into an item.
    fn from_error(error: Self::Error) -> Self;
}

impl<T, E> Fallible for Result<T, E> {
    type Error = E;

    fn from_error(error: E) -> Self {
        Err(error)
    }
}
