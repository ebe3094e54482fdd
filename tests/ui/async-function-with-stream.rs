use threadsafe_gen::{Stream, threadsafe_generator};

#[threadsafe_generator]
async fn numbers(n: u32) -> impl Stream<Item = u32> {
    yield_!(std::future::ready(n).await);
}

fn main() {
    drop(numbers(1));
}
