impl Counter {
    #[threadsafe_generator]
    fn by_reference(&mut self, step: u64) -> impl Iterator<Item = u64> {
        yield_!(self.0 + step);
    }

    #[threadsafe_generator]
    fn by_value(self: Box<Self>) -> impl Iterator<Item = u64> {
        yield_!(self.0);
    }
}
