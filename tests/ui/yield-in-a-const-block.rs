use threadsafe_gen::threadsafe_generator;

#[threadsafe_generator]
pub fn numbers() -> impl Iterator<Item = ()> {
    yield_!(const { yield_!(()) });
}

fn main() {}
