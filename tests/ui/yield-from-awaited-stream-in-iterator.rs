use futures::stream;
use threadsafe_gen::threadsafe_generator;

#[threadsafe_generator]
fn numbers() -> impl Iterator<Item = u32> {
    yield_from!(await stream::iter([1]));
}

fn main() {
    numbers().next();
}
