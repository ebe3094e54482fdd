use threadsafe_gen::threadsafe_generator;

#[threadsafe_generator]
pub fn mapped(f: impl Fn(u8) -> u8) -> impl Iterator<Item = u8> {
    yield_!(f(1));
}

fn main() {}
