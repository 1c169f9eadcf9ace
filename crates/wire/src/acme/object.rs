//! JSON objects from strangers.

use std::fmt;

use serde::de::{DeserializeSeed, Error as _, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

use super::problem::Problem;

/// An object in which no name stands twice, at whatever depth: two readers of it cannot see two values.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Object(Map<String, Value>);

impl Object {
    /// Reads `bytes`; `what` names them in the problem.
    pub(super) fn parse(bytes: &[u8], what: &str) -> Result<Self, Problem> {
        let wrong = |why: String| Problem::malformed(format!("{what} is not a JSON object: {why}"));
        let mut reader = serde_json::Deserializer::from_slice(bytes);
        let value = Once.deserialize(&mut reader).map_err(|error| wrong(error.to_string()))?;
        reader.end().map_err(|error| wrong(error.to_string()))?;
        Self::of(&value, what)
    }

    fn of(value: &Value, what: &str) -> Result<Self, Problem> {
        match value {
            Value::Object(map) => Ok(Self(map.clone())),
            _ => Err(Problem::malformed(format!("{what} is not a JSON object"))),
        }
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    pub(super) fn text(&self, name: &str) -> Result<&str, Problem> {
        self.optional_text(name)?.ok_or_else(|| Problem::malformed(format!("\"{name}\" is missing")))
    }

    pub(super) fn optional_text(&self, name: &str) -> Result<Option<&str>, Problem> {
        match self.0.get(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(Problem::malformed(format!("\"{name}\" is not a string"))),
        }
    }

    /// A flag; one that is absent is not set.
    pub(super) fn flag(&self, name: &str) -> Result<bool, Problem> {
        match self.0.get(name) {
            None => Ok(false),
            Some(Value::Bool(set)) => Ok(*set),
            Some(_) => Err(Problem::malformed(format!("\"{name}\" is neither true nor false"))),
        }
    }

    pub(super) fn optional_number(&self, name: &str) -> Result<Option<u64>, Problem> {
        match self.0.get(name) {
            None => Ok(None),
            Some(value) => value
                .as_u64()
                .map(Some)
                .ok_or_else(|| Problem::malformed(format!("\"{name}\" is not a whole number"))),
        }
    }

    pub(super) fn object(&self, name: &str) -> Result<Option<Self>, Problem> {
        self.0.get(name).map(|value| Self::of(value, &format!("\"{name}\""))).transpose()
    }

    pub(super) fn texts(&self, name: &str) -> Result<Option<Vec<String>>, Problem> {
        let wrong = || Problem::malformed(format!("\"{name}\" is not a list of strings"));
        let text = |value: &Value| value.as_str().map(str::to_owned).ok_or_else(wrong);
        self.list(name)?.map(|list| list.iter().map(text).collect()).transpose()
    }

    pub(super) fn objects(&self, name: &str) -> Result<Option<Vec<Self>>, Problem> {
        let object = |value: &Value| Self::of(value, &format!("an element of \"{name}\""));
        self.list(name)?.map(|list| list.iter().map(object).collect()).transpose()
    }

    fn list(&self, name: &str) -> Result<Option<&Vec<Value>>, Problem> {
        match self.0.get(name) {
            None => Ok(None),
            Some(Value::Array(list)) => Ok(Some(list)),
            Some(_) => Err(Problem::malformed(format!("\"{name}\" is not a list"))),
        }
    }
}

/// Reads any JSON value, refusing a name that comes again. The reader's own limit bounds the depth.
struct Once;

impl<'de> DeserializeSeed<'de> for Once {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Once {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Value, A::Error> {
        let mut values = Vec::new();
        while let Some(value) = list.next_element_seed(Once)? {
            values.push(value);
        }
        Ok(Value::Array(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let mut values = Map::new();
        while let Some(Name(name)) = map.next_key()? {
            let value = map.next_value_seed(Once)?;
            if values.contains_key(&name) {
                return Err(A::Error::custom(format_args!("the name {name:?} stands twice")));
            }
            values.insert(name, value);
        }
        Ok(Value::Object(values))
    }
}

#[derive(Deserialize)]
struct Name(String);

#[cfg(test)]
mod tests {
    use super::Object;

    #[test]
    fn a_name_that_stands_twice_is_refused_at_every_depth() {
        let read = |text: &str| Object::parse(text.as_bytes(), "it");
        assert!(read(r#"{"a":1,"b":{"a":2},"c":[{"a":3},{"a":4}]}"#).is_ok());
        for twice in [r#"{"a":1,"a":1}"#, r#"{"b":{"a":1,"a":2}}"#, r#"{"b":[{"a":1,"\u0061":2}]}"#] {
            assert!(read(twice).unwrap_err().detail().contains("stands twice"), "{twice}");
        }
    }

    #[test]
    fn what_is_no_object_is_refused() {
        for text in ["", "[]", "1", "{}{}", "{} x", "{", "\u{feff}{}", "null"] {
            assert!(Object::parse(text.as_bytes(), "it").is_err(), "{text}");
        }
        assert!(Object::parse("[".repeat(100_000).as_bytes(), "it").is_err());
    }
}
