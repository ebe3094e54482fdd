use threadsafe_gen::generator;

fn main() {
    generator! {
        yield Ok::<u32, String>(1);
        let n = 2_u32?;
        yield Ok(n);
    };
}
