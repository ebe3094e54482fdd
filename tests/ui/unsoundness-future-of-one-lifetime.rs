use std::pin::Pin;
use std::sync::Mutex;
use std::task::{Context, Poll};

use threadsafe_gen::{__private::generator_by_value, Yielder};

static KEPT: Mutex<Vec<Yielder<'static, u32>>> = Mutex::new(Vec::new());

struct Body<'id>(Option<Yielder<'id, u32>>);

// The body takes yielders of all lifetimes, but is a future for one lifetime only, and keeps the yielder of that one.
impl Future for Body<'static> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        KEPT.lock().unwrap().extend(self.0.take());
        Poll::Ready(())
    }
}

fn body(co: Yielder<'_, u32>) -> Body<'_> {
    Body(Some(co))
}

fn main() {
    generator_by_value(body).for_each(drop);
}
