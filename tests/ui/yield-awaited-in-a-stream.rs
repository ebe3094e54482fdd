use threadsafe_gen::{Stream, threadsafe_generator};

#[threadsafe_generator]
pub fn numbers() -> impl Stream<Item = u8> {
    yield_from!([1]).await;
}

fn main() {}
