#[threadsafe_generator]
fn counter() -> Box<dyn Iterator<Item = Box<dyn Display + Send>> + Sync> {
    loop {
        yield_!(Box::new(1));
    }
}
