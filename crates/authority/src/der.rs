//! The little DER that is needed to take a certificate apart and put it together again.

/// The first element of `input`, header included, and what follows it.
pub(crate) fn element(input: &[u8]) -> Option<(&[u8], &[u8])> {
    let (header, length) = header(input)?;
    input.split_at_checked(header.checked_add(length)?)
}

/// What an element of this tag holds, and what follows the element.
pub(crate) fn content(tag: u8, input: &[u8]) -> Option<(&[u8], &[u8])> {
    let (element, rest) = element(input)?;
    if element.first() != Some(&tag) {
        return None;
    }
    let (header, _) = header(input)?;
    Some((element.get(header..)?, rest))
}

/// An element of this tag.
pub(crate) fn wrap(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let length: usize = parts.iter().map(|part| part.len()).sum();
    let mut out = Vec::with_capacity(length + 6);
    out.push(tag);
    match u8::try_from(length) {
        Ok(short) if short < 0x80 => out.push(short),
        _ => {
            let bytes = length.to_be_bytes();
            let significant: Vec<u8> = bytes.iter().copied().skip_while(|byte| *byte == 0).collect();
            // A usize has at most 8 bytes.
            out.push(0x80 | significant.len() as u8);
            out.extend(significant);
        }
    }
    parts.iter().for_each(|part| out.extend_from_slice(part));
    out
}

/// `whole` with the first occurrence of `old` replaced.
pub(crate) fn splice(whole: &[u8], old: &[u8], new: &[u8]) -> Option<Vec<u8>> {
    let at = whole.windows(old.len()).position(|window| window == old)?;
    let (before, after) = (whole.get(..at)?, whole.get(at + old.len()..)?);
    Some([before, new, after].concat())
}

/// Length of the header and of the content.
fn header(input: &[u8]) -> Option<(usize, usize)> {
    let (_tag, first) = (input.first()?, *input.get(1)?);
    if first < 0x80 {
        return Some((2, usize::from(first)));
    }
    let count = usize::from(first & 0x7f);
    if count == 0 || count > 4 {
        return None;
    }
    let length =
        input.get(2..2 + count)?.iter().fold(0_usize, |length, byte| length << 8 | usize::from(*byte));
    // DER knows one way to write a length.
    let shortest = length >= 0x80 && input.get(2) != Some(&0);
    shortest.then_some((2 + count, length))
}

pub(crate) const SEQUENCE: u8 = 0x30;
pub(crate) const BIT_STRING: u8 = 0x03;

#[cfg(test)]
mod tests {
    use super::{SEQUENCE, content, element, wrap};

    #[test]
    fn what_is_wrapped_can_be_taken_apart_at_every_length() {
        for length in [0, 1, 127, 128, 255, 256, 65_535, 65_536] {
            let inner = vec![7; length];
            let whole = wrap(SEQUENCE, &[&inner, &[]]);
            let with_rest = [&whole[..], &[1, 2]].concat();
            assert_eq!(element(&with_rest), Some((&whole[..], &[1, 2][..])), "{length}");
            assert_eq!(content(SEQUENCE, &with_rest), Some((&inner[..], &[1, 2][..])), "{length}");
        }
    }

    #[test]
    fn a_length_that_lies_is_not_believed() {
        for lie in [
            &[][..],
            &[0x30],
            &[0x30, 0x05, 0],
            &[0x30, 0x80],
            &[0x30, 0x84, 0xff, 0xff, 0xff, 0xff],
            &[0x30, 0x82, 1],
            &[0x30, 0x81, 1, 0],
        ] {
            assert_eq!(element(lie), None, "{lie:?}");
        }
    }
}
