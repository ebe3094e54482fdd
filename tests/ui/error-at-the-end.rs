use threadsafe_gen::threadsafe_generator;

#[threadsafe_generator]
fn numbers(text: &str) -> impl Iterator<Item = Result<u32, String>> {
    match text.parse() {
        Ok(n) => yield_!(Ok(n)),
        Err(_) => Err(text.to_owned()),
    }
}

fn main() {
    numbers("1").close();
}
