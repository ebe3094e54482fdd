use std::sync::Mutex;

use threadsafe_gen::{__private::generator_by_value, Yielder};

static KEPT: Mutex<Vec<Yielder<'static, u32>>> = Mutex::new(Vec::new());

// A body for yielders of one lifetime, which could then be kept.
async fn body(co: Yielder<'static, u32>) {
    KEPT.lock().unwrap().push(co);
}

fn main() {
    generator_by_value(body).for_each(drop);
}
