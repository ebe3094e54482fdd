use threadsafe_gen::generator;

fn main() {
    generator! {
        fn twice(n: u32) {
            yield n;
        }
        yield 0;
        twice(1);
    };
}
