use threadsafe_gen::generator;

fn main() {
    generator! {
        yield 1_u32;
        yield_from!(["two", "three"]);
    };
}
