fn counter() -> ::threadsafe_gen::ThreadsafeIter<
    Box<dyn Iterator<Item = Box<dyn Display + Send>> + ::core::marker::Send>,
> {
    let _ = ::core::option::Option::<&dyn Sync>::None;
    ::threadsafe_gen::__private::boxed(
        ::threadsafe_gen::__private::generator_by_value::<
            Box<dyn Display + Send>,
            _,
        >(async move |mut __yielder| {
            #[allow(unused_macros)]
            macro_rules! yield_ {
                () => {
                    { let __item : Box < dyn Display + Send > = ();
                    #[allow(unreachable_code)] { __yielder.yield_(__item). await } }
                };
                ($item:expr $(,)?) => {
                    { let __item : Box < dyn Display + Send > = $item;
                    #[allow(unreachable_code)] { __yielder.yield_(__item). await } }
                };
                ($($other:tt)*) => {
                    ::core::compile_error!("`yield_!` takes at most one argument: write `yield_!((a, b))` for a tuple")
                };
            }
            #[allow(unused_macros)]
            macro_rules! yield_from {
                (@ $item:tt $items:expr) => {
                    for $item in $items { let $item : Box < dyn Display + Send > = $item;
                    __yielder.yield_($item). await; }
                };
                ($items:expr $(,)?) => {
                    for __item in ::threadsafe_gen::__private::send_items($items) { let
                    __item : Box < dyn Display + Send > = __item; __yielder
                    .yield_(__item). await; }
                };
                ($($other:tt)*) => {
                    ::core::compile_error!("`yield_from!` takes one argument: write `yield_from!(items)`")
                };
            }
            #[allow(clippy::diverging_sub_expression)]
            let __returned: () = {
                loop {
                    yield_!(Box::new(1));
                }
            };
        }),
        |
            __iter,
        | -> Box<dyn Iterator<Item = Box<dyn Display + Send>> + ::core::marker::Send> {
            ::std::boxed::Box::new(__iter)
        },
    )
}
