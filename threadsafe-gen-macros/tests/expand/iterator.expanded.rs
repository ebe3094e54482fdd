pub fn pairs<'a, T: Sync>(
    items: &'a [T],
) -> ::threadsafe_gen::ThreadsafeIter<
    impl Iterator<Item = (&'a T, &'a T)> + 'a + ::core::marker::Send,
> {
    let __type0 = ::threadsafe_gen::__private::type_of(&items);
    ::threadsafe_gen::__private::SendArgument::generator(
        __type0,
        ::threadsafe_gen::__private::generator_by_value::<
            (&'a T, &'a T),
            _,
        >(async move |mut __yielder| {
                #[allow(unused_macros)]
                macro_rules! yield_ {
                    () => {
                        { let __item : (& 'a T, & 'a T) = (); #[allow(unreachable_code)]
                        if ! __yielder.put(__item) {
                        ::threadsafe_gen::__private::suspend(). await } }
                    };
                    ($item:expr $(,)?) => {
                        { let __item : (& 'a T, & 'a T) = $item;
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
                        for $item in $items { let $item : (& 'a T, & 'a T) = $item; if !
                        __yielder.put($item) { ::threadsafe_gen::__private::suspend().
                        await } }
                    };
                    ($items:expr $(,)?) => {
                        for __item in ::threadsafe_gen::__private::send_items($items) {
                        let __item : (& 'a T, & 'a T) = __item; if ! __yielder
                        .put(__item) { ::threadsafe_gen::__private::suspend(). await } }
                    };
                    ($($other:tt)*) => {
                        ::core::compile_error!("`yield_from!` takes one argument: write `yield_from!(items)`")
                    };
                }
                #[allow(clippy::shadow_same)]
                let items = items;
                #[allow(clippy::diverging_sub_expression)]
                let __returned: () = {
                    for a in items {
                        yield_from!(
                            @ __item::threadsafe_gen::__private::send_items(items.iter()
                            .map(| b | (a, b)))
                        );
                        if items.len() > 9 {
                            return;
                        }
                    }
                    yield_!((& items[0], & items[1]));
                };
            })
            .threadsafe(),
    )
}
