use threadsafe_gen::generator;

fn main() {
    generator! {
        let first: u32 = resumed_with!();
        yield first;
    };
}
