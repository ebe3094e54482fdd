use std::sync::mpsc;
use std::thread;

use threadsafe_gen::{Yielder, generator};

// To a thread that has its own time, by a channel.
fn main() {
    let (sender, receiver) = mpsc::channel::<&mut Yielder<'_, u32>>();
    thread::scope(|s| {
        s.spawn(move || receiver.iter().for_each(|co| drop(co.yield_(1))));
        generator(async |co| sender.send(co).unwrap()).for_each(drop);
    });
}
