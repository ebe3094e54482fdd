use std::cell::Cell;

use threadsafe_gen::{Generator, Yielder, generator};

// A generator of references to a cell is not one of references that are good for less, nor is a yielder.
fn shorten<'a, F>(items: Generator<Cell<&'static str>, F>) -> Generator<Cell<&'a str>, F> {
    items
}

async fn body(co: &mut Yielder<'_, &'static str>) {
    let text = String::from("gone");
    yield_short(co, &text).await;
}

async fn yield_short<'a>(co: &mut Yielder<'_, &'a str>, text: &'a str) {
    co.yield_(text).await;
}

fn main() {
    generator(body).for_each(drop);
}
