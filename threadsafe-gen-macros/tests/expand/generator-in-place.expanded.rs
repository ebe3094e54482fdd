fn main() {
    let numbers = threadsafe_gen::__private::generator_by_value(async |mut __yielder| {
        let __unify_items = |__item| __item;
        let _ = __yielder.yield_from(::core::option::Option::None.map(__unify_items));
        #[allow(unused_macros)]
        macro_rules! yield_ {
            () => {
                { #[allow(unreachable_code)] let __item = __unify_items(());
                #[allow(unreachable_code)] if ! __yielder.put(__item) {
                threadsafe_gen::__private::suspend(). await } }
            };
            ($item:expr $(,)?) => {
                { #[allow(unreachable_code)] let __item = __unify_items($item);
                #[allow(unreachable_code)] if ! __yielder.put(__item) {
                threadsafe_gen::__private::suspend(). await } }
            };
            ($($other:tt)*) => {
                ::core::compile_error!("`yield_!` takes at most one argument: write `yield_!((a, b))` for a tuple")
            };
        }
        #[allow(unused_macros)]
        macro_rules! yield_from {
            (@ $item:tt $items:expr) => {
                for $item in $items { let $item = __unify_items($item); if ! __yielder
                .put($item) { threadsafe_gen::__private::suspend(). await } }
            };
            ($items:expr $(,)?) => {
                for __item in $items { let __item = __unify_items(__item); if ! __yielder
                .put(__item) { threadsafe_gen::__private::suspend(). await } }
            };
            ($($other:tt)*) => {
                ::core::compile_error!("`yield_from!` takes one argument: write `yield_from!(items)`")
            };
        }
        #[allow(clippy::diverging_sub_expression)]
        let __returned: () = {
            yield_!(1);
            assert_eq!([yield_!(2)], [()]);
            select! {
                x = y => yield_!(x),
            }
            yield_from!(@ __item[3, 4]);
        };
    });
    let parsed = threadsafe_gen::__private::fallible(
        async move |__yielder| {
            let __unify_items = |__item| __item;
            let _ = __yielder
                .yield_from(::core::option::Option::None.map(__unify_items));
            #[allow(unused_macros)]
            macro_rules! yield_ {
                () => {
                    { #[allow(unreachable_code)] let __item = __unify_items(());
                    #[allow(unreachable_code)] if ! __yielder.put(__item) {
                    threadsafe_gen::__private::suspend(). await } }
                };
                ($item:expr $(,)?) => {
                    { #[allow(unreachable_code)] let __item = __unify_items($item);
                    #[allow(unreachable_code)] if ! __yielder.put(__item) {
                    threadsafe_gen::__private::suspend(). await } }
                };
                ($($other:tt)*) => {
                    ::core::compile_error!("`yield_!` takes at most one argument: write `yield_!((a, b))` for a tuple")
                };
            }
            #[allow(clippy::diverging_sub_expression)]
            let __returned: () = {
                for word in words {
                    yield_!(Ok(word.parse() ?));
                }
            };
            #[allow(unreachable_code)] return ::core::result::Result::Ok(());
        },
        <_ as threadsafe_gen::__private::Fallible>::from_error,
    );
}
