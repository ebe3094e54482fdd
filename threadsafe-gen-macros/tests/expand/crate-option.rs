#[threadsafe_generator(crate = my_reexport::threadsafe_gen)]
fn sum() -> impl Coroutine<Yield = u32, Resume = u32, Return = ()> {
    yield_!(resumed_with!());
}
