use threadsafe_gen::threadsafe_generator;

#[threadsafe_generator]
fn numbers() -> impl Iterator<Item = str> {
    yield_!(1);
}

fn main() {
    let _ = numbers();
}
