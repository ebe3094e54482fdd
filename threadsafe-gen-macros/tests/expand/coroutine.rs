#[threadsafe_generator]
fn sum() -> impl Coroutine<Yield = u32, Resume = u32, Return = Result<(), Error>> {
    let mut sum = resumed_with!();
    while sum < 100 {
        sum += yield_!(sum);
    }
    if sum == 100 {
        return Ok(());
    }
    yield_from!(rest()?, sum)
}

#[threadsafe_generator]
fn countdown() -> impl Coroutine<Yield = u32, Resume = (), Return = ()> {
    yield_from!((0..3).rev());
}
