use threadsafe_gen::threadsafe_generator;

#[threadsafe_generator]
fn doubled() -> impl Iterator<Item = u32> {
    let n: u32 = resumed_with!();
    yield_!(2 * n);
}

fn main() {
    doubled().close();
}
