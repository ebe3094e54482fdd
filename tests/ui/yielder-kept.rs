use threadsafe_gen::{Yielder, generator};

fn main() {
    let mut kept: Option<&mut Yielder<'_, u32>> = None;
    generator(async |co| {
        kept = Some(co);
    });
}
