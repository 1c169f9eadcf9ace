//! Long lists, page by page: from a running node, or from the realm's ledger by the same question.

use client::Connector;
use fault::Fault;
use serde_json::Value;
use wire::query::encoded;

/// What is asked for, as the query of a URL that goes on with the page.
pub(crate) fn question<'a>(parameters: impl IntoIterator<Item = (&'a str, Option<String>)>) -> String {
    let given = parameters.into_iter().filter_map(|(name, value)| Some((name, value?)));
    given.map(|(name, value)| format!("{name}={}&", encoded(&value))).collect()
}

/// The entries of as many pages as it takes; `list` is the name that a page has them under.
///
/// # Errors
/// The first page that cannot be had.
pub(crate) async fn pages(
    list: &str,
    limit: usize,
    mut ask: impl AsyncFnMut(String) -> Result<Value, Fault>,
) -> Result<Vec<Value>, Fault> {
    let (mut entries, mut after) = (Vec::new(), String::new());
    loop {
        let wanted = (limit - entries.len()).min(PAGE);
        let mut page = ask(format!("limit={wanted}{after}")).await?;
        if let Some(Value::Array(found)) = page.get_mut(list).map(Value::take) {
            entries.extend(found);
        }
        match page.get("next").and_then(Value::as_str) {
            Some(next) if entries.len() < limit => after = format!("&after={}", encoded(next)),
            Some(_) | None => return Ok(entries),
        }
    }
}

/// What a node answers at a path.
///
/// # Errors
/// It cannot be asked, or says no.
pub(crate) async fn told(connector: &mut Connector, path: &str) -> Result<Value, Fault> {
    let reply = connector.ask(path).await?;
    if reply.is_success() {
        Ok(serde_json::from_slice(reply.body()).unwrap_or_default())
    } else {
        Err(reply.refused(connector.endpoint()))
    }
}

/// Entries that are asked for at once.
const PAGE: usize = 1_000;
