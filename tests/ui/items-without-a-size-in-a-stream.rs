use threadsafe_gen::Stream;
use threadsafe_gen::threadsafe_generator;

#[threadsafe_generator]
fn numbers() -> impl Stream<Item = dyn Fn()> {
    yield_!(1);
}

fn main() {
    let _ = numbers();
}
