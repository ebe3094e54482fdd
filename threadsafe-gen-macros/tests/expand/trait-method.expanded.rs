trait Source {
    fn items(
        &self,
        __arg1: (u8, u8),
    ) -> ::threadsafe_gen::ThreadsafeIter<
        impl Iterator<Item = u8> + 'static + ::core::marker::Send,
    >;
    fn pages(
        &self,
    ) -> ::threadsafe_gen::ThreadsafeStream<
        impl Stream<Item = Page> + ::core::marker::Send + ::core::marker::Unpin,
    >;
    fn zeros() -> ::threadsafe_gen::ThreadsafeIter<
        impl Iterator<Item = u8> + ::core::marker::Send,
    > {
        #![allow(unused)]
        ::threadsafe_gen::__private::generator_by_value::<
            u8,
            _,
        >(async move |mut __yielder| {
                #[allow(unused_macros)]
                macro_rules! yield_from {
                    (@ $item:tt $items:expr) => {
                        for $item in $items { let $item : u8 = $item; if ! __yielder
                        .put($item) { ::threadsafe_gen::__private::suspend(). await } }
                    };
                    ($items:expr $(,)?) => {
                        for __item in ::threadsafe_gen::__private::send_items($items) {
                        let __item : u8 = __item; if ! __yielder.put(__item) {
                        ::threadsafe_gen::__private::suspend(). await } }
                    };
                    ($($other:tt)*) => {
                        ::core::compile_error!("`yield_from!` takes one argument: write `yield_from!(items)`")
                    };
                }
                #[allow(clippy::diverging_sub_expression)]
                let __returned: () = {
                    yield_from!(@ __item::threadsafe_gen::__private::send_items([0; 2]));
                };
            })
            .threadsafe()
    }
}
