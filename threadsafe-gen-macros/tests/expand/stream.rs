#[threadsafe_generator]
fn pages(urls: Vec<Url>) -> impl Stream<Item = Page> {
    for url in urls {
        let page = get(url).await;
        yield_!(page);
    }
}
