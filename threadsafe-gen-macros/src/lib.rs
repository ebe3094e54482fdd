//! The attribute of the crate `threadsafe-gen`, which re-exports it and says what it does.

mod body;
mod closure;
mod expand;
mod keyword;
mod parse;
mod protocol;
mod reader;
mod returns;
#[cfg(test)]
mod tests;

use proc_macro::TokenStream;

/// Makes a function that is written with `yield_!` return what it yields, under a lock: a `ThreadsafeIter`, a
/// `ThreadsafeCoroutine` or a `ThreadsafeStream`.
///
/// ```
/// use threadsafe_gen::threadsafe_generator;
///
/// #[threadsafe_generator]
/// fn countdown(from: u32) -> impl Iterator<Item = u32> {
///     for i in (1..=from).rev() {
///         yield_!(i);
///     }
/// }
///
/// let countdown = countdown(3);
/// assert_eq!(countdown.next(), Some(3));
/// ```
///
/// # What the function returns
///
/// The return type in the source says what the items are, the function then returns them under a lock:
///
/// | written | returned |
/// | --- | --- |
/// | `impl Iterator<Item = T> + bounds` | `ThreadsafeIter<impl Iterator<Item = T> + bounds + Send>` |
/// | `Box<dyn Iterator<Item = T> + bounds>` | `ThreadsafeIter<Box<dyn Iterator<Item = T> + bounds + Send>>` |
/// | `impl Coroutine<Yield = T, Resume = R, Return = C> + bounds` | `ThreadsafeCoroutine<impl Coroutine<..> + bounds + Send + Unpin>` |
/// | `impl Stream<Item = T> + bounds`, with the feature `stream` | `ThreadsafeStream<impl Stream<Item = T> + bounds + Send + Unpin>` |
///
/// The second has a type that can be named, in a `static` or in a struct. Nothing of the body runs before
/// the first item is asked for. All arguments live as long as the generator, used or not, as those of an `async fn` do,
/// and must be `Send`, as must be every local that is alive at a yield.
///
/// # In the body
///
/// * `yield_!(item)` hands `item` over and waits until the next one is asked for; `yield_!()` yields `()`.
/// * `yield_from!(items)` yields every item of an iterator.
/// * `return;` ends the generator, as reaching the end of the body does.
/// * `?`, where the items are `Result<T, E>`: the error, converted by `From`, is the last item.
///
/// These macros need no import, and work within other macros, as in `vec![yield_!(1)]`. They do not work in a closure,
/// in an `async` block or in a nested function, none of which is the generator's own body.
///
/// A *coroutine* gets something back for each item:
///
/// * `yield_!(item)` returns what the coroutine is resumed with next.
/// * `resumed_with!()` is what it is resumed with first, before its first yield. Where that is not `()` it must be
///   taken, once, so that nothing sent is lost. What it is resumed with later is what `yield_!` returns.
/// * `yield_from!(inner, first)` lets another coroutine do the talking, and returns what that one is complete with.
/// * What the body returns, by `return`, by `?` or as its value, is what the coroutine is complete with.
///
/// A *stream* can `.await`; the others cannot. Its `yield_from!` takes an iterator; for another stream write
/// `while let Some(item) = inner.next().await { yield_!(item); }`.
///
/// On a nightly compiler with the feature `yield_expr`, the keyword does as well: `yield item` is `yield_!(item)`.
/// Where there is no function to annotate, `generator!` takes it on stable compilers too.
///
/// # Which functions
///
/// Free functions, associated functions and methods with any receiver, also in traits, with or without a body there;
/// generic, `unsafe`, with patterns as arguments. Not `async`, `const`, `extern` or variadic ones.
///
/// # Options
///
/// `#[threadsafe_generator(crate = path::to::threadsafe_gen)]`, for where the crate goes by another name.
///
/// # Examples
///
/// An error is the last item:
///
/// ```
/// use std::num::ParseIntError;
/// use threadsafe_gen::threadsafe_generator;
///
/// #[threadsafe_generator]
/// fn numbers(words: &str) -> impl Iterator<Item = Result<i32, ParseIntError>> {
///     for word in words.split(' ') {
///         yield_!(Ok(word.parse()?));
///     }
/// }
///
/// let numbers = numbers("1 x 2");
/// assert_eq!(numbers.next(), Some(Ok(1)));
/// assert!(matches!(numbers.next(), Some(Err(_))));
/// assert_eq!(numbers.next(), None);
/// ```
///
/// A generator may call itself:
///
/// ```
/// use threadsafe_gen::threadsafe_generator;
///
/// struct Node {
///     value: u32,
///     children: Vec<Node>,
/// }
///
/// #[threadsafe_generator]
/// fn walk(node: &Node) -> impl Iterator<Item = u32> {
///     yield_!(node.value);
///     for child in &node.children {
///         yield_from!(walk(child));
///     }
/// }
///
/// let leaf = |value| Node { value, children: vec![] };
/// let root = Node { value: 1, children: vec![leaf(2), leaf(3)] };
/// assert!(walk(&root).eq([1, 2, 3]));
/// ```
#[proc_macro_attribute]
pub fn threadsafe_generator(options: TokenStream, item: TokenStream) -> TokenStream {
    parse::generator_fn(options.into(), item.into())
        .map_or_else(|refusal| expand::refusal(&refusal), |generator| expand::generator(&generator))
        .into()
}

/// `generator!` of the crate `threadsafe-gen`, which says what it does, with `$crate` in front.
#[doc(hidden)]
#[proc_macro]
pub fn generator_in_place(tokens: TokenStream) -> TokenStream {
    syn::parse::<parse::InPlace>(tokens)
        .map_or_else(|error| expand::refused_in_place(&error), |generator| expand::in_place(&generator))
        .into()
}
