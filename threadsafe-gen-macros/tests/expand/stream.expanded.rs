fn pages(
    urls: Vec<Url>,
) -> ::threadsafe_gen::ThreadsafeStream<
    impl Stream<Item = Page> + ::core::marker::Send + ::core::marker::Unpin,
> {
    let __type0 = ::threadsafe_gen::__private::type_of(&urls);
    ::threadsafe_gen::__private::SendArgument::generator(
        __type0,
        ::threadsafe_gen::stream::<
            Page,
            _,
        >(async move |__yielder| {
                #[allow(unused_macros)]
                macro_rules! yield_ {
                    () => {
                        { let __item : Page = (); #[allow(unreachable_code)] { __yielder
                        .yield_(__item). await } }
                    };
                    ($item:expr $(,)?) => {
                        { let __item : Page = $item; #[allow(unreachable_code)] {
                        __yielder.yield_(__item). await } }
                    };
                    ($($other:tt)*) => {
                        ::core::compile_error!("`yield_!` takes at most one argument: write `yield_!((a, b))` for a tuple")
                    };
                }
                #[allow(clippy::shadow_same)]
                let urls = urls;
                #[allow(clippy::diverging_sub_expression)]
                let __returned: () = {
                    for url in urls {
                        let page = get(url).await;
                        yield_!(page);
                    }
                };
            })
            .threadsafe(),
    )
}
