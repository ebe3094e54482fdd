use threadsafe_gen::threadsafe_generator;

#[threadsafe_generator]
unsafe extern "C" fn numbers(n: u32, more: ...) -> impl Iterator<Item = u32> {
    yield_!(n);
}

fn main() {}
