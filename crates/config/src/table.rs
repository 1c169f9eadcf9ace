//! Tables of keys, each key declared once: read from the file, compared with unknown keys, and printed on the
//! reference page from the same lines.

use crate::reader::{At, Reader, Shape, joined};
use crate::yaml::{Node, Value};

/// A key as the reference page shows it.
#[derive(Debug)]
pub(crate) struct KeyLine {
    pub(crate) key: &'static str,
    /// Another spelling of the key.
    pub(crate) also: Option<&'static str>,
    pub(crate) kind: String,
    pub(crate) default: Option<&'static str>,
    pub(crate) about: &'static [&'static str],
}

/// A table as the reference page shows it.
pub(crate) trait Table {
    /// Its full key, such as `tls.<profile>`.
    const PATH: &'static str;
    /// What it is about.
    const ABOUT: &'static [&'static str];

    /// Its keys in the order declared.
    fn keys() -> Vec<KeyLine>;

    /// The keys whose value is written and could not be read; their faults are noted already.
    fn unread(&self) -> &[&'static str];

    /// Whether nothing is written under the key; what could not be read is written.
    fn lacks<T>(&self, value: &Option<T>, key: &str) -> bool {
        value.is_none() && !self.unread().contains(&key)
    }
}

/// Declares a table.
///
/// `key: T = "default";` always has a value, `key: T;` may be left out, `field as "Key": T;` is spelt otherwise in
/// the file, `field or "otherKey"` in two ways, and `later "x" "y";` are known words that this version refuses.
macro_rules! table {
    ($(#[doc = $about:literal])+ $name:ident at $path:literal {
        $($(#[doc = $doc:literal])+ $field:ident $(as $spelt:literal)? $(or $also:literal)? : $kind:ty $(= $default:literal)?;)+
        $(later $($later:literal)+;)?
    }) => {
        $(#[doc = $about])+
        #[derive(Clone, Debug)]
        pub(crate) struct $name {
            $($(#[doc = $doc])+ pub(crate) $field: $crate::table::table!(@type $kind $(, $default)?),)+
            pub(crate) unread: Vec<&'static str>,
        }

        impl $name {
            const KNOWN: $crate::reader::Known = $crate::reader::Known {
                now: &[$($crate::table::table!(@key $field $($spelt)?) $(, $also)?),+],
                later: &[$($($later),+)?],
                also: &[$(($crate::table::table!(@key $field $($spelt)?), $crate::table::table!(@default $($also)?))),+],
            };
        }

        impl $crate::reader::Shape for $name {
            fn kind() -> String {
                format!("table [`{}`](#{})", $path, $crate::reference::anchor($path))
            }

            fn read(
                reader: &mut $crate::reader::Reader<'_>,
                node: &$crate::yaml::Node,
                path: &str,
            ) -> Option<Self> {
                let mut entries = reader.entries(node, path, &Self::KNOWN)?;
                $(let $field = $crate::table::table!(@read reader, entries, $crate::table::table!(@key $field $($spelt)?) $(, $default)?);)+
                Some(Self { $($field,)+ unread: entries.unread })
            }
        }

        impl $crate::table::Table for $name {
            const PATH: &'static str = $path;
            const ABOUT: &'static [&'static str] = &[$($about),+];

            fn keys() -> Vec<$crate::table::KeyLine> {
                vec![$($crate::table::KeyLine {
                    key: $crate::table::table!(@key $field $($spelt)?),
                    also: $crate::table::table!(@default $($also)?),
                    kind: <$kind as $crate::reader::Shape>::kind(),
                    default: $crate::table::table!(@default $($default)?),
                    about: &[$($doc),+],
                }),+]
            }

            fn unread(&self) -> &[&'static str] {
                &self.unread
            }
        }
    };
    (@type $kind:ty) => { Option<$crate::reader::At<$kind>> };
    (@type $kind:ty, $default:literal) => { $crate::reader::At<$kind> };
    (@key $field:ident) => { stringify!($field) };
    (@key $field:ident $spelt:literal) => { $spelt };
    (@read $reader:ident, $entries:ident, $key:expr) => { $reader.optional(&mut $entries, $key) };
    (@read $reader:ident, $entries:ident, $key:expr, $default:literal) => {
        $reader.or_default(&mut $entries, $key, $default)?
    };
    (@default) => { None };
    (@default $default:literal) => { Some($default) };
}
pub(crate) use table;

/// Single values are shapes by what they mean.
macro_rules! shapes {
    ($($scalar:ty)+) => {$(
        impl $crate::reader::Shape for $scalar {
            fn kind() -> String {
                <Self as $crate::scalar::Scalar>::kind()
            }

            fn read(
                reader: &mut $crate::reader::Reader<'_>,
                node: &$crate::yaml::Node,
                path: &str,
            ) -> Option<Self> {
                reader.scalar(node, path)
            }
        }
    )+};
}
pub(crate) use shapes;

shapes! {
    String bool u64 std::time::Duration crate::scalar::Size std::path::PathBuf std::net::IpAddr
    identity::Pin identity::Fingerprint identity::KeyKind identity::Serial
}

/// A list; what cannot be read of it is noted and left out. A list of which nothing can be read is no empty list.
impl<T: Shape> Shape for Vec<At<T>> {
    fn kind() -> String {
        format!("list of {}", T::kind())
    }

    fn read(reader: &mut Reader<'_>, node: &Node, path: &str) -> Option<Self> {
        match &node.value {
            Value::List(items) => {
                let read = |(n, item)| reader.read(item, &format!("{path}[{n}]"));
                let read: Self = items.iter().enumerate().filter_map(read).collect();
                (items.is_empty() || !read.is_empty()).then_some(read)
            }
            Value::Nothing => Some(Self::new()),
            Value::Text(_) | Value::Table(_) => {
                let said = format!("{path} is {}, want a list", node.described());
                reader.fault(
                    node.spot,
                    fault::Fault::yours(said).remedy("begin each item with \"- \", or use [ ]"),
                );
                None
            }
        }
    }
}

/// Shapes under names of the operator's choice, in the order written.
#[derive(Clone, Debug)]
pub(crate) struct Named<T>(pub(crate) Vec<(At<String>, T)>);

impl<T: Shape> Shape for Named<T> {
    fn kind() -> String {
        format!("by name: {}", T::kind())
    }

    fn read(reader: &mut Reader<'_>, node: &Node, path: &str) -> Option<Self> {
        match &node.value {
            Value::Table(entries) => {
                let read = |(key, node): &(crate::yaml::Key, Node)| {
                    let name = At { value: key.text.clone(), place: reader.place(Some(key.spot)) };
                    Some((name, T::read(reader, node, &joined(path, &key.text))?))
                };
                Some(Self(entries.iter().filter_map(read).collect()))
            }
            Value::Nothing => Some(Self(Vec::new())),
            Value::Text(_) | Value::List(_) => {
                let said = format!("{path} is {}, want a table of names", node.described());
                reader.fault(node.spot, fault::Fault::yours(said));
                None
            }
        }
    }
}

/// Off, or a table: `true` is the table with nothing written in it.
#[derive(Clone, Debug)]
pub(crate) struct Toggle<T>(pub(crate) Option<T>);

impl<T: Shape> Shape for Toggle<T> {
    fn kind() -> String {
        format!("`true`, `false` or {}", T::kind())
    }

    fn read(reader: &mut Reader<'_>, node: &Node, path: &str) -> Option<Self> {
        let Value::Text(_) = &node.value else { return T::read(reader, node, path).map(Some).map(Self) };
        if !reader.scalar::<bool>(node, path)? {
            return Some(Self(None));
        }
        T::read(reader, &Node { spot: None, value: Value::Nothing }, path).map(Some).map(Self)
    }
}
