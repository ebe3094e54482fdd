use threadsafe_gen::threadsafe_generator;

#[threadsafe_generator]
fn numbers(text: &str) -> impl Iterator<Item = anyhow::Result<u32>> {
    yield_!(Ok(text.parse()?));
    Ok(())
}

fn main() {
    numbers("1").close();
}
