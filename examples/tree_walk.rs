//! A recursive generator: the in-order walk of a binary search tree, shared by two threads.
//!
//! The return type is boxed, because the type of a recursive walk must be written out. The walk of a subtree is owned
//! by the walk of its parent and takes no lock; the two threads lock only the walk of the root.
//!
//! ```console
//! $ cargo run --release --example tree_walk
//! ```

use std::io::{self, Write};
use std::process::ExitCode;
use std::thread;

use threadsafe_gen::threadsafe_generator;

/// The number of items in the tree. [`shuffled`] needs a prime.
const ITEMS: u32 = 100_003;

/// A binary search tree, not balanced.
struct Tree<T>(Option<Box<Node<T>>>);

struct Node<T> {
    left: Tree<T>,
    item: T,
    right: Tree<T>,
}

impl<T: Ord + Sync> Tree<T> {
    fn insert(&mut self, item: T) {
        match &mut self.0 {
            None => self.0 = Some(Box::new(Node { left: Tree(None), item, right: Tree(None) })),
            Some(node) if item < node.item => node.left.insert(item),
            Some(node) => node.right.insert(item),
        }
    }

    /// Yields the items in ascending order.
    #[threadsafe_generator]
    fn in_order(&self) -> Box<dyn Iterator<Item = &T> + '_> {
        if let Some(node) = &self.0 {
            yield_from!(node.left.in_order());
            yield_!(&node.item);
            yield_from!(node.right.in_order());
        }
    }
}

/// Returns every number below [`ITEMS`] once, in steps of the golden ratio around a circle.
fn shuffled() -> impl Iterator<Item = u32> {
    (0..ITEMS).scan(0, |at, _| {
        *at = (*at + 61_805) % ITEMS;
        Some(*at)
    })
}

fn main() -> ExitCode {
    program::run(&program::no_options("Walks through a binary search tree on two threads"), |()| {
        let mut output = io::stdout();
        let mut tree = Tree(None);
        for item in shuffled() {
            tree.insert(item);
        }

        let walk = tree.in_order();
        let shares: Vec<Vec<u32>> = thread::scope(|s| {
            let workers: Vec<_> = (0..2).map(|_| s.spawn(|| walk.iter().copied().collect())).collect();
            workers.into_iter().map(|worker| worker.join().expect("the walk does not panic")).collect()
        });

        for (thread, share) in shares.iter().enumerate() {
            assert!(share.is_sorted(), "the items of a thread are not in the order of the walk");
            writeln!(output, "thread {thread}: {} items in ascending order", share.len())?;
        }
        let mut union = shares.concat();
        union.sort_unstable();
        assert!(union.iter().copied().eq(0..ITEMS), "an item was lost or delivered twice");
        writeln!(output, "together: {} items, each of 0..{ITEMS} once", union.len())?;
        Ok(())
    })
}
