use threadsafe_gen::{Stream, threadsafe_generator};

#[threadsafe_generator]
fn numbers(n: u32) -> impl Stream<Item = u32> {
    let later = async {
        yield_!(n);
    };
    later.await;
}

fn main() {
    numbers(1).close();
}
