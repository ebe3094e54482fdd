use threadsafe_gen::generator;

fn main() {
    let words = vec![String::from("one")];
    generator! {
        let moved = words[0];
        yield moved;
    };
}
