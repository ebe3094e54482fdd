use threadsafe_gen::threadsafe_generator;

#[threadsafe_generator]
pub fn repeated<T: Clone>(items: Vec<T>) -> impl Iterator<Item = T> {
    for item in &items {
        yield_!(item.clone());
    }
}

fn main() {}
