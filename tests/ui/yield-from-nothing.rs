use threadsafe_gen::threadsafe_generator;

#[threadsafe_generator]
fn numbers() -> impl Iterator<Item = u32> {
    yield_from!();
}

fn main() {
    numbers().close();
}
