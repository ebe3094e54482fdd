use threadsafe_gen::generator;

fn main() {
    generator! {
        macro_rules! twice {
            ($item:expr) => {
                yield $item;
            };
        }
        twice!(1);
    };
}
