//! The blocks of a PEM file, with the headers that traditional encrypted keys carry.

use std::fmt;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use zeroize::Zeroizing;

/// Some editors put it before everything else.
const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

/// One block: `-----BEGIN LABEL-----`, headers, base64, `-----END LABEL-----`.
pub(crate) struct Block {
    pub(crate) label: String,
    /// `Name: value` lines before the content.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) content: Zeroizing<Vec<u8>>,
}

impl Block {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

/// A block that begins and does not come to a good end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Broken {
    NoEnd(String),
    NotBase64(String),
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoEnd(label) => write!(f, "the PEM block \"{label}\" has no END line"),
            Self::NotBase64(label) => write!(f, "the PEM block \"{label}\" is not base64"),
        }
    }
}

/// Every block in file order; what stands around them is passed over, line ends may be of any kind.
pub(crate) fn blocks(pem: &[u8]) -> Result<Vec<Block>, Broken> {
    let pem = pem.strip_prefix(BYTE_ORDER_MARK).unwrap_or(pem);
    let mut lines = pem.split(|byte| matches!(byte, b'\n' | b'\r')).map(<[u8]>::trim_ascii);
    let mut blocks = Vec::new();
    while let Some(line) = lines.next() {
        if let Some(label) = marked(line, "-----BEGIN ") {
            blocks.push(block(label, &mut lines)?);
        }
    }
    Ok(blocks)
}

fn block<'a>(label: String, lines: &mut (impl Iterator<Item = &'a [u8]> + Clone)) -> Result<Block, Broken> {
    let mut headers: Vec<(String, String)> = Vec::new();
    let longest = lines.clone().take_while(|line| !line.starts_with(b"-----")).map(<[u8]>::len).sum();
    // Never grown, because growing would leave a copy of a key behind that nobody wipes.
    let mut encoded = Zeroizing::new(Vec::with_capacity(longest));
    for line in lines {
        if marked(line, "-----END ").is_some_and(|end| end == label) {
            return match BASE64_STANDARD.decode(encoded.as_slice()) {
                Ok(content) => Ok(Block { label, headers, content: Zeroizing::new(content) }),
                Err(_) => Err(Broken::NotBase64(label)),
            };
        }
        if line.starts_with(b"-----") {
            return Err(Broken::NoEnd(label));
        }
        match std::str::from_utf8(line).ok().and_then(|line| line.split_once(':')) {
            Some((name, value)) => headers.push((name.trim().to_owned(), value.trim().to_owned())),
            None => encoded.extend(line.iter().filter(|byte| !byte.is_ascii_whitespace())),
        }
    }
    Err(Broken::NoEnd(label))
}

/// The label of a line `-----BEGIN LABEL-----` or `-----END LABEL-----`.
fn marked(line: &[u8], mark: &str) -> Option<String> {
    let label = line.strip_prefix(mark.as_bytes())?.strip_suffix(b"-----")?;
    std::str::from_utf8(label).ok().map(str::to_owned)
}
