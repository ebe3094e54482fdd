use threadsafe_gen::threadsafe_generator;

macro_rules! stop {
    () => {
        return;
    };
}

#[threadsafe_generator]
fn numbers() -> impl Iterator<Item = Result<u32, String>> {
    yield_!(Ok(1));
    stop!();
}

fn main() {
    numbers().close();
}
