//! `OnceLock` and `Arc` of the standard library, with the steps at which the backend may switch threads.

use std::mem;
use std::ops::Deref;
use std::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release};

use super::trace::AtomicUsize;

pub(crate) struct OnceLock<T> {
    full: AtomicUsize,
    value: std::sync::OnceLock<T>,
}

impl<T> OnceLock<T> {
    pub(crate) const fn new() -> Self {
        Self { full: AtomicUsize::new(0), value: std::sync::OnceLock::new() }
    }

    pub(crate) fn get(&self) -> Option<&T> {
        if self.full.load(Acquire) == 0 { None } else { self.value.get() }
    }

    /// The original blocks if two threads race here. No two threads of this crate do.
    pub(crate) fn set(&self, value: T) -> Result<(), T> {
        self.value.set(value)?;
        self.full.store(1, Release);
        Ok(())
    }

    pub(crate) fn take(&mut self) -> Option<T> {
        mem::take(self).value.into_inner()
    }
}

impl<T> Default for OnceLock<T> {
    fn default() -> Self {
        Self::new()
    }
}

pub(crate) struct Arc<T> {
    /// `Some` until the drop.
    shared: Option<std::sync::Arc<(AtomicUsize, T)>>,
}

impl<T> Arc<T> {
    pub(crate) fn new(value: T) -> Self {
        Self { shared: Some(std::sync::Arc::new((AtomicUsize::new(0), value))) }
    }

    pub(crate) fn into_inner(mut self) -> Option<T> {
        let shared = self.shared.take().unwrap();
        shared.0.fetch_add(1, AcqRel);
        std::sync::Arc::into_inner(shared).map(|(_, value)| value)
    }
}

impl<T> Clone for Arc<T> {
    fn clone(&self) -> Self {
        let shared = self.shared.as_ref().unwrap();
        shared.0.fetch_add(1, Relaxed);
        Self { shared: Some(std::sync::Arc::clone(shared)) }
    }
}

impl<T> Deref for Arc<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.shared.as_ref().unwrap().1
    }
}

impl<T> Drop for Arc<T> {
    fn drop(&mut self) {
        if let Some(shared) = self.shared.take() {
            shared.0.fetch_add(1, AcqRel);
        }
    }
}
