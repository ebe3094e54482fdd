use threadsafe_gen::threadsafe_generator;

#[threadsafe_generator]
pub fn numbers() -> impl Iterator<Item = ()> {
    let _ = [0; { yield_!(()); 1 }];
    yield_!(());
}

fn main() {}
