fn main() {
    let numbers = generator! {
        yield 1;
        assert_eq!([yield 2], [()]);
        select! { x = y => yield x, }
        yield_from!([3, 4]);
    };
    let parsed = generator! { move
        for word in words {
            yield Ok(word.parse()?);
        }
    };
}
