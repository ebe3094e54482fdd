//! `generator! { .. }`: generators created in place, with the keyword `yield`.

#![allow(
    clippy::blocks_in_conditions,
    clippy::cast_lossless,
    clippy::diverging_sub_expression,
    clippy::match_single_binding,
    unused_braces,
    unused_parens,
    reason = "the tests cover unusual shapes too"
)]

use std::cell::Cell;
use std::collections::HashSet;
use std::fmt::Display;
use std::num::ParseIntError;
use std::sync::Arc;

use support::{limited, together};
use threadsafe_gen as tg;
use threadsafe_gen::{ThreadsafeIter, generator, threadsafe_generator};

fn items<T>(iter: impl Iterator<Item = T>) -> Vec<T> {
    iter.collect()
}

#[derive(Debug, PartialEq)]
struct Point {
    x: u32,
}

/// A macro whose arms are not Rust syntax, under a name that `generator!` knows.
macro_rules! select {
    ($($name:ident = $value:expr => $work:expr,)+) => {
        $(if let Some($name) = $value {
            $work;
        })+
    };
}

macro_rules! twice {
    ($item:expr) => {
        yield_!($item);
        yield_!($item + 1)
    };
}

#[test]
fn a_yield_can_stand_wherever_an_expression_can() {
    let statements = generator! {
        yield 1;
        let () = yield 2;
        let (a, b) = (yield 3, yield 4);
        assert_eq!([a, b, yield 5], [(); 3]);
        (yield 6);
        { yield 7 }
        if true { yield 8 } else { yield 9 }
        let Some(_) = ({ yield 10; None::<u8> }) else {
            yield 11;
            return yield 12;
        };
        yield 13
    };
    assert_eq!(items(statements), [1, 2, 3, 4, 5, 6, 7, 8, 10, 11, 12]);

    let conditions = generator! {
        if { yield 1; true } { yield 2 }
        let mut n = 3;
        while { yield n; n < 4 } { n += 1; }
        match yield 5 { () => yield 6 }
        match { yield 7; n } {
            0 => yield 0,
            4 if { yield 8; false } => yield 0,
            m => yield m + 5,
        }
    };
    assert_eq!(items(conditions), [1, 2, 3, 4, 5, 6, 7, 8, 9]);
    assert_eq!(items(generator! { yield "the tail" }), ["the tail"]);
}

#[test]
fn a_yield_without_an_operand_yields_unit() {
    let units = generator! {
        yield;
        let () = yield;
        { yield }
        (yield);
        match 1 { _ => yield, }
        match 1 { _ => yield }
        assert_eq!(vec![yield, yield], [(), ()]);
        yield yield yield
    };
    assert_eq!(units.count(), 11);
}

#[test]
fn the_operand_of_a_yield_extends_over_the_whole_expression() {
    let pair = (1, Some(2));
    let numbers = generator! {
        yield 1 + 2 * 3;
        yield -1;
        yield !0;
        yield *{ &pair.0 };
        yield 3_u8 as i32;
        yield pair.1.map_or(0, |n| n + 1);
        yield if pair.0 > 1 { 4 } else { 5 };
        yield match pair { (1, _) => 6, _ => 7 };
        yield 'block: { break 'block 8 };
        yield <i32 as Default>::default();
        yield ::std::mem::take(&mut 9);
        yield [10, 11][1];
    };
    assert_eq!(items(numbers), [7, -1, -1, 1, 3, 3, 5, 6, 8, 0, 9, 11]);
    assert_eq!(items(generator! { yield 1 == 2; yield 1 < 2 && 2 < 1; }), [false, false]);
    assert_eq!(items(generator! { yield 0..1; yield 1..3; }), [0..1, 1..3]);
    assert_eq!(items(generator! { yield (1, "a"); yield (2, "b"); }), [(1, "a"), (2, "b")]);
    assert_eq!(items(generator! { yield Point { x: 1 }; yield Point { x: 2 }; }), [Point { x: 1 }, Point { x: 2 }]);
    let plus = items(generator! { yield |n: u32| n + 1; });
    assert_eq!(plus[0](1), 2);
    // After `unit` the compiler itself would parse these braces as a struct's fields.
    let unit = ();
    assert_eq!(items(generator! { match yield unit { () => yield } }), [(), ()]);
}

#[test]
fn a_yield_works_in_arguments_of_macros() {
    let numbers = generator! {
        assert_eq!(vec![yield 1, yield 2], [(), ()]);
        println!("{:?} {named:?} {}", yield 3, { yield 4; "" }, named = yield 5);
        assert!(matches!(yield 6, ()), "{:?}", yield 0);
        assert_eq!(vec![vec![yield 7; 2]; 2].concat().len(), 4);
    };
    assert_eq!(items(numbers), [1, 2, 3, 4, 5, 6, 7]);
}

#[test]
fn a_yield_works_in_macros_with_their_own_syntax() {
    let numbers = generator! {
        select! {
            n = Some(1) => yield n,
            _n = None::<u8> => yield 0,
            n = Some({ yield 2; 3 }) => { yield n; yield n + 1 },
            n = Some(5) => select! { m = Some(n) => drop(vec![yield m]), },
        }
    };
    assert_eq!(items(numbers), [1, 2, 3, 4, 5]);
}

#[test]
fn loops_labels_and_return_work_in_a_body() {
    let numbers = generator! {
        'outer: for i in 0.. {
            let mut j = 0;
            loop {
                j += 1;
                match (i, j) {
                    (0, 2) => continue 'outer,
                    (1, 3) => break,
                    (2, _) => break 'outer,
                    _ => yield i * 10 + j,
                }
            }
        }
        if true {
            return;
        }
        yield 0;
    };
    assert_eq!(items(numbers), [1, 11, 12]);
}

#[test]
fn attributes_of_a_yield_are_kept() {
    let numbers = generator! {
        #[cfg(any())]
        yield 1;
        #[cfg(all())]
        yield 2;
    };
    assert_eq!(items(numbers), [2]);
}

#[test]
fn the_macros_and_the_keyword_can_be_mixed() {
    let numbers = generator! {
        yield_!(1);
        yield_from!([2, 3]);
        yield_from!(generator! { yield 4; yield_!(5) });
        yield (6);
        select! { n = Some(7) => yield_!(n), }
        twice!(8);
    };
    assert_eq!(items(numbers), [1, 2, 3, 4, 5, 6, 7, 8, 9]);
}

#[test]
fn a_body_borrows_the_variables_it_uses_and_moves_those_it_consumes() {
    let (lent, mut counted, consumed) = (String::from("lent"), 0, String::from("consumed"));
    let mut bytes = generator! {
        counted += 1;
        yield lent.as_bytes()[0];
        counted += 1;
        for byte in consumed.into_bytes() {
            yield byte;
        }
    };
    assert_eq!((bytes.next(), bytes.next()), (Some(b'l'), Some(b'c')));
    // A shared borrow does not prevent other uses of the variable.
    assert_eq!(lent, "lent");
    drop(bytes);
    assert_eq!(counted, 2);
}

#[test]
fn with_move_a_generator_can_be_returned_from_a_function() {
    fn countdown(mut from: u32) -> impl Iterator<Item = u32> {
        generator! { move
            while from > 0 {
                yield from;
                from -= 1;
            }
        }
    }
    let mut boxed: Box<dyn Iterator<Item = u32> + Send> = Box::new(countdown(2));
    assert_eq!((boxed.next(), boxed.next(), boxed.next()), (Some(2), Some(1), None));
    let shared: ThreadsafeIter<_> = countdown(3).into();
    assert_eq!(items(shared), [3, 2, 1]);
}

#[test]
fn generators_nest() {
    let tables = generator! {
        for i in 1..3 {
            yield items(generator! {
                for j in generator! { yield 1; yield 2; } {
                    yield i * j;
                }
            });
        }
        fn inner() -> impl Iterator<Item = u32> {
            generator! { yield 5 }
        }
        #[threadsafe_generator]
        fn annotated() -> impl Iterator<Item = u32> {
            yield 6;
            yield_!(7);
        }
        yield inner().chain(annotated()).collect();
    };
    assert_eq!(items(tables), [vec![1, 2], vec![2, 4], vec![5, 6, 7]]);
}

struct Tree {
    value: u32,
    children: Vec<Tree>,
}

impl Tree {
    fn leaf(value: u32) -> Self {
        Self { value, children: Vec::new() }
    }

    fn walk(&self) -> Box<dyn Iterator<Item = u32> + Send + '_> {
        Box::new(generator! {
            yield self.value;
            for child in &self.children {
                yield_from!(child.walk());
            }
        })
    }

    fn renumbered(mut self) -> impl Iterator<Item = Self> {
        generator! { move
            for n in 0..2 {
                self.value += n;
                yield Self::leaf(self.value);
            }
        }
    }
}

#[test]
fn a_body_in_a_method_can_use_self() {
    let tree = Tree { value: 1, children: vec![Tree::leaf(2), Tree { value: 3, children: vec![Tree::leaf(4)] }] };
    assert_eq!(items(tree.walk()), [1, 2, 3, 4]);
    assert_eq!(items(tree.renumbered().map(|tree| tree.value)), [1, 2]);
}

#[test]
fn an_error_is_the_last_item() {
    fn numbers(words: &str) -> impl Iterator<Item = Result<u32, ParseIntError>> {
        generator! { move
            for word in words.split(' ') {
                if word == "end" {
                    return;
                }
                yield Ok(word.parse()?);
                select! { digits = word.strip_prefix('+') => yield Ok(digits.parse::<u32>()? * 10), }
            }
        }
    }
    let error = "x".parse::<u32>().unwrap_err();
    assert_eq!(items(numbers("1 x 2")), [Ok(1), Err(error.clone())]);
    assert_eq!(items(numbers("1 end x")), [Ok(1)]);
    assert_eq!(items(numbers("+1 2")), [Ok(1), Ok(10), Ok(2)]);

    let converted = generator! {
        yield Err(String::from("first"));
        yield Ok(1);
        Err("last")?;
        yield Ok(2);
    };
    assert_eq!(items(converted), [Err("first".into()), Ok(1), Err("last".into())]);

    let in_a_closure = generator! {
        let parse = |word: &str| -> Option<u32> { Some(word.parse::<u32>().ok()? + 1) };
        yield parse("1");
    };
    assert_eq!(items(in_a_closure), [Some(2)]);
}

#[test]
fn the_first_item_determines_the_type_of_all_items() {
    let options = generator! {
        yield None;
        yield Some(Vec::new());
        yield "1 2".split(' ').map(|n| n.parse::<u8>().ok()).collect();
    };
    assert_eq!(items(options), [None, Some(vec![]), Some(vec![1, 2])]);

    let shown = generator! {
        yield Box::new(1) as Box<dyn Display>;
        yield Box::new("two");
    };
    assert_eq!(items(shown.map(|item| item.to_string())), ["1", "two"]);
}

#[test]
fn a_body_without_a_yield_gets_its_item_type_from_its_use() {
    fn none() -> impl Iterator<Item = u8> {
        generator! {}
    }
    fn compiled_out() -> impl Iterator<Item = u8> {
        generator! { move
            #[cfg(any())]
            yield "one";
        }
    }
    fn failed() -> impl Iterator<Item = Result<u8, String>> {
        generator! { Err("failed")?; }
    }
    assert_eq!(items(none()), []);
    assert_eq!(items(compiled_out()), []);
    assert_eq!(items(failed()), [Err("failed".into())]);
}

#[test]
fn a_shared_generator_gives_each_item_to_exactly_one_thread() {
    let taken = limited(|| {
        let numbers = generator! {
            for n in 0..1000_u32 {
                yield n;
            }
        };
        let numbers = Arc::new(numbers.threadsafe());
        together(4, |_| numbers.iter().collect::<Vec<_>>()).concat()
    });
    assert_eq!(taken.len(), 1000);
    assert_eq!(taken.into_iter().collect::<HashSet<_>>().len(), 1000);
}

#[test]
fn names_in_a_body_do_not_clash_with_generated_names() {
    let (co, yielder, item, first, __yielder, __item, __same) = (1, 2, 3, 4, 5, 6, 7);
    let numbers = generator! {
        yield_from!([co, yielder, item, first, __yielder, __item, __same]);
        let (__yielder, __item, __same, __ended) = (8, 9, 10, 11);
        yield __yielder;
        yield __item;
        yield __same;
        yield __ended;
        let r#yield = 12;
        yield r#yield;
    };
    assert!(numbers.eq(1..=12));
}

#[test]
fn a_yield_in_strings_comments_and_stringify_is_not_changed() {
    let texts = generator! {
        /// The word yield in here is not a keyword.
        fn documented() -> &'static str {
            "yield 1" // yield 2
        }
        yield documented();
        yield stringify!(yield 3);
    };
    assert_eq!(items(texts), ["yield 1", "yield 3"]);
}

#[test]
fn macro_rules_macros_can_yield_with_the_yield_macro() {
    let numbers = generator! {
        twice!(1);
        macro_rules! thrice {
            ($item:expr) => {
                twice!($item);
                yield_from!([$item + 2])
            };
        }
        thrice!(3);
        // A macro yields from the generator in which it is used.
        yield_from!(generator! { thrice!(6); yield 9 });
    };
    assert!(numbers.eq(1..=9));
}

mod facade {
    pub(crate) use threadsafe_gen as inner;
    pub(crate) use threadsafe_gen::generator as renamed;
}

/// A macro that a crate that depends on this one might export.
macro_rules! countdown {
    ($from:expr, $($last:tt)*) => {
        $crate::facade::inner::generator! { move
            let mut n = $from;
            while n > 0 {
                yield n;
                n -= 1;
            }
            $($last)*
        }
    };
}

#[test]
fn the_macro_works_by_any_path_and_inside_other_macros() {
    use tg::generator as by_another_name;

    assert_eq!(items(tg::generator! { yield 1; }), [1]);
    assert_eq!(items(facade::inner::generator! { yield 1; }), [1]);
    assert_eq!(items(facade::renamed! { yield_from!(by_another_name! { yield 1; yield 2 }); yield 3; }), [1, 2, 3]);
    let last = 0;
    assert_eq!(items(countdown!(2, yield last; twice!(5);)), [2, 1, 0, 5, 6]);
    assert_eq!(items(countdown!(1, yield_from!(countdown!(2, yield 7;));)), [1, 2, 1, 7]);
}

#[test]
fn the_body_does_not_run_before_the_first_next() {
    let ran = Cell::new(0);
    let mut numbers = generator! {
        ran.set(1);
        yield 1;
        ran.set(2);
    };
    assert_eq!(ran.get(), 0);
    assert_eq!((numbers.next(), ran.get()), (Some(1), 1));
    assert_eq!((numbers.next(), ran.get()), (None, 2));
}
