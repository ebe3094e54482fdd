use threadsafe_gen::generator;

fn main() {
    generator! {
        yield 0;
        drop(async {
            yield 1;
        });
    };
}
