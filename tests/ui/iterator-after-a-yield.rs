use threadsafe_gen::threadsafe_generator;

#[threadsafe_generator]
pub fn numbers() -> impl Iterator<Item = u8> {
    yield_!(0);
    (1..10).map(|n| n + 1)
}

fn main() {}
