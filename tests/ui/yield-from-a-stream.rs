use threadsafe_gen::{Stream, ThreadsafeStream, threadsafe_generator};

#[threadsafe_generator]
pub fn twice(inner: ThreadsafeStream<impl Stream<Item = u8> + Send + Unpin>) -> impl Stream<Item = u8> {
    yield_from!(inner);
}

fn main() {}
