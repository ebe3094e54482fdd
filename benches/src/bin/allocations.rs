//! Counts the allocations of the question `making`, and prints them as JSON, a number for each of the makers.
//!
//! A program of its own, since counting replaces the allocator and makes it slower, and times are taken without that.

use benches::questions::making::makers;

fn main() {
    let counts: Vec<_> = makers().iter().map(|maker| allocation_counter::measure(maker.started).count_total).collect();
    println!("{}", serde_json::to_string(&counts).expect("numbers can be written as JSON"));
}
