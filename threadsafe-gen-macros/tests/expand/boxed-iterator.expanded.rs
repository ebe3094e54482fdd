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
                    #[allow(unreachable_code)] if ! __yielder.put(__item) {
                    ::threadsafe_gen::__private::suspend(). await } }
                };
                ($item:expr $(,)?) => {
                    { let __item : Box < dyn Display + Send > = $item;
                    #[allow(unreachable_code)] if ! __yielder.put(__item) {
                    ::threadsafe_gen::__private::suspend(). await } }
                };
                ($($other:tt)*) => {
                    ::core::compile_error!("`yield_!` takes at most one argument: write `yield_!((a, b))` for a tuple")
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
