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
                #[allow(unused_macros)]
                macro_rules! yield_from {
                    (await @ $name:ident $method:ident $stream:expr) => {
                        match $stream { $name => __yielder. $method ($name). await, }
                    };
                    (await $stream:expr $(,)?) => {
                        match $stream { __stream => __yielder.yield_from_stream(__stream)
                        . await, }
                    };
                    (@ $item:tt $items:expr) => {
                        for $item in $items { let $item : Page = $item; __yielder
                        .yield_($item). await; }
                    };
                    ($items:expr $(,)?) => {
                        for __item in ::threadsafe_gen::__private::send_items($items) {
                        let __item : Page = __item; __yielder.yield_(__item). await; }
                    };
                    ($($other:tt)*) => {
                        ::core::compile_error!("`yield_from!` takes one argument: write `yield_from!(items)`, or `yield_from!(await stream)`")
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
