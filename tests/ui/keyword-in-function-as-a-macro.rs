use threadsafe_gen::threadsafe_generator;

#[rustfmt::skip]
#[threadsafe_generator]
pub fn numbers(n: u32) -> impl Iterator<Item = u32> {
    yield!(n);
}

fn main() {}
