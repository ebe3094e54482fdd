use threadsafe_gen::{Yielder, generator};

fn main() {
    generator(|co: &mut Yielder<'_, u32>| async move {
        co.yield_(1).await;
    });
}
