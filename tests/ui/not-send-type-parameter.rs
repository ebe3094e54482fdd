use threadsafe_gen::threadsafe_generator;

#[threadsafe_generator]
fn repeated<T: Clone>(item: T) -> impl Iterator<Item = T> {
    yield_!(item.clone());
}

fn main() {
    repeated(1).close();
}
