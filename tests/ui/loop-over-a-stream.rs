use threadsafe_gen::{Stream, threadsafe_generator};

#[threadsafe_generator]
fn numbers() -> impl Stream<Item = u8> {
    yield_!(1);
}

fn main() {
    for n in numbers() {
        println!("{n}");
    }
}
