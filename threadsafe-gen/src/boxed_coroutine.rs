//! [`BoxCoroutine`]: a coroutine whose type can be written down.

use std::fmt;
use std::pin::Pin;

use genawaiter::{Coroutine, GeneratorState};

/// A boxed coroutine.
///
/// `genawaiter` implements [`Coroutine`] for no box, and [`Coroutine::resume_with`] takes a pinned coroutine. This type
/// is a pinned box that implements the trait. It is `Send` and `Unpin`, and it can be named in a struct or in a
/// `static`. `#[threadsafe_generator]` on a function that returns `Box<dyn Coroutine<..> + 'a>` makes it return
/// `ThreadsafeCoroutine<BoxCoroutine<'a, Y, R, C>>`.
///
/// Making one costs an allocation, and each resume an indirect call.
///
/// # Examples
///
/// ```
/// use threadsafe_gen::GeneratorState::{Complete, Yielded};
/// use threadsafe_gen::{BoxCoroutine, ThreadsafeCoroutine, coroutine};
///
/// struct Allocator {
///     ids: ThreadsafeCoroutine<BoxCoroutine<'static, u64, u64, ()>>,
/// }
///
/// let ids = coroutine(async |co, mut step: u64| {
///     let mut id = 0;
///     while step > 0 {
///         id += step;
///         step = co.yield_(id).await;
///     }
/// });
/// let allocator = Allocator { ids: ThreadsafeCoroutine::new(BoxCoroutine::new(ids)) };
/// assert_eq!(allocator.ids.resume_with(2), Some(Yielded(2)));
/// assert_eq!(allocator.ids.resume_with(3), Some(Yielded(5)));
/// assert_eq!(allocator.ids.resume_with(0), Some(Complete(())));
/// ```
#[must_use = "a coroutine does nothing unless it is resumed"]
pub struct BoxCoroutine<'a, Y, R, C>(PinnedCoroutine<'a, Y, R, C>);

type PinnedCoroutine<'a, Y, R, C> = Pin<Box<dyn Coroutine<Yield = Y, Resume = R, Return = C> + Send + 'a>>;

impl<'a, Y, R, C> BoxCoroutine<'a, Y, R, C> {
    /// Boxes `coroutine`.
    ///
    /// # Examples
    ///
    /// ```
    /// use threadsafe_gen::GeneratorState::Yielded;
    /// use threadsafe_gen::{BoxCoroutine, ThreadsafeCoroutine, coroutine};
    ///
    /// let upper = coroutine(async |co, mut line: &str| -> () {
    ///     loop {
    ///         line = co.yield_(line.to_uppercase()).await;
    ///     }
    /// });
    /// let lower = coroutine(async |co, mut line: &str| -> () {
    ///     loop {
    ///         line = co.yield_(line.to_lowercase()).await;
    ///     }
    /// });
    /// let both = [BoxCoroutine::new(upper), BoxCoroutine::new(lower)].map(ThreadsafeCoroutine::new);
    /// assert_eq!(both[0].resume_with("Ab"), Some(Yielded("AB".to_owned())));
    /// assert_eq!(both[1].resume_with("Ab"), Some(Yielded("ab".to_owned())));
    /// ```
    pub fn new(coroutine: impl Coroutine<Yield = Y, Resume = R, Return = C> + Send + 'a) -> Self {
        Self(Box::pin(coroutine))
    }
}

impl<'a, Y, R, C> From<PinnedCoroutine<'a, Y, R, C>> for BoxCoroutine<'a, Y, R, C> {
    fn from(coroutine: PinnedCoroutine<'a, Y, R, C>) -> Self {
        Self(coroutine)
    }
}

/// # Panics
///
/// `resume_with` panics when the coroutine in the box does.
impl<Y, R, C> Coroutine for BoxCoroutine<'_, Y, R, C> {
    type Yield = Y;
    type Resume = R;
    type Return = C;

    #[inline]
    fn resume_with(self: Pin<&mut Self>, argument: R) -> GeneratorState<Y, C> {
        self.get_mut().0.as_mut().resume_with(argument)
    }
}

impl<Y, R, C> fmt::Debug for BoxCoroutine<'_, Y, R, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BoxCoroutine").finish_non_exhaustive()
    }
}
