use threadsafe_gen::threadsafe_generator;

#[allow(unused_macros)]
macro_rules! select {
    ($pattern:pat => $value:expr) => {
        match $value {
            $pattern => {}
        }
    };
}

#[threadsafe_generator]
fn numbers() -> impl Iterator<Item = u32> {
    select!(_ => std::future::ready(1).await);
}

fn main() {
    numbers().close();
}
