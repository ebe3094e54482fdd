use threadsafe_gen::generator;

fn main() {
    generator! {
        yield 1_u32;
        let two: u32 = "two";
        yield two;
    };
}
