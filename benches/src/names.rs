//! The contenders' names in tables, pictures and targets.

/// An annotated generator, with `next`.
pub const OURS: &str = "threadsafe-gen";
/// An annotated generator, with 64 items per lock.
pub const OUR_BUFFERED: &str = "threadsafe-gen, buffered(64)";
/// An annotated generator, through rayon.
pub const OUR_RAYON: &str = "threadsafe-gen, into_par_iter";
/// The same in chunks.
pub const OUR_PAR_CHUNKS: &str = "threadsafe-gen, par_chunks(256)";
/// Our chunks, through rayon's own bridge.
pub const CHUNKS_BRIDGED: &str = "threadsafe-gen, chunks(256).par_bridge()";
/// Our lock around the hand-written iterator, which shows the cost of the lock alone.
pub const OUR_LOCK: &str = "threadsafe-gen, hand-written iterator";
/// `parking_lot::Mutex` around the hand-written iterator, the baseline of the targets.
pub const HAND: &str = "parking_lot Mutex, hand-written iterator";
/// The same with the version of `parking_lot` that the library does not use.
pub const HAND_0_13: &str = "parking_lot 0.13 Mutex, hand-written iterator";
/// The same with the standard library's mutex.
pub const STD: &str = "std Mutex, hand-written iterator";
/// A generator of genawaiter in the standard library's mutex.
pub const GENAWAITER: &str = "std Mutex, genawaiter::sync";
/// The same with fauxgen.
pub const FAUXGEN: &str = "std Mutex, fauxgen";
/// The same with async-stream.
pub const ASYNC_STREAM: &str = "std Mutex, async-stream";
/// The same with a `gen` block.
#[cfg(nightly)]
pub const GEN_BLOCK: &str = "std Mutex, gen {}";
/// orx-concurrent-iter over our generator, with `next`.
pub const ORX: &str = "orx-concurrent-iter next";
/// orx-concurrent-iter over our generator, in chunks.
pub const ORX_CHUNKS: &str = "orx-concurrent-iter chunk_puller(64)";
/// rayon's `par_bridge` over our generator.
pub const PAR_BRIDGE: &str = "rayon par_bridge";
/// A bounded channel with a thread that sends.
pub const CROSSBEAM: &str = "crossbeam-channel, producer thread";
/// The same with flume's channel.
pub const FLUME: &str = "flume, producer thread";

/// The source on a thread of its own, with one consumer that owns the result.
pub const OUR_PREFETCH: &str = "threadsafe-gen, prefetch";
/// The same with the consumer's calls through the lock.
pub const OUR_PREFETCH_SHARED: &str = "threadsafe-gen, prefetch, shared";
/// The bounded channel of the standard library, with a thread that sends.
pub const STD_CHANNEL: &str = "std sync_channel, producer thread";
/// readahead-iterator.
pub const READAHEAD: &str = "readahead-iterator";
/// Results in order.
pub const OUR_PARALLEL_MAP: &str = "threadsafe-gen, parallel_map";
/// The same with pariter.
pub const PARITER: &str = "pariter parallel_map";
/// rayon's `par_bridge` over items with indexes, collected and sorted.
pub const PAR_BRIDGE_SORTED: &str = "rayon par_bridge, collect and sort";

/// Our generator without a lock.
pub const OUR_GENERATOR: &str = "threadsafe-gen, Generator alone";
/// A `ThreadsafeIter` that is owned, not shared.
pub const OURS_OWNED: &str = "threadsafe-gen, owned ThreadsafeIter";
/// The hand-written iterator without a lock.
pub const PLAIN: &str = "hand-written iterator";
/// genawaiter's generator for one thread, the baseline for an owned generator.
pub const GENAWAITER_RC: &str = "genawaiter::rc";
/// genawaiter's generator for threads, without a mutex.
pub const GENAWAITER_SYNC: &str = "genawaiter::sync";
/// fauxgen without a mutex.
pub const FAUXGEN_ALONE: &str = "fauxgen";
/// async-stream without a mutex.
pub const ASYNC_STREAM_ALONE: &str = "async-stream";
/// A `gen` block without a mutex.
#[cfg(nightly)]
pub const GEN_BLOCK_ALONE: &str = "gen {}";

/// Functions with our attribute.
pub const ANNOTATED: &str = "#[threadsafe_generator]";
/// Functions with our attribute, and a call of `next` on each: only then is machine code generated for the body.
pub const ANNOTATED_USED: &str = "#[threadsafe_generator], next called";
/// The same functions as methods with the attribute of `async-trait`.
pub const ASYNC_TRAIT: &str = "#[async_trait]";
/// The same functions without an attribute.
pub const PLAIN_FUNCTIONS: &str = "plain functions";
