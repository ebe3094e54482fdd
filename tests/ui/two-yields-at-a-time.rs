use threadsafe_gen::generator;

fn main() {
    generator(async |co| {
        let first = co.yield_(1);
        let second = co.yield_(2);
        first.await;
        second.await;
    });
}
