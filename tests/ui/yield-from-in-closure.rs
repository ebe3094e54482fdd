use threadsafe_gen::threadsafe_generator;

#[threadsafe_generator]
fn numbers(n: u32) -> impl Iterator<Item = u32> {
    let all = || yield_from!(0..n);
    all();
}

fn main() {
    numbers(1).close();
}
