use futures::stream;
use threadsafe_gen::{Stream, threadsafe_generator};

#[threadsafe_generator]
fn numbers() -> impl Stream<Item = u32> {
    yield_from!(await stream::iter([1]), stream::iter([2]));
}

fn main() {
    let _ = numbers();
}
