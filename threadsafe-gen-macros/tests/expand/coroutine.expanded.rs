fn sum() -> ::threadsafe_gen::ThreadsafeCoroutine<
    impl Coroutine<
        Yield = u32,
        Resume = u32,
        Return = Result<(), Error>,
    > + ::core::marker::Send + ::core::marker::Unpin,
> {
    ::threadsafe_gen::coroutine::<
        u32,
        u32,
        Result<(), Error>,
        _,
    >(async move |__yielder, __resumed_with| {
            if false {
                return ::threadsafe_gen::__private::unreachable::<Result<(), Error>>();
            }
            #[allow(unused_variables)]
            let __resumed_with = ::threadsafe_gen::__private::FirstArgument(
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
            macro_rules! yield_from {
                ($inner:expr, $first:expr $(,)?) => {
                    { let (__inner, __first) = ($inner, $first); __yielder
                    .delegate(__inner, __first). await }
                };
                ($($other:tt)*) => {
                    ::core::compile_error!("`yield_from!` takes two arguments here: write `yield_from!(coroutine, first)`, or yield items by `for item in items { let argument = yield_!(item); }`")
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
            let __returned: Result<(), Error> = {
                let mut sum = resumed_with!();
                while sum < 100 {
                    sum += yield_!(sum);
                }
                if sum == 100 {
                    return Ok(());
                }
                yield_from!(rest() ?, sum)
            };
            #[allow(unreachable_code)] return __returned;
        })
        .threadsafe()
}
fn countdown() -> ::threadsafe_gen::ThreadsafeCoroutine<
    impl Coroutine<
        Yield = u32,
        Resume = (),
        Return = (),
    > + ::core::marker::Send + ::core::marker::Unpin,
> {
    ::threadsafe_gen::coroutine::<
        u32,
        (),
        (),
        _,
    >(async move |__yielder, __resumed_with| {
            #[allow(unused_variables)]
            let __resumed_with = ::threadsafe_gen::__private::FirstArgument(
                __resumed_with,
            );
            #[allow(unused_macros)]
            macro_rules! yield_from {
                (@ $item:tt $items:expr) => {
                    for $item in $items { let $item : u32 = $item; { __yielder
                    .yield_($item). await } }
                };
                ($items:expr $(,)?) => {
                    for __item in ::threadsafe_gen::__private::send_items($items) { let
                    __item : u32 = __item; { __yielder.yield_(__item). await } }
                };
                ($inner:expr, $first:expr $(,)?) => {
                    { let (__inner, __first) = ($inner, $first); __yielder
                    .delegate(__inner, __first). await }
                };
                ($($other:tt)*) => {
                    ::core::compile_error!("`yield_from!` takes one or two arguments: write `yield_from!(items)` or `yield_from!(coroutine, first)`")
                };
            }
            #[allow(clippy::diverging_sub_expression)]
            let __returned: () = {
                yield_from!(
                    @ __item::threadsafe_gen::__private::send_items((0..3).rev())
                );
            };
            #[allow(unreachable_code)] return __returned;
        })
        .threadsafe()
}
