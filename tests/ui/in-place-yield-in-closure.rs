use threadsafe_gen::generator;

fn main() {
    generator! {
        yield 0;
        (1..5).for_each(|i| yield i);
    };
}
