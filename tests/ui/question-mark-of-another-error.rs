use threadsafe_gen::threadsafe_generator;

#[threadsafe_generator]
fn numbers(text: &str) -> impl Iterator<Item = Result<u32, std::io::Error>> {
    let n: u32 = text.parse()?;
    yield_!(Ok(n));
}

fn main() {
    numbers("1").close();
}
