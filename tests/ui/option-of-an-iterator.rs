use threadsafe_gen::threadsafe_generator;

#[threadsafe_generator]
fn numbers() -> Option<impl Iterator<Item = u32>> {
    yield_!(1);
}

fn main() {
    let _ = numbers();
}
