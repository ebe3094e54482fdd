use threadsafe_gen::{GeneratorState, coroutine};

// Out of the body as what the coroutine is complete with.
fn main() {
    let kept = coroutine::<u32, (), _, _>(async |co, ()| co);
    let kept = kept.threadsafe();
    assert!(matches!(kept.resume(), Some(GeneratorState::Complete(_))));
}
