//! What a body has to do with its surroundings: what goes out, what comes in, what there is at the end.

use syn::Type;

/// Which of the traits it is.
pub(crate) enum Protocol {
    /// `Iterator<Item = T>`.
    Iterator,
    /// `Stream<Item = T>`.
    Stream,
    /// `Coroutine<Yield = T, Resume = R, Return = C>`.
    Coroutine(Box<Exchange>),
}

/// What there is in a coroutine beside the items.
pub(crate) struct Exchange {
    pub(crate) resume: Type,
    pub(crate) end: Type,
}

impl Exchange {
    /// Whether nothing comes back for an item.
    pub(crate) fn is_sent_nothing(&self) -> bool {
        matches!(&self.resume, Type::Tuple(tuple) if tuple.elems.is_empty())
    }
}

/// What the macros take that a body has at hand, and what they say to all else.
pub(crate) struct Takes {
    pub(crate) yield_: &'static str,
    /// Whether `yield_from!` takes items.
    pub(crate) items: bool,
    /// Whether it takes a coroutine and what that is first resumed with.
    pub(crate) coroutine: bool,
    pub(crate) yield_from: &'static str,
    pub(crate) resumed_with: &'static str,
}

impl Protocol {
    /// Whether the body may await.
    pub(crate) fn awaits(&self) -> bool {
        matches!(self, Self::Stream)
    }

    /// Whether the body is resumed with something and ends with a value of its own.
    pub(crate) fn is_coroutine(&self) -> bool {
        matches!(self, Self::Coroutine(_))
    }

    pub(crate) fn takes(&self) -> Takes {
        let (items, coroutine, yield_from) = match self {
            Self::Iterator | Self::Stream => {
                (true, false, "`yield_from!` takes one argument: the items, as in `yield_from!([a, b])`")
            }
            Self::Coroutine(exchange) if exchange.is_sent_nothing() => (
                true,
                true,
                "`yield_from!` takes one argument, the items, or two, a coroutine and what it is first resumed with",
            ),
            // What comes back for an item must not be lost.
            Self::Coroutine(_) => (
                false,
                true,
                "`yield_from!` takes a coroutine and what it is first resumed with, as in `yield_from!(inner, first)`: \
                 yield items in a loop, where you see what comes back for each",
            ),
        };
        Takes {
            yield_: "`yield_!` takes one argument: for a tuple write `yield_!((a, b))`",
            items,
            coroutine,
            yield_from,
            resumed_with: "`resumed_with!` takes no argument: it is what the coroutine was resumed with first",
        }
    }
}
