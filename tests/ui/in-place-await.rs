use threadsafe_gen::generator;

fn main() {
    generator! {
        yield 0;
        yield std::future::ready(1).await;
    };
}
