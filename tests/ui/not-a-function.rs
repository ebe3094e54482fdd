use threadsafe_gen::threadsafe_generator;

#[threadsafe_generator]
struct Numbers(u32);

fn main() {
    drop(Numbers(1));
}
