use threadsafe_gen::generator;

fn main() {
    let numbers = generator! {
        yield Ok("1".parse::<u32>()?);
        Ok(())
    };
    drop(numbers);
}
