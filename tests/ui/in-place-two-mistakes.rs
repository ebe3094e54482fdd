use threadsafe_gen::generator;

fn main() {
    generator! {
        (1..5).for_each(|i| yield i);
        yield std::future::ready(5).await;
    };
}
