#[threadsafe_generator(crate = my_reexport::threadsafe_gen)]
const fn constant((n, _): (u32, u32)) -> Box<dyn Iterator<Item = u32>> {
    yield_!(n);
}

#[threadsafe_generator]
fn without_item_type() -> Box<dyn Iterator> {
    yield_!(1);
}

#[threadsafe_generator]
fn without_return_type() {
    yield_!(1);
}

fn main() {
    let numbers = generator! {
        items.for_each(|item| yield item);
        future.await;
    };
}
