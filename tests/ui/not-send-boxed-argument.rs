use threadsafe_gen::threadsafe_generator;

#[threadsafe_generator]
pub fn mapped(f: Box<dyn Fn(u8) -> u8>) -> Box<dyn Iterator<Item = u8>> {
    yield_!(f(1));
}

fn main() {}
