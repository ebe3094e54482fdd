trait Source {
    #[threadsafe_generator]
    fn items(&self, (a, _): (u8, u8)) -> impl Iterator<Item = u8> + 'static;

    #[threadsafe_generator]
    fn pages(&self) -> impl Stream<Item = Page>;

    #[threadsafe_generator]
    fn zeros() -> impl Iterator<Item = u8> {
        #![allow(unused)]
        yield_from!([0; 2]);
    }
}
