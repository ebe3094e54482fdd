use std::pin::Pin;

use threadsafe_gen::generator;

// The future of a yield in a place that outlives the body.
fn main() {
    let mut kept: Vec<Pin<Box<dyn Future<Output = ()>>>> = Vec::new();
    let items = generator(async |co| kept.push(Box::pin(co.yield_(1))));
    items.for_each(drop);
}
