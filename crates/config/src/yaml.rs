//! YAML text → [`Node`], every node with its place; bounded in size and depth.

use fault::Fault;
use saphyr::{LoadableYamlNode, MarkedYaml, Scalar, YamlData};

/// The most that a configuration may hold, in bytes.
pub(crate) const MOST_BYTES: u64 = 1024 * 1024;
/// The deepest that sections may nest; the schema needs seven.
const DEEPEST: usize = 32;
/// The parser descends once for every level, so a line may not open more levels than a stack bears.
const MOST_INDENT: usize = 256;

/// Where something was written; line and column count from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Spot {
    pub(crate) line: usize,
    pub(crate) column: usize,
}

/// A part of the document as it was written; what a scalar means is decided by the key that it stands under.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    /// None where nobody wrote it: a default.
    pub(crate) spot: Option<Spot>,
    pub(crate) value: Value,
}

#[derive(Clone, Debug)]
pub(crate) enum Value {
    Nothing,
    Text(String),
    List(Vec<Node>),
    Table(Vec<(Key, Node)>),
}

/// A key of a table.
#[derive(Clone, Debug)]
pub(crate) struct Key {
    pub(crate) text: String,
    pub(crate) spot: Spot,
}

impl Node {
    /// What a person calls this kind of value.
    pub(crate) fn described(&self) -> &'static str {
        match self.value {
            Value::Nothing => "nothing",
            Value::Text(_) => "a single value",
            Value::List(_) => "a list",
            Value::Table(_) => "a table of keys",
        }
    }
}

/// What is wrong with the text as such, and where.
#[derive(Debug)]
pub(crate) struct Unreadable {
    pub(crate) spot: Spot,
    what: &'static str,
    cause: Option<String>,
}

impl Unreadable {
    fn new(line: usize, column: usize, what: &'static str) -> Self {
        Self { spot: Spot { line, column }, what, cause: None }
    }

    /// The fault of it, without its place.
    pub(crate) fn fault(&self) -> Fault {
        let fault = Fault::yours(self.what);
        match &self.cause {
            Some(cause) => fault.because(cause),
            None => fault,
        }
    }
}

/// The document in the text; an empty text is an empty table.
pub(crate) fn parse(text: &str) -> Result<Node, Unreadable> {
    refuse_towers(text)?;
    let documents = MarkedYaml::load_from_str(text).map_err(|error| {
        let mark = error.marker();
        let unreadable = Unreadable::new(mark.line(), mark.col() + 1, "the configuration is not valid YAML");
        Unreadable { cause: Some(error.info().to_owned()), ..unreadable }
    })?;
    let mut documents = documents.into_iter();
    let first = documents.next();
    if let Some(second) = documents.next() {
        let spot = spot(&second);
        return Err(Unreadable::new(
            spot.line,
            spot.column,
            "a configuration is one YAML document, this is a second",
        ));
    }
    let empty = Node { spot: Some(Spot { line: 1, column: 1 }), value: Value::Table(Vec::new()) };
    let source = Source::new(text);
    let node = first.map_or(Ok(empty.clone()), |document| source.node(document, 0))?;
    Ok(if matches!(node.value, Value::Nothing) { empty } else { node })
}

/// Refuses lines that open so many levels that reading them would need a deep stack.
fn refuse_towers(text: &str) -> Result<(), Unreadable> {
    for (number, line) in text.split(['\n', '\r']).enumerate() {
        let opening = line.chars().take_while(|c| matches!(c, ' ' | '\t' | '-' | '?' | ':')).count();
        if opening > MOST_INDENT {
            // With CR LF every line counts twice here; the number is corrected by counting the line feeds alone.
            let before: usize = text.split(['\n', '\r']).take(number).map(|line| line.len() + 1).sum();
            let line = text.get(..before).unwrap_or_default().matches('\n').count() + 1;
            return Err(Unreadable::new(line, MOST_INDENT, "the line begins too far to the right"));
        }
    }
    Ok(())
}

fn spot(node: &MarkedYaml<'_>) -> Spot {
    Spot { line: node.span.start.line(), column: node.span.start.col() + 1 }
}

/// The text with the byte offset of every 256th character, so that a span is cut out without walking all of it.
struct Source<'a> {
    text: &'a str,
    marks: Vec<usize>,
}

const STRIDE: usize = 256;

impl<'a> Source<'a> {
    fn new(text: &'a str) -> Self {
        let marks = text.char_indices().step_by(STRIDE).map(|(byte, _)| byte).collect();
        Self { text, marks }
    }

    fn byte(&self, character: usize) -> Option<usize> {
        let start = *self.marks.get(character / STRIDE)?;
        let rest = self.text.get(start..)?;
        let within = rest.char_indices().nth(character % STRIDE).map(|(byte, _)| byte);
        Some(start + within.unwrap_or(rest.len()))
    }

    /// What was written where the parser saw a number: `007` and `1.10` are names as often as numbers.
    fn raw(&self, node: &MarkedYaml<'_>) -> Option<&'a str> {
        let end = self.byte(node.span.end.index()).unwrap_or(self.text.len());
        let raw = self.text.get(self.byte(node.span.start.index())?..end)?.trim();
        (!raw.starts_with('*')).then_some(raw)
    }

    fn node(&self, marked: MarkedYaml<'_>, depth: usize) -> Result<Node, Unreadable> {
        let at = spot(&marked);
        if depth > DEEPEST {
            return Err(Unreadable::new(at.line, at.column, "the configuration nests too deeply"));
        }
        let value = match &marked.data {
            YamlData::Value(scalar) => self.scalar(scalar, &marked),
            YamlData::Representation(text, ..) => Value::Text(text.to_string()),
            YamlData::Sequence(_) | YamlData::Mapping(_) => self.collection(marked, depth)?,
            YamlData::Tagged(..) => {
                return Err(Unreadable::new(at.line, at.column, "tags (!name) mean nothing here"));
            }
            YamlData::BadValue | YamlData::Alias(_) => {
                return Err(Unreadable::new(at.line, at.column, "the value cannot be read"));
            }
        };
        Ok(Node { spot: Some(at), value })
    }

    fn scalar(&self, scalar: &Scalar<'_>, marked: &MarkedYaml<'_>) -> Value {
        let raw = || self.raw(marked).map(str::to_owned);
        match scalar {
            Scalar::Null => Value::Nothing,
            Scalar::String(text) => Value::Text(text.to_string()),
            Scalar::Boolean(yes) => Value::Text(raw().unwrap_or_else(|| yes.to_string())),
            Scalar::Integer(number) => Value::Text(raw().unwrap_or_else(|| number.to_string())),
            Scalar::FloatingPoint(number) => Value::Text(raw().unwrap_or_else(|| number.to_string())),
        }
    }

    fn collection(&self, marked: MarkedYaml<'_>, depth: usize) -> Result<Value, Unreadable> {
        match marked.data {
            YamlData::Sequence(items) => {
                let items = items.into_iter().map(|item| self.node(item, depth + 1));
                items.collect::<Result<_, _>>().map(Value::List)
            }
            YamlData::Mapping(entries) => {
                let entries = entries.into_iter().map(|(key, value)| {
                    let spot = spot(&key);
                    let Value::Text(text) = self.node(key, depth + 1)?.value else {
                        return Err(Unreadable::new(spot.line, spot.column, "a key must be a word"));
                    };
                    Ok((Key { text, spot }, self.node(value, depth + 1)?))
                });
                entries.collect::<Result<_, _>>().map(Value::Table)
            }
            _ => Ok(Value::Nothing),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Node, Value, parse};

    fn pairs(node: &Node) -> Vec<(&str, &Value)> {
        let Value::Table(entries) = &node.value else { panic!("no table") };
        entries.iter().map(|(key, node)| (key.text.as_str(), &node.value)).collect()
    }

    #[test]
    fn a_scalar_keeps_the_spelling_it_was_written_in() {
        let node =
            parse("a: 007\nb: 1.30\nc: TRUE\nd: \"q\"\ne: ~\nf: 0x10 # comment\ng: é\nh: 08\n").unwrap();
        let texts: Vec<String> = pairs(&node).iter().map(|(_, value)| format!("{value:?}")).collect();
        let wanted = [r#"Text("007")"#, r#"Text("1.30")"#, r#"Text("TRUE")"#, r#"Text("q")"#, "Nothing"];
        assert_eq!(texts[..5], wanted);
        assert_eq!(texts[5..], [r#"Text("0x10")"#, r#"Text("é")"#, r#"Text("08")"#]);
    }

    #[test]
    fn lines_and_columns_count_from_one() {
        let node = parse("a:\n  b: 1\n").unwrap();
        let Value::Table(entries) = node.value else { panic!("no table") };
        let Value::Table(inner) = &entries[0].1.value else { panic!("no table") };
        assert_eq!((inner[0].0.spot.line, inner[0].0.spot.column), (2, 3));
        assert_eq!(inner[0].1.spot.map(|spot| (spot.line, spot.column)), Some((2, 6)));
    }

    #[test]
    fn bad_text_says_where() {
        let duplicate = parse("a: 1\nb: 2\na: 3\n").unwrap_err();
        assert_eq!(duplicate.spot.line, 3);
        assert_eq!(duplicate.cause.as_deref(), Some("duplicated key in mapping"));
        assert!(parse("a: [1\nb: 2").is_err());
        assert!(parse("--- a\n--- b\n").is_err());
    }

    #[test]
    fn towers_of_any_kind_are_refused_without_falling() {
        for tower in ["- ".repeat(100_000), "[".repeat(100_000), "{a: ".repeat(100_000), "? ".repeat(100_000)]
        {
            assert!(parse(&tower).is_err());
        }
        let stairs: String = (0..200).map(|n| format!("{}a:\n", " ".repeat(n))).collect();
        assert_eq!(parse(&stairs).unwrap_err().what, "the configuration nests too deeply");
    }

    #[test]
    fn nested_aliases_do_not_explode() {
        let mut text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
        for n in 1..12 {
            let of = format!("*a{}", n - 1);
            text.push_str(&format!("a{n}: &a{n} [{}]\n", vec![of; 10].join(", ")));
        }
        assert!(parse(&text).is_err());
    }

    #[test]
    fn an_empty_text_is_an_empty_table() {
        for text in ["", "# nothing\n", "---\n", "~"] {
            assert!(
                matches!(parse(text).unwrap().value, Value::Table(entries) if entries.is_empty()),
                "{text:?}"
            );
        }
    }
}
