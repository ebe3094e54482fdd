use threadsafe_gen::{__private::generator_by_value, Yielder};

// A body that owns its yielder hands the yielder out as an item of another body.
fn main() {
    let mut outer = generator_by_value(async |mut outer: Yielder<'_, Yielder<'_, u32>>| {
        let inner = generator_by_value(async |inner: Yielder<'_, u32>| outer.yield_(inner).await);
        inner.for_each(drop);
    });
    outer.next();
}
