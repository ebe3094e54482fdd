use threadsafe_gen::{__private::generator_by_value, Yielder};

// An inner generator, which owns the yielder of the outer body, in a place that outlives the outer body. Its type is
// opaque and captures the closure, and with the closure the lifetime of the yielder.
fn main() {
    let mut kept = None;
    let outer = generator_by_value(async |mut outer: Yielder<'_, u32>| {
        kept = Some(generator_by_value(async move |_: Yielder<'_, u32>| outer.yield_(1).await));
    });
    outer.for_each(drop);
    kept.unwrap().for_each(drop);
}
