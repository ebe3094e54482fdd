use threadsafe_gen::generator;

fn main() {
    generator! {
        let n: u32 = "1".parse()?;
        yield n;
    };
}
