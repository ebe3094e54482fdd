use threadsafe_gen::generator;

fn countdown(from: u32) -> impl Iterator<Item = u32> {
    generator! {
        for n in (1..=from).rev() {
            yield n;
        }
    }
}

fn main() {
    drop(countdown(1));
}
