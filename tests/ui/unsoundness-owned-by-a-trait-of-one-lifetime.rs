use std::cell::RefCell;
use std::rc::Rc;

use threadsafe_gen::{__private::generator_by_value, Yielder};

trait Body<'id> {
    fn run(self, co: Yielder<'id, u32>) -> impl Future<Output = ()>;
}

struct Keep<'id>(Rc<RefCell<Vec<Yielder<'id, u32>>>>);

impl<'id> Body<'id> for Keep<'id> {
    async fn run(self, co: Yielder<'id, u32>) {
        self.0.borrow_mut().push(co);
    }
}

// A body that shares a place for yielders with the caller. The place is for yielders of one lifetime.
fn main() {
    let kept = Rc::default();
    let body = Keep(Rc::clone(&kept));
    generator_by_value(|co| body.run(co)).for_each(drop);
    drop(kept.borrow_mut()[0].yield_(1));
}
