fn arguments(
    #[cfg(a)]
    plain: u8,
    mutable: u8,
    #[cfg(c)]
    __arg2: (u8, u8),
    __arg3: [u8; 2],
    __arg4: u8,
    __arg5: u8,
    function: impl Fn(u8) -> u8,
) -> ::threadsafe_gen::ThreadsafeIter<impl Iterator<Item = u8> + ::core::marker::Send> {
    let __type6 = ::threadsafe_gen::__private::type_of(&function);
    ::threadsafe_gen::__private::SendArgument::generator(
        __type6,
        ::threadsafe_gen::__private::generator_by_value::<
            u8,
            _,
        >(async move |mut __yielder| {
                #[allow(unused_macros)]
                macro_rules! yield_ {
                    () => {
                        { let __item : u8 = (); #[allow(unreachable_code)] if ! __yielder
                        .put(__item) { ::threadsafe_gen::__private::suspend(). await } }
                    };
                    ($item:expr $(,)?) => {
                        { let __item : u8 = $item; #[allow(unreachable_code)] if !
                        __yielder.put(__item) { ::threadsafe_gen::__private::suspend().
                        await } }
                    };
                    ($($other:tt)*) => {
                        ::core::compile_error!("`yield_!` takes at most one argument: write `yield_!((a, b))` for a tuple")
                    };
                }
                #[allow(clippy::shadow_same)]
                #[cfg(a)]
                #[expect(b)]
                let plain = plain;
                #[allow(clippy::shadow_same)]
                let mut mutable = mutable;
                #[allow(clippy::shadow_same)]
                #[cfg(c)]
                let mut __arg2 = __arg2;
                #[allow(clippy::no_effect_underscore_binding)]
                #[cfg(c)]
                #[expect(d)]
                let (x, _) = __arg2;
                #[allow(clippy::shadow_same)]
                let mut __arg3 = __arg3;
                #[allow(clippy::no_effect_underscore_binding)]
                let [ref mut first, ..] = __arg3;
                #[allow(clippy::shadow_same)]
                let mut __arg4 = __arg4;
                #[allow(clippy::shadow_same)]
                let mut __arg5 = __arg5;
                #[allow(clippy::no_effect_underscore_binding)]
                let _unused = __arg5;
                #[allow(clippy::shadow_same)]
                let function = function;
                #[allow(clippy::diverging_sub_expression)]
                let __returned: () = {
                    yield_!(function(plain + mutable + x + * first));
                };
            })
            .threadsafe(),
    )
}
