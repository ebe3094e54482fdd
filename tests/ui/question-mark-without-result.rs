use threadsafe_gen::threadsafe_generator;

#[threadsafe_generator]
fn numbers(text: &str) -> impl Iterator<Item = u32> {
    yield_!(text.parse()?);
}

fn main() {
    numbers("1").close();
}
