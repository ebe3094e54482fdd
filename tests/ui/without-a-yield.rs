use threadsafe_gen::threadsafe_generator;

#[threadsafe_generator]
pub fn numbers(n: &mut u8) -> impl Iterator<Item = u8> {
    *n += 1;
    println!("{n}");
}

fn main() {}
