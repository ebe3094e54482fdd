use threadsafe_gen::{__private::generator_by_value, Yielder};

// A body that owns its yielder leaves it in a place that outlives the body.
fn main() {
    let mut kept = None;
    generator_by_value(async |co: Yielder<'_, u32>| kept = Some(co)).for_each(drop);
}
