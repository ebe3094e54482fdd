//! The three kinds of generator, and what the body of each may do.

use syn::Type;

/// The trait that a generator implements.
pub(crate) enum Protocol {
    /// `Iterator<Item = T>`.
    Iterator,
    /// `Stream<Item = T>`.
    Stream,
    /// `Coroutine<Yield = T, Resume = R, Return = C>`.
    Coroutine(Box<CoroutineTypes>),
}

/// The types of a coroutine, except that of its items.
pub(crate) struct CoroutineTypes {
    pub(crate) resume: Type,
    pub(crate) returned: Type,
    /// `Yield`, `Resume` and `Return` as they are declared. The others have `_` instead of each `impl Trait`.
    pub(crate) as_written: [Type; 3],
}

impl CoroutineTypes {
    /// Returns whether `Resume` is `()`, so that a body loses nothing if it ignores its arguments.
    pub(crate) fn resumes_with_unit(&self) -> bool {
        matches!(&self.resume, Type::Tuple(tuple) if tuple.elems.is_empty())
    }
}

/// The arguments that the macros of a body take, and the error for all others.
pub(crate) struct MacroUsage {
    pub(crate) yield_: &'static str,
    /// Whether `yield_from!(items)` is available.
    pub(crate) yields_from_items: bool,
    /// Whether `yield_from!(coroutine, first)` is available.
    pub(crate) yields_from_coroutine: bool,
    pub(crate) yield_from: &'static str,
    pub(crate) resumed_with: &'static str,
}

impl Protocol {
    /// Returns the name of the trait.
    pub(crate) fn trait_name(&self) -> &'static str {
        match self {
            Self::Iterator => "Iterator",
            Self::Stream => "Stream",
            Self::Coroutine(_) => "Coroutine",
        }
    }

    /// Returns the name of the lock around a generator of this kind.
    pub(crate) fn lock_name(&self) -> &'static str {
        match self {
            Self::Iterator => "ThreadsafeIter",
            Self::Stream => "ThreadsafeStream",
            Self::Coroutine(_) => "ThreadsafeCoroutine",
        }
    }

    /// Returns whether the body may `.await`.
    pub(crate) fn can_await(&self) -> bool {
        matches!(self, Self::Stream)
    }

    /// Returns whether the body receives arguments and returns a value of its own.
    pub(crate) fn is_coroutine(&self) -> bool {
        matches!(self, Self::Coroutine(_))
    }

    pub(crate) fn macro_usage(&self) -> MacroUsage {
        let (yields_from_items, yields_from_coroutine, yield_from) = match self {
            Self::Iterator => (true, false, "`yield_from!` takes one argument: write `yield_from!(items)`"),
            Self::Stream => (
                true,
                false,
                "`yield_from!` takes one argument: write `yield_from!(items)`, or `yield_from!(await stream)`",
            ),
            Self::Coroutine(types) if types.resumes_with_unit() => (
                true,
                true,
                "`yield_from!` takes one or two arguments: \
                 write `yield_from!(items)` or `yield_from!(coroutine, first)`",
            ),
            // To yield items here would drop the argument that answers each of them.
            Self::Coroutine(_) => (
                false,
                true,
                "`yield_from!` takes two arguments here: write `yield_from!(coroutine, first)`, \
                 or yield items by `for item in items { let argument = yield_!(item); }`",
            ),
        };
        MacroUsage {
            yield_: "`yield_!` takes at most one argument: write `yield_!((a, b))` for a tuple",
            yields_from_items,
            yields_from_coroutine,
            yield_from,
            resumed_with: "`resumed_with!` takes no argument: write `resumed_with!()`",
        }
    }
}
