use threadsafe_gen::threadsafe_generator;

#[threadsafe_generator]
pub fn cloned<T: Clone + Send>(items: &[T]) -> impl Iterator<Item = T> {
    for item in items {
        yield_!(item.clone());
    }
}

fn main() {}
