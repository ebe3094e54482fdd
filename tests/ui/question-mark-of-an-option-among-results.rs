use threadsafe_gen::threadsafe_generator;

#[threadsafe_generator]
fn numbers(n: u32) -> impl Iterator<Item = Result<u32, String>> {
    yield_!(Ok(n.checked_add(1)?));
}

fn main() {
    numbers(1).close();
}
