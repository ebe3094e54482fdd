const fn constant(
    _: (u32, u32),
) -> my_reexport::threadsafe_gen::ThreadsafeIter<
    Box<dyn Iterator<Item = u32> + ::core::marker::Send>,
> {
    ::core::compile_error! {
        "a generator cannot be a `const fn`: remove `const`"
    }
}
fn without_item_type() -> (
    [(); ::core::compile_error! {
        "missing associated type: write `Iterator<Item = T>`"
    }],
    Box<impl Iterator>,
) {
    ::core::compile_error! {
        "missing associated type: write `Iterator<Item = T>`"
    }
}
fn without_return_type() -> (
    [(); ::core::compile_error! {
        "missing return type: write `-> impl Iterator<Item = T>`"
    }],
) {
    ::core::compile_error! {
        "missing return type: write `-> impl Iterator<Item = T>`"
    }
}
fn main() {
    let numbers = {
        ::core::compile_error! {
            "cannot yield inside a closure: use a loop instead of the closure"
        }
        ::core::compile_error! {
            "cannot await in this generator: return `impl Stream<Item = T>` from an annotated function, or call `block_on(future)`"
        }
    };
}
