//! [`ThreadsafeExt`]: the methods that every iterator gets.

use std::thread::{self, Scope};

use crate::iter::ThreadsafeIter;
use crate::ordered::{self, ParallelMap};
use crate::prefetch::{self, Prefetch};

/// Adds [`threadsafe`](Self::threadsafe), [`prefetch`](Self::prefetch) and [`parallel_map`](Self::parallel_map) to
/// every iterator.
pub trait ThreadsafeExt: Iterator + Sized {
    /// Creates a lock around the iterator: [`ThreadsafeIter::new`] at the end of a chain.
    ///
    /// A `ThreadsafeIter` within the chain takes no lock of its own, because the chain owns it.
    ///
    /// # Examples
    ///
    /// ```
    /// use threadsafe_gen::ThreadsafeExt;
    ///
    /// let lines = "a\nb".lines().enumerate().threadsafe();
    /// assert_eq!(lines.next(), Some((0, "a")));
    /// ```
    fn threadsafe(self) -> ThreadsafeIter<Self> {
        ThreadsafeIter::new(self)
    }

    /// Runs the iterator ahead of its consumers, on a thread of its own, and keeps up to `n` items ready for them.
    ///
    /// For a slow source: the source works on the next items while the consumers process theirs. The thread starts now,
    /// and calls the iterator while fewer than `n` items are ready. The order stays. If `n` is 9 or more and `n` items
    /// are ready, the thread may sleep until half of them are taken, so that cheap items do not wake it one by one.
    ///
    /// A source is *live* if its items come over time, like those of a channel or a socket.
    ///
    /// An item costs some 600 ns with 8 items ahead, 200 ns with 64 and 75 ns with 1,024: with few items ahead, the two
    /// threads wait for each other more often. The time of the source and that of the consumer overlap, so `prefetch`
    /// pays if each takes longer than that for an item. A thread that waits looks for ten microseconds, and then
    /// sleeps.
    ///
    /// | the source | the items are cheap to process | the items are expensive to process |
    /// | --- | --- | --- |
    /// | cheap | [`buffered`] | [`threadsafe`], or in order [`parallel_map`] |
    /// | slow, or in bursts | `prefetch` | `prefetch`, and share that or use [`parallel_map`] on it |
    /// | live | `prefetch` if it must be read at once, time limits are needed, or `close` must end a wait | the same |
    ///
    /// [`buffered`]: ThreadsafeIter::buffered
    /// [`threadsafe`]: Self::threadsafe
    /// [`parallel_map`]: Self::parallel_map
    ///
    /// # Waiting
    ///
    /// The callers wait for an item here, and not in the iterator's own `next`. Therefore
    ///
    /// * [`close`](ThreadsafeIter::close) wakes all waiting callers at once, which then return `None`;
    /// * [`next_timeout`](ThreadsafeIter::next_timeout) bounds the whole call;
    /// * [`try_next`](ThreadsafeIter::try_next) never waits, and returns
    ///   [`WouldBlock`](crate::TryNextError::WouldBlock) if no item is ready;
    /// * [`buffered`](ThreadsafeIter::buffered) and [`chunks`](ThreadsafeIter::chunks) take the items that are ready,
    ///   up to their size, and wait for one if there is none.
    ///
    /// An adaptor around the result, such as `map`, waits like any other source. Put adaptors before the `prefetch`,
    /// where they run on its thread, or after [`iter`](ThreadsafeIter::iter).
    ///
    /// # Stopping
    ///
    /// If the result is closed or dropped, the thread ends after the call of the iterator that is in progress. Nothing
    /// waits for that call. **The items that are ready are dropped**, also if the iterator is a reference to a
    /// `ThreadsafeIter` that others share. The iterator itself is dropped on the thread, when it ends or is stopped.
    ///
    /// # Panics
    ///
    /// If `n` is 0, or if the thread cannot be started. A panic of the iterator comes out of the call that would have
    /// returned the item in its place, with its payload, and [poisons](ThreadsafeIter#panics) the result.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::thread;
    /// use std::time::Duration;
    /// use threadsafe_gen::{ThreadsafeExt, TryNextError};
    ///
    /// // The next page is read while this one is processed.
    /// let pages = (1..4).inspect(|_| thread::sleep(Duration::from_millis(5))).prefetch(8);
    /// assert!(pages.iter().eq(1..4));
    ///
    /// // The time limit holds although the source is in a long call.
    /// let (sender, messages) = std::sync::mpsc::channel::<&str>();
    /// let messages = messages.into_iter().prefetch(8);
    /// assert_eq!(messages.next_timeout(Duration::from_millis(5)), Err(TryNextError::TimedOut));
    /// sender.send("hello")?;
    /// assert_eq!(messages.next(), Some("hello"));
    /// # Ok::<(), std::sync::mpsc::SendError<&str>>(())
    /// ```
    #[track_caller]
    fn prefetch(self, n: usize) -> ThreadsafeIter<Prefetch<Self::Item>>
    where
        Self: Send + 'static,
        Self::Item: Send,
    {
        let (producer, prefetch) = prefetch::queue(n, self.size_hint());
        let run = || producer.run(self);
        thread::Builder::new().name("prefetch".to_owned()).spawn(run).expect("the thread should start");
        ThreadsafeIter::prefetched(prefetch)
    }

    /// Does the same as [`prefetch`](Self::prefetch) on a thread of a [scope](std::thread::scope), so that the iterator
    /// can borrow.
    ///
    /// **The scope waits for the thread.** Exhaust, close or drop the result within the scope: if it lives on with
    /// items left, the scope never ends.
    ///
    /// Threads of the same scope cannot borrow the result, because it is created after the scope: spawn them in a scope
    /// within, as in the second example, or share it in an `Arc`.
    ///
    /// # Panics
    ///
    /// As [`prefetch`](Self::prefetch).
    ///
    /// # Examples
    ///
    /// ```
    /// use std::thread;
    /// use threadsafe_gen::ThreadsafeExt;
    ///
    /// let text = String::from("so it goes");
    /// let longest = thread::scope(|scope| {
    ///     let words = text.split(' ').prefetch_scoped(scope, 8);
    ///     words.iter().map(str::len).max()
    /// });
    /// assert_eq!(longest, Some(4));
    /// ```
    ///
    /// With two workers, in a scope within the one of the source's thread:
    ///
    /// ```
    /// use std::thread;
    /// use threadsafe_gen::ThreadsafeExt;
    ///
    /// let text = String::from("so it goes");
    /// let count = thread::scope(|reader| {
    ///     let words = text.split(' ').prefetch_scoped(reader, 8);
    ///     thread::scope(|workers| {
    ///         let workers = [(); 2].map(|()| workers.spawn(|| words.iter().count()));
    ///         workers.into_iter().map(|worker| worker.join().unwrap()).sum::<usize>()
    ///     })
    /// });
    /// assert_eq!(count, 3);
    /// ```
    ///
    /// A part of the items of a shared iterator:
    ///
    /// ```
    /// use std::thread;
    /// use threadsafe_gen::ThreadsafeExt;
    ///
    /// let numbers = (0..100).threadsafe();
    /// let first = thread::scope(|scope| (&numbers).prefetch_scoped(scope, 8).next());
    /// assert_eq!(first, Some(0));
    /// // The items that were ready are dropped, and the rest is still there.
    /// assert!(numbers.next().is_some_and(|n| n < 20));
    /// ```
    #[track_caller]
    fn prefetch_scoped<'scope>(self, scope: &'scope Scope<'scope, '_>, n: usize) -> ThreadsafeIter<Prefetch<Self::Item>>
    where
        Self: Send + 'scope,
        Self::Item: Send,
    {
        let (producer, prefetch) = prefetch::queue(n, self.size_hint());
        let run = || producer.run(self);
        thread::Builder::new().name("prefetch".to_owned()).spawn_scoped(scope, run).expect("the thread should start");
        ThreadsafeIter::prefetched(prefetch)
    }

    /// Processes the items on `threads` threads, and returns the results in the order of the items.
    ///
    /// For items that are expensive to process, and results that are needed in order. The threads start now. Each has a
    /// clone of `f`, so a worker's state, such as a buffer or a connection, is what its clone owns. A thread takes an
    /// item when it has finished the one before, so uneven items are distributed well. A result is returned as soon as
    /// it and those before it are there, also if the source is live.
    ///
    /// **At most `2 * threads` items are taken and not yet returned**, however slow one of them is. So memory is
    /// bounded, and a slow consumer slows the source. It also means that one item that takes as long as `2 * threads`
    /// others makes the other threads wait.
    ///
    /// | order | the items | use |
    /// | --- | --- | --- |
    /// | needed | take some microseconds or more to process | `parallel_map` |
    /// | needed | are cheap to process | `map` on one thread; [`chunks`](ThreadsafeIter::chunks) before `parallel_map` |
    /// | not needed | | [`threadsafe`](Self::threadsafe) and threads that call `next`; rayon with the feature `rayon` |
    ///
    /// The source is called by the threads in turn. If it is slow itself, let it run ahead:
    /// `items.prefetch(n).parallel_map(..)`. A thread that waits for room may sleep until half of the room is free. An
    /// item costs some 250 ns with two threads or more, and 700 ns with one.
    ///
    /// # Stopping
    ///
    /// If the result is dropped, each thread ends after the item that it processes, and nothing more is pulled. Nothing
    /// waits for the threads, and a thread that is in the source's `next` ends when that returns. **The items that were
    /// taken and not returned are dropped**, also if the iterator is a reference to a [`ThreadsafeIter`] that others
    /// share.
    ///
    /// # Panics
    ///
    /// If `threads` is 0, or if a thread cannot be started. A panic of `f` or of the source comes out of `next` in its
    /// place in the order, with its payload, and the threads stop. Later calls of `next` panic too.
    ///
    /// # Examples
    ///
    /// ```
    /// use threadsafe_gen::ThreadsafeExt;
    ///
    /// let words = ["so", "it", "goes"];
    /// assert!(words.into_iter().parallel_map(4, str::len).eq([2, 2, 4]));
    /// ```
    #[track_caller]
    fn parallel_map<T, F>(self, threads: usize, f: F) -> ParallelMap<T>
    where
        Self: Send + 'static,
        T: Send + 'static,
        F: FnMut(Self::Item) -> T + Clone + Send + 'static,
    {
        let (workers, results) = ordered::workers(self, threads, f);
        for worker in workers {
            let run = || worker.run();
            thread::Builder::new().name("parallel_map".to_owned()).spawn(run).expect("the thread should start");
        }
        results
    }

    /// Does the same as [`parallel_map`](Self::parallel_map) on threads of a [scope](std::thread::scope), so that the
    /// iterator and `f` can borrow.
    ///
    /// **The scope waits for the threads.** Exhaust or drop the result within the scope: if it lives on with items
    /// left, the scope never ends.
    ///
    /// # Panics
    ///
    /// As [`parallel_map`](Self::parallel_map).
    ///
    /// # Examples
    ///
    /// The rest of a shared iterator stays for others:
    ///
    /// ```
    /// use std::thread;
    /// use threadsafe_gen::ThreadsafeExt;
    ///
    /// let text = String::from("a bb ccc dddd ");
    /// let words = text.repeat(100);
    /// let words = words.split(' ').threadsafe();
    /// let long = thread::scope(|scope| (&words).parallel_map_scoped(scope, 2, str::len).find(|len| *len == 3));
    /// assert_eq!(long, Some(3));
    /// assert!(words.taken() <= 3 + 4);
    /// assert!(words.next().is_some());
    /// ```
    #[track_caller]
    fn parallel_map_scoped<'scope, T, F>(self, scope: &'scope Scope<'scope, '_>, threads: usize, f: F) -> ParallelMap<T>
    where
        Self: Send + 'scope,
        T: Send + 'scope,
        F: FnMut(Self::Item) -> T + Clone + Send + 'scope,
    {
        let (workers, results) = ordered::workers(self, threads, f);
        for worker in workers {
            let run = || worker.run();
            thread::Builder::new()
                .name("parallel_map".to_owned())
                .spawn_scoped(scope, run)
                .expect("the thread should start");
        }
        results
    }
}

impl<I: Iterator> ThreadsafeExt for I {}
