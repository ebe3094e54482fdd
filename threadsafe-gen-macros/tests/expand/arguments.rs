#[threadsafe_generator]
fn arguments(
    #[cfg(a)]
    #[expect(b)]
    plain: u8,
    mut mutable: u8,
    #[cfg(c)]
    #[expect(d)]
    (x, _): (u8, u8),
    [ref mut first, ..]: [u8; 2],
    _: u8,
    _unused: u8,
    function: impl Fn(u8) -> u8,
) -> impl Iterator<Item = u8> {
    yield_!(function(plain + mutable + x + *first));
}
