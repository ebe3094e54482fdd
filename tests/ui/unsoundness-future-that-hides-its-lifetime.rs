use threadsafe_gen::{__private::generator_by_value, Yielder};

// An opaque future that owns a yielder, of a type that does not capture the lifetime of the yielder.
fn body(mut co: Yielder<'_, u32>) -> impl Future<Output = ()> + use<> {
    async move { co.yield_(1).await }
}

fn main() {
    generator_by_value(body).for_each(drop);
}
