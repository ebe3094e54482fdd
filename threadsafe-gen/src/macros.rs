//! `generator!`, and the macros that only report an error.

/// Creates a generator from statements that yield with the keyword `yield`.
///
/// Evaluates to an unshared [`Generator`](crate::Generator), as the function [`generator`](fn@crate::generator) does;
/// call [`threadsafe`](crate::Generator::threadsafe) to share it. `yield` works on stable Rust, within other macros
/// too, and so do `yield_!` and `yield_from!`, as in a function that is annotated with `#[threadsafe_generator]`.
/// Statements that contain a `?` make a [`try_generator`](crate::try_generator).
///
/// Captures variables as a closure does; prefix `move` to capture by value. The items' type is that of the first yield.
///
/// # Examples
///
/// ```
/// use threadsafe_gen::generator;
///
/// let names = ["a", "b"];
/// let pairs = generator! {
///     for first in names {
///         for second in names {
///             yield (first, second);
///         }
///     }
/// };
/// assert_eq!(pairs.last(), Some(("b", "b")));
///
/// fn countdown(mut from: u32) -> impl Iterator<Item = u32> {
///     generator! { move
///         while from > 0 {
///             yield from;
///             from -= 1;
///         }
///     }
/// }
/// assert!(countdown(3).eq([3, 2, 1]));
/// ```
///
/// Inside your own `macro_rules!`, write `yield_!(item)`: only a literal `yield` in the input is recognized.
#[cfg(feature = "macros")]
#[macro_export]
macro_rules! generator {
    ($($statements:tt)*) => { $crate::__private::generator_in_place! { $crate $($statements)* } };
}

/// Yields an item from a generator. In scope automatically inside a generator body.
///
/// Anywhere else it is this macro, which is a compile error.
#[macro_export]
macro_rules! yield_ {
    ($($item:tt)*) => {
        ::core::compile_error!(
            "cannot yield here: annotate the function with `#[threadsafe_generator]`, and write `yield_!` without a path"
        )
    };
}

/// Yields every item of an iterator from a generator. In scope automatically inside a generator body.
///
/// Anywhere else it is this macro, which is a compile error.
#[macro_export]
macro_rules! yield_from {
    ($($items:tt)*) => {
        ::core::compile_error!(
            "cannot yield here: annotate the function with `#[threadsafe_generator]`, and write `yield_from!` without a \
             path"
        )
    };
}

/// Evaluates to the first argument of a coroutine. In scope automatically inside a coroutine body.
///
/// Anywhere else it is this macro, which is a compile error.
#[macro_export]
macro_rules! resumed_with {
    ($($nothing:tt)*) => {
        ::core::compile_error!(
            "there is no first argument here: annotate the function with `#[threadsafe_generator]`, return \
             `impl Coroutine<..>`, and write `resumed_with!` without a path"
        )
    };
}
