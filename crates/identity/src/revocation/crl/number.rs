use std::fmt;

/// A list's number: up to 20 bytes; `Display` is hexadecimal, as `openssl crl -crlnumber` prints it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct CrlNumber([u8; 20]);

impl CrlNumber {
    /// From big-endian bytes; `None` where there are more than 20 that count.
    pub(super) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
        let bytes = bytes.get(zeros..)?;
        let mut number = [0; 20];
        number.get_mut(20_usize.checked_sub(bytes.len())?..)?.copy_from_slice(bytes);
        Some(Self(number))
    }
}

impl CrlNumber {
    /// The number, where it is one of 64 bits, as ours are.
    #[must_use]
    pub fn to_u64(self) -> Option<u64> {
        let (high, low) = self.0.split_last_chunk::<8>()?;
        high.iter().all(|byte| *byte == 0).then_some(u64::from_be_bytes(*low))
    }
}

impl From<u64> for CrlNumber {
    fn from(number: u64) -> Self {
        let mut wide = [0; 20];
        wide.iter_mut().rev().zip(number.to_le_bytes()).for_each(|(to, from)| *to = from);
        Self(wide)
    }
}

impl fmt::Display for CrlNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let zeros = self.0.iter().take_while(|byte| **byte == 0).count().min(self.0.len() - 1);
        f.write_str("0x")?;
        self.0.iter().skip(zeros).try_for_each(|byte| write!(f, "{byte:02X}"))
    }
}

#[cfg(test)]
mod tests {
    use super::CrlNumber;

    #[test]
    fn numbers_are_compared_as_numbers() {
        assert!(CrlNumber::from(255) < CrlNumber::from(256));
        assert!(CrlNumber::from(u64::MAX) < CrlNumber::from_bytes(&[1, 0, 0, 0, 0, 0, 0, 0, 0]).unwrap());
        assert_eq!(CrlNumber::from_bytes(&[0, 1, 0]), Some(CrlNumber::from(256)));
        assert_eq!(CrlNumber::from_bytes(&[1; 21]), None);
        assert_eq!(
            [0, 300, u64::MAX].map(|n| CrlNumber::from(n).to_u64()),
            [Some(0), Some(300), Some(u64::MAX)]
        );
        assert_eq!(CrlNumber::from_bytes(&[1, 0, 0, 0, 0, 0, 0, 0, 0]).unwrap().to_u64(), None);
        assert_eq!([0, 4096].map(|n| CrlNumber::from(n).to_string()), ["0x00", "0x1000"]);
    }
}
