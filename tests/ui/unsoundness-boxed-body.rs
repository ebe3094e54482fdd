use std::pin::Pin;

use threadsafe_gen::{Yielder, generator};

type Done<'a> = Pin<Box<dyn Future<Output = ()> + Send + 'a>>;

// A body behind a pointer of which only the lifetimes are known, the same for what it yields through and another.
fn main() {
    let mut kept: Vec<&mut Yielder<'_, u32>> = Vec::new();
    let mut body: Box<dyn for<'a, 'id> FnMut(&'a mut Yielder<'id, u32>) -> Done<'a>> = Box::new(|co| {
        kept.push(co);
        Box::pin(async {})
    });
    let _ = generator(async |co| body(co).await);
}
