use threadsafe_gen::generator;

fn main() {
    generator! {
        yield 1;
        return 2;
    };
}
