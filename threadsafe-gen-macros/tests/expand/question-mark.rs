#[threadsafe_generator]
fn numbers(text: &str) -> impl Iterator<Item = Result<u32, ParseIntError>> {
    for word in text.split(' ') {
        if word == "end" {
            return;
        }
        select! { _ => return, }
        yield_!(Ok(word.parse()?));
    }
}

#[threadsafe_generator]
fn lines(file: File) -> impl Stream<Item = io::Result<String>> {
    loop {
        yield_!(Ok(file.line().await?));
    }
}
