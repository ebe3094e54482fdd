//! Procedural macros for [`threadsafe-gen`](https://docs.rs/threadsafe-gen). Do not depend on this crate directly.

mod body;
mod closure;
mod expand;
mod model;
mod parse;
mod signature;
mod spans;
#[cfg(test)]
mod tests;

use proc_macro::TokenStream;

/// Turns a function that yields into a generator that threads can share.
///
/// The function returns a `ThreadsafeIter`, `ThreadsafeCoroutine` or `ThreadsafeStream`, which is the generator under a
/// lock. **Every argument, and every local that is alive at a yield, must be `Send`.** A lock guard **still counts as
/// alive after `drop(guard)`** if the body used it before: end its scope with a block instead.
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
/// # Return type
///
/// The declared return type states the type of the items. The expanded function returns it under a lock:
///
/// | declared | returned |
/// | --- | --- |
/// | `impl Iterator<Item = T> + bounds` | `ThreadsafeIter<impl Iterator<Item = T> + bounds + Send>` |
/// | `Box<dyn Iterator<Item = T> + bounds>` | `ThreadsafeIter<Box<dyn Iterator<Item = T> + bounds + Send>>` |
/// | `impl Coroutine<Yield = T, Resume = R, Return = C> + bounds` | `ThreadsafeCoroutine<impl Coroutine<..> + bounds + Send + Unpin>` |
/// | `Box<dyn Coroutine<Yield = T, Resume = R, Return = C> + 'a>` | `ThreadsafeCoroutine<BoxCoroutine<'a, T, R, C>>` |
/// | `impl Stream<Item = T> + bounds`, with the feature `stream` | `ThreadsafeStream<impl Stream<Item = T> + bounds + Send + Unpin>` |
/// | `Pin<Box<dyn Stream<Item = T> + bounds>>` | `ThreadsafeStream<Pin<Box<dyn Stream<Item = T> + bounds + Send>>>` |
/// | `Box<dyn Stream<Item = T> + bounds>` | `ThreadsafeStream<Box<dyn Stream<Item = T> + bounds + Send + Unpin>>` |
///
/// The boxed forms have types that can be named, in a `static` or in a struct. The lock stays around the box: **a
/// trait's method that declares `-> Box<dyn Iterator<Item = T>>` is not implemented by an annotated one**, unless the
/// method in the trait is annotated too. To return the box itself, write `Box::new(generator(async move |co| ..))` in a
/// function without the attribute, or call `into_inner` on the `ThreadsafeIter` before its first `next`.
///
/// You may write `+ Sync`, `+ UnwindSafe` and `+ RefUnwindSafe`: the lock always is, and the generator in it need not
/// be.
///
/// For aliases (`BoxStream<'a, T>`) and for a generator inside another type (`Option<impl Iterator<..>>`) remove the
/// attribute, and call `generator`, `coroutine`, `stream`, `try_generator` or `try_stream` in the function.
///
/// The generator is lazy: the body starts to run when the first item is requested. The generator owns all arguments,
/// used or not, until it is dropped, as the future of an `async fn` does.
///
/// # Body
///
/// * `yield_!(item)` yields `item` and suspends the body until the next item is requested. `yield_!()` yields `()`.
/// * `yield_from!(items)` yields every item of an iterator.
/// * `return;` ends the generator, as the end of the body does.
/// * `?` yields the error as the last item, converted by `From`. The items must be `Result<T, E>`.
/// * `return Err(error);`, and macros that return an error, such as `bail!` and `ensure!`, yield the error as the last
///   item too, if the item type is spelled `Result<..>`, by any path, or a yield of `Ok(..)` or `Err(..)` shows that it
///   is one. The body has no value: do not write `Ok(())` at its end. A macro with a bare `return;` in its expansion
///   does not compile in such a body; write `return Ok(());` in the macro.
///
/// These macros need no import. They work in the input of other macros, as in `vec![yield_!(1)]`. They do not work in a
/// closure, in an `async` block or in a nested function, because the generator's body cannot suspend there. If the
/// attribute is forgotten, the macros that `use threadsafe_gen::prelude::*;` brings into scope say so.
///
/// The input of another macro is left as it is, except that of macros which are known to take code of the body: those
/// of the standard library, and of crates such as `anyhow`, `futures`, `log`, `tokio` and `tracing`. In the input of
/// any other macro, write `yield_!(item)` instead of the keyword `yield` and, in a body that can fail, `return Ok(())`
/// instead of `return`.
///
/// A *coroutine* receives an argument at each resume:
///
/// * `yield_!(item)` returns the argument of the next resume.
/// * `resumed_with!()` returns the argument of the first resume. Call it exactly once unless `Resume = ()`.
/// * `yield_from!(inner, first)` delegates to another coroutine, which it first resumes with `first`, and returns that
///   coroutine's return value. `yield_from!(items)` is available only if `Resume = ()`.
/// * `return value;`, `?` and the value of the body complete the coroutine.
///
/// A *stream* can `.await`. The other generators cannot. `yield_from!(items)` takes an iterator also in a stream;
/// `yield_from!(await stream)` yields every item of another stream.
///
/// On a nightly compiler with the feature `yield_expr`, `yield item` is the same as `yield_!(item)`. On stable
/// compilers the keyword works in `generator!` only.
///
/// A body that yields nothing is rejected, unless it is empty, does not end or fails. If it is intended, write
/// `yield_from!([]);`.
///
/// # Supported functions
///
/// The attribute accepts free functions, associated functions and methods with any receiver, also in traits, with or
/// without a default body. They can be generic or `unsafe`, and their arguments can be patterns. `async`, `const` and
/// variadic functions are rejected, and those with an `extern` other than `extern "Rust"`.
///
/// # Chains of adaptors
///
/// rustc forgets lifetimes when it checks that a suspended body is `Send`. It then rejects some iterators that store
/// the items of a closure, such as `text.lines().map(|line| line.trim()).peekable()`, with "implementation of `FnOnce`
/// is not general enough". `yield_from!(text.lines().map(|line| line.trim()).peekable());` compiles, and so does a
/// `for` loop over that chain. `let mut lines = text.lines().map(|line| line.trim()).peekable();` with a yield before
/// the last use of `lines` does not. There are four ways around the limit:
///
/// * Box the chain before the adaptor that stores items: `let lines: Box<dyn Iterator<Item = &str> + Send> = ..;`
/// * Make the chain in a function that returns `impl Iterator<Item = T> + Send`.
/// * Write nested loops.
/// * Collect the items.
///
/// For items of a generic associated type, a bound on one lifetime (`where L::Item<'a>: Send`) has the same limit.
/// State the bound in the trait, as `type Item<'a>: Send where Self: 'a;`, or for all lifetimes, as `for<'b>
/// L::Item<'b>: Send`.
///
/// # Stack
///
/// Builds without optimization copy an item at each call between the yield and the caller. **An item of 1 MiB needs 26
/// MiB of stack in a debug build**, 28 MiB from a coroutine and 50 MiB from a stream; in a release build 1, 1 and 4
/// MiB. An unshared generator needs 13 MiB and 1 MiB, and a `map` under the lock 18 MiB and 1 MiB. Large items belong
/// on the heap, where an item takes no stack that depends on its size: `yield_!(vec![0; 1 << 20].into_boxed_slice())`.
/// `Box::new(item)` makes the item on the stack first, in a debug build.
///
/// A generator that yields from itself takes some 4.7 KiB of stack for each level in a debug build, and 1.3 KiB in a
/// release build: the default stack of a thread, 2 MiB, is enough for 440 and 1,600 levels.
///
/// # Options
///
/// `#[threadsafe_generator(crate = path::to::threadsafe_gen)]` sets the path of the crate, for crates that re-export it
/// or rename it.
///
/// # Examples
///
/// A lock whose guard is used before a yield, in a block that ends its scope:
///
/// ```
/// use std::sync::Mutex;
/// use threadsafe_gen::threadsafe_generator;
///
/// #[threadsafe_generator]
/// fn drain(queue: &Mutex<Vec<u32>>) -> impl Iterator<Item = u32> {
///     loop {
///         let last = {
///             let mut queue = queue.lock().unwrap();
///             queue.pop()
///         };
///         let Some(last) = last else { return };
///         yield_!(last);
///     }
/// }
///
/// assert!(drain(&Mutex::new(vec![1, 2])).eq([2, 1]));
/// ```
///
/// An error as the last item:
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
/// A generator that calls itself:
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
        .map_or_else(|rejection| expand::rejection(&rejection), |generator| expand::generator(&generator))
        .into()
}

/// Expands `threadsafe_gen::generator!`, whose documentation describes it. The input begins with `$crate`.
#[doc(hidden)]
#[proc_macro]
pub fn generator_in_place(tokens: TokenStream) -> TokenStream {
    syn::parse::<parse::InPlace>(tokens)
        .map_or_else(|error| expand::rejected_in_place(&error), |generator| expand::in_place(&generator))
        .into()
}
