use std::thread;

struct Counter(u64);

impl Iterator for Counter {
    type Item = u64;

    fn next(&mut self) -> Option<u64> {
        self.0 += 1;
        Some(self.0)
    }
}

fn main() {
    let mut counter = Counter(0);
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| counter.next());
        }
    });
}
