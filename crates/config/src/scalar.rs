//! Single values: text → meaning, with the words for what was wanted.

use std::net::IpAddr;
use std::path::{Component, Path, PathBuf};
use std::time::Duration;

use identity::{Fingerprint, KeyKind, Pin, Serial};

/// Why a text has no meaning under its key; completes the sentence that begins with key and text.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Wrong {
    pub(crate) said: String,
    pub(crate) remedy: Option<String>,
}

impl Wrong {
    pub(crate) fn new(said: impl Into<String>) -> Self {
        Self { said: said.into(), remedy: None }
    }

    pub(crate) fn remedy(mut self, remedy: impl Into<String>) -> Self {
        self.remedy = Some(remedy.into());
        self
    }

    /// A word that a later version will know.
    pub(crate) fn later() -> Self {
        Self::new("is not available in this version")
    }
}

/// What relative paths are relative to.
#[derive(Clone, Debug)]
pub(crate) struct Ground {
    pub(crate) base: PathBuf,
    pub(crate) home: Option<PathBuf>,
}

/// A single value.
pub(crate) trait Scalar: Sized {
    /// What it is called on the reference page.
    fn kind() -> String;

    /// Its meaning.
    fn parse(text: &str, ground: &Ground) -> Result<Self, Wrong>;
}

impl Scalar for String {
    fn kind() -> String {
        "text".into()
    }

    fn parse(text: &str, _: &Ground) -> Result<Self, Wrong> {
        Ok(text.to_owned())
    }
}

impl Scalar for bool {
    fn kind() -> String {
        "`true` or `false`".into()
    }

    fn parse(text: &str, _: &Ground) -> Result<Self, Wrong> {
        match text.to_ascii_lowercase().as_str() {
            "true" | "yes" | "on" | "1" => Ok(true),
            "false" | "no" | "off" | "0" => Ok(false),
            _ => Err(Wrong::new("is neither true nor false")),
        }
    }
}

impl Scalar for u64 {
    fn kind() -> String {
        "number".into()
    }

    fn parse(text: &str, _: &Ground) -> Result<Self, Wrong> {
        text.replace('_', "").parse().map_err(|_| Wrong::new("is not a whole number such as 100000"))
    }
}

impl Scalar for Duration {
    fn kind() -> String {
        "duration".into()
    }

    fn parse(text: &str, _: &Ground) -> Result<Self, Wrong> {
        let wrong =
            || Wrong::new("is not a duration (want a number with d, h, m, s or ms, such as 90d or 500ms)");
        let (number, unit) = split_unit(text).ok_or_else(wrong)?;
        let milliseconds = match unit {
            "ms" => 1,
            "s" => 1000,
            "m" => 60_000,
            "h" => 3_600_000,
            "d" => 86_400_000,
            _ => return Err(wrong()),
        };
        number.checked_mul(milliseconds).map(Self::from_millis).ok_or_else(wrong)
    }
}

/// A number of bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Size(pub(crate) u64);

impl Scalar for Size {
    fn kind() -> String {
        "size".into()
    }

    fn parse(text: &str, _: &Ground) -> Result<Self, Wrong> {
        let wrong = || Wrong::new("is not a size (want a number with B, KiB, MiB or GiB, such as 8MiB)");
        let (number, unit) = split_unit(text).ok_or_else(wrong)?;
        let bytes = match unit {
            "" | "B" => 1,
            "KiB" => 1 << 10,
            "MiB" => 1 << 20,
            "GiB" => 1 << 30,
            _ => return Err(wrong()),
        };
        number.checked_mul(bytes).map(Self).ok_or_else(wrong)
    }
}

fn split_unit(text: &str) -> Option<(u64, &str)> {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at_checked(end)?;
    Some((number.parse().ok()?, unit.trim()))
}

/// A path, made absolute.
impl Scalar for PathBuf {
    fn kind() -> String {
        "path".into()
    }

    fn parse(text: &str, ground: &Ground) -> Result<Self, Wrong> {
        if text.is_empty() {
            return Err(Wrong::new("is an empty path"));
        }
        if text.contains('\0') {
            return Err(Wrong::new("is not a path: it holds a NUL byte"));
        }
        let path = Path::new(text);
        let Ok(below_home) = path.strip_prefix("~") else { return Ok(clean(&ground.base.join(path))) };
        match &ground.home {
            Some(home) => Ok(clean(&home.join(below_home))),
            None => Err(Wrong::new("begins with ~ and HOME is not set").remedy("write the whole path")),
        }
    }
}

/// Without `.` components; `..` stays, because a symbolic link may stand before it.
fn clean(path: &Path) -> PathBuf {
    path.components().filter(|part| *part != Component::CurDir).collect()
}

impl Scalar for Pin {
    fn kind() -> String {
        "64 hexadecimal digits or `sha256//BASE64`".into()
    }

    fn parse(text: &str, _: &Ground) -> Result<Self, Wrong> {
        let remedy = "openssl x509 -in FILE -pubkey -noout | openssl pkey -pubin -outform DER | openssl dgst -sha256 \
                      (or countersign cert spki FILE) prints it";
        Self::parse(text)
            .map_err(|_| Wrong::new("is neither 64 hexadecimal digits nor sha256//BASE64").remedy(remedy))
    }
}

impl Scalar for Fingerprint {
    fn kind() -> String {
        "64 hexadecimal digits".into()
    }

    fn parse(text: &str, _: &Ground) -> Result<Self, Wrong> {
        Self::parse(text).map_err(|_| {
            Wrong::new("is not a SHA-256 fingerprint of 64 hexadecimal digits")
                .remedy("openssl x509 -in FILE -noout -fingerprint -sha256 prints it")
        })
    }
}

impl Scalar for Serial {
    fn kind() -> String {
        "serial number in hexadecimal".into()
    }

    fn parse(text: &str, _: &Ground) -> Result<Self, Wrong> {
        Self::parse(text).map_err(|_| {
            Wrong::new("is not a serial number in hexadecimal")
                .remedy("openssl x509 -in FILE -noout -serial prints it")
        })
    }
}

impl Scalar for IpAddr {
    fn kind() -> String {
        "IP address".into()
    }

    fn parse(text: &str, _: &Ground) -> Result<Self, Wrong> {
        text.parse().map_err(|_| Wrong::new("is not an IP address"))
    }
}

impl Scalar for KeyKind {
    fn kind() -> String {
        "`ecdsa-p256`, `ecdsa-p384`, `ed25519`, `rsa-2048`, `rsa-3072` or `rsa-4096`".into()
    }

    fn parse(text: &str, _: &Ground) -> Result<Self, Wrong> {
        let wanted =
            "is not a kind of key (want ecdsa-p256, ecdsa-p384, ed25519, rsa-2048, rsa-3072 or rsa-4096)";
        text.parse().map_err(|_| Wrong::new(wanted))
    }
}

/// Declares a closed set of words once: the enum, how each is written, and words that a later version will know.
macro_rules! words {
    ($(#[$about:meta])* $vis:vis enum $name:ident { $($(#[$doc:meta])+ $variant:ident = $word:literal,)+ }
     $(later { $($later:literal),+ })?) => {
        $(#[$about])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        $vis enum $name { $($(#[$doc])+ $variant,)+ }

        impl $name {
            /// The word for it in a configuration.
            #[must_use]
            $vis const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word,)+ }
            }
        }

        impl $crate::scalar::Scalar for $name {
            fn kind() -> String {
                $crate::scalar::alternatives(&[$($word),+], "`")
            }

            fn parse(text: &str, _: &$crate::scalar::Ground) -> Result<Self, $crate::scalar::Wrong> {
                match text {
                    $($word => Ok(Self::$variant),)+
                    $($($later)|+ => Err($crate::scalar::Wrong::later()),)?
                    _ => Err($crate::scalar::unknown(text, &[$($word),+])),
                }
            }
        }
    };
}
pub(crate) use words;

/// `a, b or c`, each in the quotation mark.
pub(crate) fn alternatives(words: &[&str], mark: &str) -> String {
    let quoted: Vec<String> = words.iter().map(|word| format!("{mark}{word}{mark}")).collect();
    match quoted.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, others)) => format!("{} or {last}", others.join(", ")),
        None => String::new(),
    }
}

/// A word outside its closed set.
pub(crate) fn unknown(text: &str, words: &[&str]) -> Wrong {
    let wrong = Wrong::new(format!("is not known (want {})", alternatives(words, "")));
    match fault::nearest(text, words.iter().copied()) {
        Some(near) => wrong.remedy(format!("did you mean {near:?}?")),
        None => wrong,
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;
    use std::time::Duration;

    use super::{Ground, Scalar, Size};

    fn ground() -> Ground {
        Ground { base: "/etc/countersign".into(), home: Some("/home/alice".into()) }
    }

    #[test]
    fn durations_and_sizes_read_their_units() {
        let seconds = |text| Duration::parse(text, &ground()).map(|d| d.as_secs_f64()).ok();
        assert_eq!(seconds("90d"), Some(7_776_000.0));
        assert_eq!(seconds("24h"), Some(86_400.0));
        assert_eq!(seconds("500ms"), Some(0.5));
        for wrong in
            ["", "30", "s", "-1s", "1.5h", "99999999999999999999d", "18446744073709551615d", "5 weeks"]
        {
            assert_eq!(seconds(wrong), None, "{wrong}");
        }
        let bytes = |text| Size::parse(text, &ground()).map(|size| size.0).ok();
        assert_eq!(bytes("8MiB"), Some(8 << 20));
        assert_eq!(bytes("64 KiB"), Some(64 << 10));
        assert_eq!(bytes("100"), Some(100));
        assert_eq!(bytes("8MB"), None);
        assert_eq!(bytes("18446744073709551615GiB"), None);
    }

    #[test]
    fn relative_paths_stand_beside_the_file_and_a_tilde_is_home() {
        let path = |text| PathBuf::parse(text, &ground()).map(|path| path.display().to_string()).ok();
        assert_eq!(path("./pki/root.crt").as_deref(), Some("/etc/countersign/pki/root.crt"));
        assert_eq!(path("../x").as_deref(), Some("/etc/countersign/../x"));
        assert_eq!(path("/abs").as_deref(), Some("/abs"));
        assert_eq!(path("~/a").as_deref(), Some("/home/alice/a"));
        assert_eq!(path("~a").as_deref(), Some("/etc/countersign/~a"));
        assert_eq!(path(""), None);
        assert!(PathBuf::parse("~", &Ground { base: "/".into(), home: None }).is_err());
    }
}
