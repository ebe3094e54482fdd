use threadsafe_gen::generator;

// The frame without its generator.
fn main() {
    let items = generator(async |co| co.yield_(1).await);
    drop(items.frame);
}
