//! `reload` and `allow_weaker`: when the configuration is read again, and what that may make weaker.

use std::time::Duration;

use crate::reader::{At, Reader, Shape};
use crate::table::table;
use crate::yaml::{Node, Value};

table! {
    /// When the configuration and the files that it names are read again, besides SIGHUP and `countersign reload`.
    Reload at "reload" {
        /// Whether files that change are noticed.
        watch: bool = "true";
        /// How often their content is compared, for file systems that tell of no changes; at least `1s`.
        poll: Duration = "60s";
    }
}

/// Everything, nothing, or what is named.
#[derive(Clone, Debug)]
pub(crate) enum AllowWeaker {
    All(bool),
    Named(Vec<At<String>>),
}

impl Shape for AllowWeaker {
    fn kind() -> String {
        "`true`, `false` or list of the names that a refused reload tells".into()
    }

    fn read(reader: &mut Reader<'_>, node: &Node, path: &str) -> Option<Self> {
        match node.value {
            Value::Text(_) => bool::read(reader, node, path).map(Self::All),
            _ => Vec::read(reader, node, path).map(Self::Named),
        }
    }
}
