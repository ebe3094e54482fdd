use threadsafe_gen::threadsafe_generator;

#[threadsafe_generator]
fn numbers() -> std::io::Result<impl Iterator<Item = u32> + Send> {
    yield_!(1);
}

fn main() {
    let _ = numbers();
}
