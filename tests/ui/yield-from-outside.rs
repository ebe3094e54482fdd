fn numbers(n: u32) {
    threadsafe_gen::yield_from!(0..n);
}

fn main() {
    numbers(1);
}
