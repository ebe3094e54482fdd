#[threadsafe_generator]
pub fn pairs<'a, T: Sync>(items: &'a [T]) -> impl Iterator<Item = (&'a T, &'a T)> + 'a {
    for a in items {
        yield_from!(items.iter().map(|b| (a, b)));
        if items.len() > 9 {
            return;
        }
    }
    yield_!((&items[0], &items[1]));
}
