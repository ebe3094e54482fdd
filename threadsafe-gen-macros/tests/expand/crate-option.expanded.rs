fn sum() -> my_reexport::threadsafe_gen::ThreadsafeCoroutine<
    impl Coroutine<
        Yield = u32,
        Resume = u32,
        Return = (),
    > + ::core::marker::Send + ::core::marker::Unpin,
> {
    my_reexport::threadsafe_gen::coroutine::<
        u32,
        u32,
        (),
        _,
    >(async move |__yielder, __resumed_with| {
            #[allow(unused_variables)]
            let __resumed_with = my_reexport::threadsafe_gen::__private::FirstArgument(
                __resumed_with,
            );
            #[allow(unused_macros)]
            macro_rules! yield_ {
                () => {
                    { let __item : u32 = (); #[allow(unreachable_code)] { __yielder
                    .yield_(__item). await } }
                };
                ($item:expr $(,)?) => {
                    { let __item : u32 = $item; #[allow(unreachable_code)] { __yielder
                    .yield_(__item). await } }
                };
                ($($other:tt)*) => {
                    ::core::compile_error!("`yield_!` takes at most one argument: write `yield_!((a, b))` for a tuple")
                };
            }
            #[allow(unused_macros)]
            macro_rules! resumed_with {
                () => {
                    __resumed_with.take()
                };
                ($($other:tt)*) => {
                    ::core::compile_error!("`resumed_with!` takes no argument: write `resumed_with!()`")
                };
            }
            #[allow(clippy::diverging_sub_expression)]
            let __returned: () = {
                yield_!(resumed_with!());
            };
            #[allow(unreachable_code)] return __returned;
        })
        .threadsafe()
}
