//! The contenders' names, as tables, pictures and targets have them.

/// A generator by the attribute, and `next`.
pub const OURS: &str = "threadsafe-gen";
/// The same, many items a lock.
pub const OUR_BUFFERED: &str = "threadsafe-gen, buffered(64)";
/// The same, through rayon.
pub const OUR_RAYON: &str = "threadsafe-gen, into_par_iter";
/// Our lock around the hand-written iterator: the lock's share of the cost.
pub const OUR_LOCK: &str = "threadsafe-gen, hand-written iterator";
/// What the targets call "hand": `parking_lot::Mutex` around the hand-written iterator.
pub const HAND: &str = "parking_lot Mutex, hand-written iterator";
/// The same with the version of `parking_lot` that the library does not use.
pub const HAND_0_13: &str = "parking_lot 0.13 Mutex, hand-written iterator";
/// The same with the standard library's mutex.
pub const STD: &str = "std Mutex, hand-written iterator";
/// What a user writes who wants a generator.
pub const GENAWAITER: &str = "std Mutex, genawaiter::sync";
/// The same with fauxgen.
pub const FAUXGEN: &str = "std Mutex, fauxgen";
/// The same with async-stream.
pub const ASYNC_STREAM: &str = "std Mutex, async-stream";
/// The same with the compiler's own.
#[cfg(nightly)]
pub const GEN_BLOCK: &str = "std Mutex, gen {}";
/// orx-concurrent-iter over our generator, item by item.
pub const ORX: &str = "orx-concurrent-iter next";
/// The same in chunks.
pub const ORX_CHUNKS: &str = "orx-concurrent-iter chunk_puller(64)";
/// rayon over our generator.
pub const PAR_BRIDGE: &str = "rayon par_bridge";
/// A channel and a thread that sends.
pub const CROSSBEAM: &str = "crossbeam-channel, producer thread";
/// The same with another channel.
pub const FLUME: &str = "flume, producer thread";

/// Our generator without a lock.
pub const OUR_GENERATOR: &str = "threadsafe-gen, Generator alone";
/// A `ThreadsafeIter` that its user owns.
pub const OURS_OWNED: &str = "threadsafe-gen, owned ThreadsafeIter";
/// The hand-written iterator without a lock.
pub const PLAIN: &str = "hand-written iterator";
/// The generator that ours is measured against where one thread has it alone.
pub const GENAWAITER_RC: &str = "genawaiter::rc";
/// The one for threads, without the mutex it needs.
pub const GENAWAITER_SYNC: &str = "genawaiter::sync";
/// fauxgen by itself.
pub const FAUXGEN_ALONE: &str = "fauxgen";
/// async-stream by itself.
pub const ASYNC_STREAM_ALONE: &str = "async-stream";
/// The compiler's own by itself.
#[cfg(nightly)]
pub const GEN_BLOCK_ALONE: &str = "gen {}";

/// Functions with our attribute.
pub const ANNOTATED: &str = "#[threadsafe_generator]";
/// The same, and the generator of each asked for an item: only then is its body translated to machine code.
pub const ANNOTATED_USED: &str = "#[threadsafe_generator], next called";
/// The same functions as methods with `async-trait`'s.
pub const ASYNC_TRAIT: &str = "#[async_trait]";
/// The same functions with neither.
pub const PLAIN_FUNCTIONS: &str = "plain functions";
