use futures::stream;
use threadsafe_gen::{Stream, threadsafe_generator};

#[threadsafe_generator]
fn numbers() -> impl Stream<Item = u32> {
    yield_from!(await stream::iter(["one"]));
}

fn main() {
    let _ = numbers();
}
