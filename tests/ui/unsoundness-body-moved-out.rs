use threadsafe_gen::generator;

// The future without its slot.
fn main() {
    let items = generator(async |co| co.yield_(1).await);
    drop(items.body);
}
