impl Counter {
    fn by_reference(
        &mut self,
        step: u64,
    ) -> ::threadsafe_gen::ThreadsafeIter<
        impl Iterator<Item = u64> + ::core::marker::Send,
    > {
        let __type0 = ::threadsafe_gen::__private::type_of(&self);
        ::threadsafe_gen::__private::SendArgument::generator(
            __type0,
            ::threadsafe_gen::__private::generator_by_value::<
                u64,
                _,
            >(async move |mut __yielder| {
                    #[allow(unused_macros)]
                    macro_rules! yield_ {
                        () => {
                            { let __item : u64 = (); #[allow(unreachable_code)] if !
                            __yielder.put(__item) {
                            ::threadsafe_gen::__private::suspend(). await } }
                        };
                        ($item:expr $(,)?) => {
                            { let __item : u64 = $item; #[allow(unreachable_code)] if !
                            __yielder.put(__item) {
                            ::threadsafe_gen::__private::suspend(). await } }
                        };
                        ($($other:tt)*) => {
                            ::core::compile_error!("`yield_!` takes at most one argument: write `yield_!((a, b))` for a tuple")
                        };
                    }
                    let _ = &self;
                    #[allow(clippy::shadow_same)]
                    let step = step;
                    #[allow(clippy::diverging_sub_expression)]
                    let __returned: () = {
                        yield_!(self.0 + step);
                    };
                })
                .threadsafe(),
        )
    }
    fn by_value(
        self: Box<Self>,
    ) -> ::threadsafe_gen::ThreadsafeIter<
        impl Iterator<Item = u64> + ::core::marker::Send,
    > {
        let __type0 = ::threadsafe_gen::__private::type_of(&self);
        ::threadsafe_gen::__private::SendArgument::generator(
            __type0,
            ::threadsafe_gen::__private::generator_by_value::<
                u64,
                _,
            >(async move |mut __yielder| {
                    #[allow(unused_macros)]
                    macro_rules! yield_ {
                        () => {
                            { let __item : u64 = (); #[allow(unreachable_code)] if !
                            __yielder.put(__item) {
                            ::threadsafe_gen::__private::suspend(). await } }
                        };
                        ($item:expr $(,)?) => {
                            { let __item : u64 = $item; #[allow(unreachable_code)] if !
                            __yielder.put(__item) {
                            ::threadsafe_gen::__private::suspend(). await } }
                        };
                        ($($other:tt)*) => {
                            ::core::compile_error!("`yield_!` takes at most one argument: write `yield_!((a, b))` for a tuple")
                        };
                    }
                    let _ = &self;
                    #[allow(clippy::diverging_sub_expression)]
                    let __returned: () = {
                        yield_!(self.0);
                    };
                })
                .threadsafe(),
        )
    }
}
