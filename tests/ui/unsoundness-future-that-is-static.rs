use std::pin::Pin;

use threadsafe_gen::{__private::generator_by_value, Yielder};

// A box with a future that owns a yielder, of a type without the lifetime of the yielder.
fn body(mut co: Yielder<'_, u32>) -> Pin<Box<dyn Future<Output = ()>>> {
    Box::pin(async move { co.yield_(1).await })
}

fn main() {
    generator_by_value(body).for_each(drop);
}
