use threadsafe_gen::threadsafe_generator;

#[threadsafe_generator]
fn words(text: &str) -> Box<dyn Iterator<Item = usize>> {
    for word in text.split(' ') {
        yield_!(word.len());
    }
}

fn main() {
    words("a b").close();
}
