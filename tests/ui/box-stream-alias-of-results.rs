use futures::stream::BoxStream;
use threadsafe_gen::threadsafe_generator;

#[threadsafe_generator]
fn numbers() -> BoxStream<'static, Result<u32, String>> {
    yield_!(1);
}

fn main() {
    let _ = numbers();
}
