use threadsafe_gen::stream;

fn main() {
    for n in stream(async |co| co.yield_(1).await) {
        println!("{n}");
    }
}
