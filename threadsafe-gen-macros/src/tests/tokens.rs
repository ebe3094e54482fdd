//! Random tokens: noise, and random mutations of code.

use std::fmt;

use proc_macro2::{Delimiter, Group, Spacing, TokenStream, TokenTree};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

/// The tokens that noise consists of.
const WORDS: &str = "yield yield_ yield_! yield_!() yield_from yield_from! resumed_with!() return ? . .await await async \
    move fn let mut ref loop match if else for in while break continue unsafe const extern static impl dyn trait struct \
    enum mod use pub where type self Self crate super as try macro_rules! vec! select! stringify! generator! quote! true \
    Box Iterator Stream Coroutine Item Yield Resume Return Result Sized Send T x y f _ r#yield r#fn 'a 'static 1 2.5 1.. \
    b'c' \"s\" c\"s\" 1u8 1. - + * / % ^ ! & | && || << >> >>= = == != < > <= >= += @ , ; : :: -> => # $ ~ .. ..= ... \
    Item=T Iterator<Item=T> #[a] #![a] #[threadsafe_generator] default union auto raw safe gen box do dyn*";

/// Tokens whose `Debug` output also shows groups without delimiters.
#[derive(Clone)]
pub(super) struct Code(pub(super) TokenStream);

impl fmt::Debug for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for token in self.0.clone() {
            match token {
                TokenTree::Group(group) => {
                    let (open, close) = match group.delimiter() {
                        Delimiter::Parenthesis => ('(', ')'),
                        Delimiter::Brace => ('{', '}'),
                        Delimiter::Bracket => ('[', ']'),
                        Delimiter::None => ('«', '»'),
                    };
                    write!(f, "{open} {:?}{close} ", Self(group.stream()))?;
                }
                TokenTree::Punct(punct) if punct.spacing() == Spacing::Joint => write!(f, "{punct}")?,
                token => write!(f, "{token} ")?,
            }
        }
        Ok(())
    }
}

pub(super) fn code(text: &str) -> Code {
    Code(text.parse().unwrap_or_else(|error| panic!("{text}: {error}")))
}

fn all_of(texts: impl IntoIterator<Item = &'static str>) -> Vec<Code> {
    texts.into_iter().map(code).collect()
}

fn delimiters() -> impl Strategy<Value = Delimiter> {
    select(vec![Delimiter::Parenthesis, Delimiter::Brace, Delimiter::Bracket, Delimiter::None])
}

pub(super) fn in_a_row(codes: impl IntoIterator<Item = Code>) -> Code {
    Code(codes.into_iter().flat_map(|code| code.0).collect())
}

pub(super) fn group(delimiter: Delimiter, Code(tokens): Code) -> Code {
    Code(TokenTree::from(Group::new(delimiter, tokens)).into())
}

pub(super) fn noise() -> impl Strategy<Value = Code> {
    let word = select(all_of(WORDS.split_whitespace()));
    let tree = word.prop_recursive(4, 48, 6, |tree| {
        (delimiters(), vec(tree, 0..6)).prop_map(|(delimiter, trees)| group(delimiter, in_a_row(trees)))
    });
    vec(tree, 0..12).prop_map(in_a_row)
}

/// One of `texts`, or noise.
pub(super) fn one_of(texts: &'static [&'static str]) -> impl Strategy<Value = Code> {
    prop_oneof![4 => select(all_of(texts.iter().copied())), 1 => noise()]
}

/// One of `texts` after a few mutations.
pub(super) fn mutated(texts: &'static [&'static str]) -> impl Strategy<Value = Code> {
    (select(all_of(texts.iter().copied())), vec(mutations(), 1..4))
        .prop_map(|(original, mutations)| mutations.into_iter().fold(original, |code, mutation| mutation.apply(code)))
}

/// A mutation of one token, which may be a group with its content.
#[derive(Clone, Debug)]
enum Mutation {
    Delete(usize),
    Double(usize),
    Swap(usize, usize),
    Replace(usize, Code),
    Wrap(usize, Delimiter),
}

fn mutations() -> impl Strategy<Value = Mutation> {
    let at = || 0..1000_usize;
    prop_oneof![
        at().prop_map(Mutation::Delete),
        at().prop_map(Mutation::Double),
        (at(), at()).prop_map(|(a, b)| Mutation::Swap(a, b)),
        (at(), noise()).prop_map(|(at, noise)| Mutation::Replace(at, noise)),
        (at(), delimiters()).prop_map(|(at, delimiter)| Mutation::Wrap(at, delimiter)),
    ]
}

impl Mutation {
    fn apply(self, Code(tokens): Code) -> Code {
        let found = flattened(&tokens);
        if found.is_empty() {
            return Code(tokens);
        }
        let token = |at: usize| TokenStream::from(found[at % found.len()].clone());
        let put = |tokens, at: usize, other: &TokenStream| replaced(tokens, &mut Some(at % found.len()), other);
        Code(match self {
            Self::Delete(at) => put(tokens, at, &TokenStream::new()),
            Self::Double(at) => put(tokens, at, &[token(at), token(at)].into_iter().collect()),
            Self::Swap(a, b) => put(put(tokens, a, &token(b)), b, &token(a)),
            Self::Replace(at, Code(noise)) => put(tokens, at, &noise),
            Self::Wrap(at, delimiter) => put(tokens, at, &group(delimiter, Code(token(at))).0),
        })
    }
}

/// Returns whether an identifier `name` is among the tokens.
pub(super) fn contains_ident(name: &str, tokens: &TokenStream) -> bool {
    flattened(tokens).iter().any(|token| matches!(token, TokenTree::Ident(ident) if ident == name))
}

/// Lists all tokens, each group before its content.
fn flattened(tokens: &TokenStream) -> Vec<TokenTree> {
    let mut found = Vec::new();
    for token in tokens.clone() {
        found.push(token.clone());
        if let TokenTree::Group(group) = token {
            found.extend(flattened(&group.stream()));
        }
    }
    found
}

/// Replaces the token before which `to_go` others stand, counted as `flattened` lists them.
fn replaced(tokens: TokenStream, to_go: &mut Option<usize>, other: &TokenStream) -> TokenStream {
    let mut result = TokenStream::new();
    for token in tokens {
        let here = *to_go == Some(0);
        *to_go = to_go.and_then(|n| n.checked_sub(1));
        result.extend(match token {
            _ if here => other.clone(),
            TokenTree::Group(group) => {
                let within = replaced(group.stream(), to_go, other);
                TokenTree::from(Group::new(group.delimiter(), within)).into()
            }
            token => token.into(),
        });
    }
    result
}
