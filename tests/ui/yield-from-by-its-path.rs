use threadsafe_gen::threadsafe_generator;

#[threadsafe_generator]
pub fn numbers() -> impl Iterator<Item = u8> {
    ::threadsafe_gen::yield_from!([1]);
}

fn main() {}
