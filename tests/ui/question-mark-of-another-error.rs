use threadsafe_gen::threadsafe_generator;

struct NoNumber;

#[threadsafe_generator]
fn numbers(text: &str) -> impl Iterator<Item = Result<u32, NoNumber>> {
    let n: u32 = text.parse()?;
    yield_!(Ok(n));
}

fn main() {
    numbers("1").close();
}
