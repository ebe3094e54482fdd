//! Counts the allocations for the question `making`, and prints them as JSON, one number per maker.
//!
//! This is a separate program because counting replaces the allocator with a slower one, which must not affect the
//! times.

use benches::questions::making::makers;

fn main() {
    let counts: Vec<_> = makers().iter().map(|maker| allocation_counter::measure(maker.started).count_total).collect();
    println!("{}", serde_json::to_string(&counts).expect("numbers can be written as JSON"));
}
