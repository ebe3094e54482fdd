use threadsafe_gen::{Stream, threadsafe_generator};

#[threadsafe_generator]
fn numbers(n: u32) -> impl Stream + Send {
    yield_!(std::future::ready(n).await);
}

fn main() {
    numbers(1).close();
}
