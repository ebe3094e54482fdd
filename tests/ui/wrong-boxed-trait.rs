use threadsafe_gen::threadsafe_generator;

#[threadsafe_generator]
fn numbers(n: u32) -> Box<dyn Fn() -> u32> {
    yield_!(n);
}

fn main() {
    numbers(1)();
}
