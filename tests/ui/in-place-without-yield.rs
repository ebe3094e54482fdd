use threadsafe_gen::generator;

fn main() {
    generator! {
        println!("nothing");
    };
}
