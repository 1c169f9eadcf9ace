//! The key by which a statement that runs can be stopped from another connection.

use std::fmt;

use aws_lc_rs::constant_time;
use zeroize::Zeroizing;

/// The process id and the secret of a session; the secret is never printed, and wiped.
#[derive(Clone)]
pub struct CancelKey {
    process: u32,
    secret: Zeroizing<Box<[u8]>>,
}

impl CancelKey {
    /// The longest secret of protocol 3.2.
    pub const LONGEST_SECRET: usize = 256;

    /// A key; none where the secret is empty or too long.
    #[must_use]
    pub fn new(process: u32, secret: &[u8]) -> Option<Self> {
        let fits = (1..=Self::LONGEST_SECRET).contains(&secret.len());
        fits.then(|| Self { process, secret: Zeroizing::new(secret.into()) })
    }

    /// Reads what follows length and code of a request to cancel, or length and tag of the message in which a server
    /// tells the key: in both, the process id and the secret.
    #[must_use]
    pub fn parse(body: &[u8]) -> Option<Self> {
        let (process, secret) = body.split_first_chunk()?;
        Self::new(u32::from_be_bytes(*process), secret)
    }

    /// The process id, which is no secret.
    #[must_use]
    pub fn process(&self) -> u32 {
        self.process
    }

    /// Whether both are the same key; how much of the secrets agrees does not show in the time it takes.
    #[must_use]
    pub fn is(&self, other: &Self) -> bool {
        self.process == other.process
            && constant_time::verify_slices_are_equal(&self.secret, &other.secret).is_ok()
    }

    /// The request to cancel by this key, whole.
    #[must_use]
    pub fn request(&self) -> Zeroizing<Vec<u8>> {
        let length = 12 + self.secret.len();
        let mut request = Zeroizing::new(Vec::with_capacity(length));
        request.extend(u32::try_from(length).unwrap_or_default().to_be_bytes());
        request.extend(CODE.to_be_bytes());
        request.extend(self.process.to_be_bytes());
        request.extend(&*self.secret);
        request
    }

    pub(crate) fn secret(&self) -> &[u8] {
        &self.secret
    }
}

impl fmt::Debug for CancelKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CancelKey({}, …)", self.process)
    }
}

const CODE: u32 = 80_877_102;

#[cfg(test)]
mod tests {
    use super::CancelKey;
    use crate::postgres::first::First;

    #[test]
    fn a_request_reads_back_as_its_key() {
        for length in [4, 32, 256] {
            let key = CancelKey::new(7, &vec![9; length]).unwrap();
            let request = key.request();
            let (head, body) = request.split_first_chunk().unwrap();
            assert_eq!(First::of(*head), First::Cancel(body.len()));
            assert!(CancelKey::parse(body).unwrap().is(&key));
        }
    }

    #[test]
    fn another_process_another_secret_and_half_a_secret_are_other_keys() {
        let key = CancelKey::new(7, &[1, 2, 3, 4]).unwrap();
        for other in [(8, [1, 2, 3, 4].as_slice()), (7, &[1, 2, 3, 5]), (7, &[1, 2]), (7, &[1, 2, 3, 4, 0])] {
            assert!(!key.is(&CancelKey::new(other.0, other.1).unwrap()), "{other:?}");
        }
    }

    #[test]
    fn secrets_have_a_length_and_are_not_printed() {
        assert!(CancelKey::new(7, &[]).is_none() && CancelKey::new(7, &[0; 257]).is_none());
        assert!(CancelKey::parse(&[0, 0, 0]).is_none());
        assert_eq!(format!("{:?}", CancelKey::new(7, &[42; 4]).unwrap()), "CancelKey(7, …)");
    }
}
