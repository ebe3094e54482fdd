use threadsafe_gen::{Stream, threadsafe_generator};

#[threadsafe_generator]
pub fn doubled(items: impl Iterator<Item = u8>) -> impl Stream<Item = u8> {
    yield_from!(items);
}

fn main() {}
