//! Writes a random function in one of three forms. The random choices do not depend on the form, so that one seed gives
//! three functions with the same behaviour.

use fastrand::Rng;

/// The code that stands for a yield.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Form {
    /// `yield_!(item)` in a function with the attribute.
    Annotated,
    /// `yield item` in `generator!`.
    InPlace,
    /// `items.push(item)`.
    Eager,
}

/// The type of the items.
#[derive(Clone, Copy, PartialEq)]
enum Item {
    Number,
    Text,
    Pair,
    Dyn,
    Fallible,
}

impl Item {
    fn name(self) -> &'static str {
        match self {
            Self::Number => "u64",
            Self::Text => "String",
            Self::Pair => "(u64, String)",
            Self::Dyn => "Box<dyn Debug + Send>",
            Self::Fallible => "Result<u64, ParseIntError>",
        }
    }
}

fn one_of<T: Copy>(rng: &mut Rng, choices: &[T]) -> T {
    choices[rng.usize(..choices.len())]
}

pub(crate) fn function(rng: &mut Rng, form: Form) -> String {
    let item = one_of(rng, &[Item::Number, Item::Text, Item::Pair, Item::Dyn, Item::Fallible]);
    let words = one_of(rng, &["&'a [String]", "&'a Vec<String>"]);
    let bound = one_of(rng, &["T: Debug + Clone + Send + Sync + 'a", "T: Debug + Sync + Clone + Send + 'a"]);
    let mut writer = Writer {
        rng,
        form,
        item,
        names: vec!["n".into(), "a".into(), "b".into()],
        labels: 0,
        depth: 0,
        text: String::new(),
    };
    writer.block(4);
    // A body with fallible items needs at least one `?`, so that it is recognized as fallible.
    if item == Item::Fallible {
        writer.line("let _: u64 = \"5\".parse()?;");
    }
    let body = writer.text;
    let item = item.name();
    let arguments =
        format!("<'a, {bound}, const N: usize>(mut n: u64, (a, b): (u64, u64), words: {words}, t: T, _: u8)");
    match form {
        Form::Annotated => format!(
            "#[threadsafe_generator]\npub fn annotated{arguments} -> impl Iterator<Item = {item}> {{\n{body}}}\n\n"
        ),
        Form::InPlace => {
            format!(
                "pub fn in_place{arguments} -> impl Iterator<Item = {item}> + 'a {{\n\
             generator! {{ move\n{FIRST}{body}}}\n}}\n\n",
                FIRST = format_args!("if false {{ yield never::<{item}>(); }}\n"),
            ) + "fn never<T>() -> T { unreachable!() }\n\n"
        }
        Form::Eager => format!(
            "pub fn eager{arguments} -> Vec<{item}> {{\nlet mut items: Vec<{item}> = Vec::new();\n\
             let result = (|| -> Result<(), ParseIntError> {{\n{body}Ok(())\n}})();\n{END}items\n}}\n\n",
            END = if item == Item::Fallible.name() {
                "items.extend(result.err().map(Err));\n"
            } else {
                "result.unwrap();\n"
            },
        ),
    }
}

struct Writer<'a> {
    rng: &'a mut Rng,
    form: Form,
    item: Item,
    /// The variables in scope, all numbers.
    names: Vec<String>,
    labels: usize,
    depth: usize,
    text: String,
}

impl Writer<'_> {
    fn line(&mut self, line: &str) {
        self.text.push_str(&"    ".repeat(self.depth + 1));
        self.text.push_str(line);
        self.text.push('\n');
    }

    /// Writes some statements, indented by one level.
    fn block(&mut self, depth: usize) {
        let names = self.names.len();
        self.depth += 1;
        for _ in 0..self.rng.usize(1..5) {
            self.statement(depth);
        }
        self.depth -= 1;
        self.names.truncate(names);
    }

    fn nested(&mut self, head: &str, depth: usize, tail: &str) {
        self.line(head);
        self.block(depth);
        self.line(tail);
    }

    fn statement(&mut self, depth: usize) {
        // At depth 0 only statements without nested blocks are chosen.
        let choices = if depth == 0 { 9 } else { 18 };
        match self.rng.u8(..choices) {
            0..=2 => {
                let number = self.number(depth);
                let line = self.yielded(&number) + ";";
                self.line(&line);
            }
            3 => self.declare(depth),
            4 => {
                let (from, times) = (self.number(0), self.rng.u8(..4));
                let each = self.item_of("q");
                let line =
                    self.yield_from(&format!("(0..{times}_u64).map(|q| q.wrapping_add({from})).map(|q| {each})"));
                self.line(&line);
            }
            5 => {
                // A borrow is held across yields.
                let yielded = self.yielded("borrowed.len() as u64");
                let after = self.yielded("owned.capacity().min(1) as u64");
                self.line(&format!(
                    "{{ let owned = format!(\"{{t:?}}\"); let borrowed = &owned; {yielded}; {after}; }}"
                ));
            }
            6 => {
                let number = self.number(0);
                let line = format!("if {number} % 7 == 3 {{ {} }}", self.end());
                self.line(&line);
            }
            7 if self.item == Item::Fallible => {
                let name = self.name();
                self.line(&format!("let {name}: u64 = words.first().map_or(\"3\", |w| w).parse()?;"));
                self.names.push(name);
            }
            7 => {
                let yielded = self.yielded("word.len() as u64");
                let end = self.end();
                self.line(&format!("let Some(word) = words.get(b as usize % 6) else {{ {end} }};"));
                self.line(&format!("{yielded};"));
            }
            8 => {
                // A yield in the arguments of a macro.
                let (one, other) = (self.number(0), self.number(0));
                let (yielded, name) = (self.yielded(&one), self.name());
                self.line(&format!(
                    "let {name} = vec![{{ {yielded}; {one} }}, {other}].into_iter().sum::<u64>() % 1000;"
                ));
                self.names.push(name);
            }
            9 => {
                let times = self.rng.u8(..4);
                let name = self.name();
                self.line(&format!("for {name} in 0..{times}_u64 {{"));
                self.names.push(name);
                self.block(depth - 1);
                self.names.pop();
                self.line("}");
            }
            10 => {
                let counter = format!("counter{}", self.depth);
                let times = self.rng.u8(..4);
                self.line(&format!("let mut {counter} = {times};"));
                let head = format!("while {counter} > 0 {{ {counter} -= 1;");
                self.nested(&head, depth - 1, "}");
            }
            11 | 12 => self.labelled(depth),
            13 => {
                let number = self.number(0);
                self.line(&format!("match {number} % 3 {{"));
                let (zero, other) = (self.number(0), self.number(0));
                let arms = format!("0 => {}, 2 => {{ {}; }}", self.yielded(&zero), self.yielded(&other));
                self.line(&arms);
                self.nested("_ => {", depth - 1, "}");
                self.line("}");
            }
            14 => {
                let number = self.number(0);
                self.nested(&format!("if {number} % 2 == 0 {{"), depth - 1, "} else {");
                self.block(depth - 1);
                self.line("}");
            }
            15 => {
                let yielded = self.yielded("word.len() as u64");
                self.nested(
                    &format!("for (i, word) in words.iter().enumerate().take(N) {{ {yielded}; let i = i as u64;"),
                    depth - 1,
                    "}",
                );
            }
            16 => {
                let number = self.number(0);
                let yielded = self.yielded(&number);
                self.line(&format!("assert!({{ {yielded}; true }}, \"{{}}\", {number});"));
            }
            _ => {
                let name = self.name();
                self.nested(&format!("let {name} = {{"), depth - 1, "");
                let number = self.number(0);
                self.line(&format!("{number} }};"));
                self.names.push(name);
            }
        }
    }

    fn labelled(&mut self, depth: usize) {
        self.labels += 1;
        let label = format!("'l{}", self.labels);
        let times = self.rng.u8(1..4);
        let counter = format!("times{}", self.labels);
        self.line(&format!("let mut {counter} = 0_u64;"));
        self.line(&format!("{label}: loop {{ {counter} += 1; if {counter} > {times} {{ break {label}; }}"));
        self.names.push(counter);
        self.block(depth - 1);
        let (number, jump) = (self.number(0), one_of(self.rng, &["continue", "break"]));
        self.line(&format!("if {number} % 5 == 1 {{ {jump} {label}; }}"));
        self.names.pop();
        self.line("}");
    }

    fn declare(&mut self, depth: usize) {
        let number = self.number(depth);
        let name = self.name();
        self.line(&format!("let {name} = {number};"));
        self.names.push(name);
    }

    /// Returns a name for a local that could clash with names in the expansion.
    fn name(&mut self) -> String {
        let name = one_of(self.rng, &["co", "v", "item", "slot", "yielder", "x", "first"]);
        name.to_owned()
    }

    /// Returns an expression of type `u64`, which can contain yields.
    fn number(&mut self, depth: usize) -> String {
        let name = self.rng.usize(..self.names.len());
        let name = self.names[name].clone();
        match self.rng.u8(..8) {
            0 => format!("{}_u64", self.rng.u8(..)),
            1 if depth > 0 => {
                let (yielded, number) = (self.number(0), self.number(0));
                let yielded = self.yielded(&yielded);
                format!("{name}.wrapping_add({{ {yielded}; {number} }})")
            }
            2 => format!("({name} ^ {}_u64)", self.rng.u8(..)),
            3 => format!("(|x: u64| x.wrapping_mul(3))({name})"),
            4 if depth > 0 => {
                let (one, other) = (self.number(depth - 1), self.number(depth - 1));
                format!("{one}.wrapping_add({other})")
            }
            5 => "(words.len() as u64)".into(),
            _ => name,
        }
    }

    /// Returns an item made from a number.
    fn item_of(&self, number: &str) -> String {
        match self.item {
            Item::Number => number.into(),
            Item::Text => format!("format!(\"<{{}}>\", {number})"),
            Item::Pair => format!("({number}, format!(\"{{t:?}}\"))"),
            Item::Dyn => format!("Box::new({number}) as Box<dyn Debug + Send>"),
            Item::Fallible => format!("Ok({number})"),
        }
    }

    fn yielded(&mut self, number: &str) -> String {
        let comma = if self.rng.u8(..4) == 0 { "," } else { "" };
        // The signature states the item type, so that a box coerces to it. In `generator!` the type is inferred, so
        // that the box needs a cast.
        let item = match self.item {
            Item::Dyn if self.form != Form::InPlace => format!("Box::new({number})"),
            _ => self.item_of(number),
        };
        match self.form {
            Form::Annotated => format!("yield_!({item}{comma})"),
            Form::InPlace => format!("yield {item}"),
            Form::Eager => format!("{{ let pushed: {} = {item}; items.push(pushed) }}", self.item.name()),
        }
    }

    fn yield_from(&mut self, items: &str) -> String {
        match self.form {
            Form::Annotated | Form::InPlace => format!("yield_from!({items});"),
            Form::Eager => format!("items.extend({items});"),
        }
    }

    fn end(&self) -> &'static str {
        match self.form {
            Form::Annotated | Form::InPlace => "return;",
            Form::Eager => "return Ok(());",
        }
    }
}
