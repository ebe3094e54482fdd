use threadsafe_gen::threadsafe_generator;

#[threadsafe_generator]
pub fn lines(text: &str) -> impl Iterator<Item = &str> {
    let mut lines = text.lines().map(|line| line.trim()).peekable();
    while let Some(line) = lines.next() {
        yield_!(line);
    }
}

fn main() {}
