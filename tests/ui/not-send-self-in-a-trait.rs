use threadsafe_gen::threadsafe_generator;

pub trait Source {
    fn item(&self) -> u8;

    #[threadsafe_generator]
    fn items(&self) -> impl Iterator<Item = u8> {
        yield_!(self.item());
    }
}

fn main() {}
