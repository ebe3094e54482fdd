use threadsafe_gen::threadsafe_generator;

#[threadsafe_generator]
pub fn numbers() -> impl Iterator<Item = ()> {
    static UNIT: () = yield_!(());
    yield_!(UNIT);
}

fn main() {}
