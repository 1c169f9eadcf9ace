/// Appends `text` as a JSON string, quotes included.
pub(super) fn write_str(out: &mut Vec<u8>, text: &str) {
    out.push(b'"');
    let bytes = text.as_bytes();
    let mut rest = bytes;
    // Most text needs no escape at all: find the next byte that does, and copy all before it at once.
    while let Some(at) = rest.iter().position(|byte| escape(*byte).is_some()) {
        let (plain, tail) = rest.split_at(at);
        out.extend_from_slice(plain);
        let Some((byte, tail)) = tail.split_first() else { break };
        write_escape(out, *byte);
        rest = tail;
    }
    out.extend_from_slice(rest);
    out.push(b'"');
}

/// Appends text that may not be UTF-8; what is invalid becomes U+FFFD, so the answer stays JSON.
pub(super) fn write_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    match std::str::from_utf8(bytes) {
        Ok(text) => write_str(out, text),
        Err(_) => write_str(out, &String::from_utf8_lossy(bytes)),
    }
}

/// The letter of a short escape, `u` for a long one, nothing where the byte stands for itself.
fn escape(byte: u8) -> Option<u8> {
    match byte {
        b'"' | b'\\' => Some(byte),
        b'\n' => Some(b'n'),
        b'\r' => Some(b'r'),
        b'\t' => Some(b't'),
        0x08 => Some(b'b'),
        0x0c => Some(b'f'),
        0..=0x1f => Some(b'u'),
        _ => None,
    }
}

fn write_escape(out: &mut Vec<u8>, byte: u8) {
    match escape(byte) {
        Some(b'u') => {
            let hex = |nibble: u8| if nibble < 10 { b'0' + nibble } else { b'a' + nibble - 10 };
            out.extend_from_slice(&[b'\\', b'u', b'0', b'0', hex(byte >> 4), hex(byte & 15)]);
        }
        Some(letter) => out.extend_from_slice(&[b'\\', letter]),
        None => out.push(byte),
    }
}
