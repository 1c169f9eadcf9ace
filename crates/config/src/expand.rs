//! `${VAR}`, `${VAR:-default}` and `$$` in values. What a variable holds is taken as it is, never expanded again.

use std::collections::BTreeMap;

/// Why a value could not be expanded.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Unexpandable {
    Unset(String),
    Unclosed,
    BadName(String),
}

/// The text with its variables replaced.
pub(crate) fn expand(text: &str, env: &BTreeMap<String, String>) -> Result<String, Unexpandable> {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('$') {
        out.push_str(before);
        if let Some(literal) = after.strip_prefix('$') {
            out.push('$');
            rest = literal;
        } else if let Some(inside) = after.strip_prefix('{') {
            let (inside, tail) = inside.split_once('}').ok_or(Unexpandable::Unclosed)?;
            out.push_str(lookup(inside, env)?);
            rest = tail;
        } else {
            out.push('$');
            rest = after;
        }
    }
    out.push_str(rest);
    Ok(out)
}

/// As in a shell, `:-` stands in for a variable that is unset or empty.
fn lookup<'a>(inside: &'a str, env: &'a BTreeMap<String, String>) -> Result<&'a str, Unexpandable> {
    let (name, default) = match inside.split_once(":-") {
        Some((name, default)) => (name, Some(default)),
        None => (inside, None),
    };
    let first_fits = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    if !first_fits || !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
        return Err(Unexpandable::BadName(name.to_owned()));
    }
    let value = env.get(name).map(String::as_str);
    match default {
        Some(default) => Ok(value.filter(|value| !value.is_empty()).unwrap_or(default)),
        None => value.ok_or_else(|| Unexpandable::Unset(name.to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::{Unexpandable, expand};

    fn expanded(text: &str) -> Result<String, Unexpandable> {
        let pairs = [("HOST", "db"), ("EMPTY", ""), ("LOOP", "${HOST}")];
        expand(text, &BTreeMap::from(pairs.map(|(name, value)| (name.to_owned(), value.to_owned()))))
    }

    #[test]
    fn variables_defaults_and_dollars_are_replaced_once() {
        assert_eq!(expanded("${HOST}:1").as_deref(), Ok("db:1"));
        assert_eq!(expanded("${NONE:-x}/${EMPTY:-y}/${EMPTY}").as_deref(), Ok("x/y/"));
        assert_eq!(expanded("$${HOST} $$ $5 end$").as_deref(), Ok("${HOST} $ $5 end$"));
        assert_eq!(expanded("${LOOP}").as_deref(), Ok("${HOST}"));
    }

    #[test]
    fn what_cannot_be_replaced_is_named() {
        assert_eq!(expanded("${NONE}"), Err(Unexpandable::Unset("NONE".into())));
        assert_eq!(expanded("${HOST"), Err(Unexpandable::Unclosed));
        assert_eq!(expanded("${1x}"), Err(Unexpandable::BadName("1x".into())));
    }
}
