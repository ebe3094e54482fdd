use threadsafe_gen::resumed_with;

fn double() -> u32 {
    let n: u32 = resumed_with!();
    2 * n
}

fn main() {
    double();
}
