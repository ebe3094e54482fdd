use threadsafe_gen::threadsafe_generator;

#[threadsafe_generator]
pub fn numbers(texts: &[&'static str]) -> impl Iterator<Item = u8> {
    yield_from!([1]);
    yield_from!(texts.iter().copied());
}

fn main() {}
