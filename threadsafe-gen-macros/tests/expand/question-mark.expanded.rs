fn numbers(
    text: &str,
) -> ::threadsafe_gen::ThreadsafeIter<
    impl Iterator<Item = Result<u32, ParseIntError>> + ::core::marker::Send,
> {
    ::threadsafe_gen::__private::fallible::<
        Result<u32, ParseIntError>,
        _,
        _,
    >(
            async move |__yielder| {
                #[allow(unused_macros)]
                macro_rules! yield_ {
                    () => {
                        { let __item : Result < u32, ParseIntError > = ();
                        #[allow(unreachable_code)] if ! __yielder.put(__item) {
                        ::threadsafe_gen::__private::suspend(). await } }
                    };
                    ($item:expr $(,)?) => {
                        { let __item : Result < u32, ParseIntError > = $item;
                        #[allow(unreachable_code)] if ! __yielder.put(__item) {
                        ::threadsafe_gen::__private::suspend(). await } }
                    };
                    ($($other:tt)*) => {
                        ::core::compile_error!("`yield_!` takes at most one argument: write `yield_!((a, b))` for a tuple")
                    };
                }
                #[allow(unused_macros)]
                macro_rules! yield_from {
                    (@ $item:tt $items:expr) => {
                        for $item in $items { let $item : Result < u32, ParseIntError > =
                        $item; if ! __yielder.put($item) {
                        ::threadsafe_gen::__private::suspend(). await } }
                    };
                    ($items:expr $(,)?) => {
                        for __item in ::threadsafe_gen::__private::send_items($items) {
                        let __item : Result < u32, ParseIntError > = __item; if !
                        __yielder.put(__item) { ::threadsafe_gen::__private::suspend().
                        await } }
                    };
                    ($($other:tt)*) => {
                        ::core::compile_error!("`yield_from!` takes one argument: write `yield_from!(items)`")
                    };
                }
                #[allow(clippy::shadow_same)]
                let text = text;
                #[allow(clippy::diverging_sub_expression)]
                let __returned: () = {
                    for word in text.split(' ') {
                        if word == "end" {
                            return { ::core::result::Result::Ok(()) };
                        }
                        select! {
                            _ => return ::core::result::Result::Ok(()),
                        }
                        yield_!(Ok(word.parse() ?));
                    }
                };
                #[allow(unreachable_code)] return ::core::result::Result::Ok(());
            },
            <Result<
                u32,
                ParseIntError,
            > as ::threadsafe_gen::__private::Fallible>::from_error,
        )
        .threadsafe()
}
fn lines(
    file: File,
) -> ::threadsafe_gen::ThreadsafeStream<
    impl Stream<Item = io::Result<String>> + ::core::marker::Send + ::core::marker::Unpin,
> {
    let __type0 = ::threadsafe_gen::__private::type_of(&file);
    ::threadsafe_gen::__private::SendArgument::generator(
        __type0,
        ::threadsafe_gen::__private::fallible_stream::<
            io::Result<String>,
            _,
            _,
        >(
                async move |__yielder| {
                    #[allow(unused_macros)]
                    macro_rules! yield_ {
                        () => {
                            { let __item : io::Result < String > = ();
                            #[allow(unreachable_code)] { __yielder.yield_(__item). await
                            } }
                        };
                        ($item:expr $(,)?) => {
                            { let __item : io::Result < String > = $item;
                            #[allow(unreachable_code)] { __yielder.yield_(__item). await
                            } }
                        };
                        ($($other:tt)*) => {
                            ::core::compile_error!("`yield_!` takes at most one argument: write `yield_!((a, b))` for a tuple")
                        };
                    }
                    #[allow(clippy::shadow_same)]
                    let file = file;
                    #[allow(clippy::diverging_sub_expression)]
                    let __returned: () = {
                        loop {
                            yield_!(Ok(file.line(). await ?));
                        }
                    };
                    #[allow(unreachable_code)] return ::core::result::Result::Ok(());
                },
                <io::Result<String> as ::threadsafe_gen::__private::Fallible>::from_error,
            )
            .threadsafe(),
    )
}
