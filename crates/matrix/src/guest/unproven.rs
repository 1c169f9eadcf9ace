use rustls::sign::{Signer, SigningKey};
use rustls::{Error, SignatureAlgorithm, SignatureScheme};

/// An RSA key that nobody holds: its signatures are noise.
///
/// No library that we use signs with 1,024 bits. A server judges the certificate before it asks for the proof, so the
/// certificate's own flaw is what it must name; one that overlooks it names another, and the cell fails.
#[derive(Debug)]
pub(crate) struct Unproven {
    /// Bytes of a signature.
    pub(crate) length: usize,
}

impl SigningKey for Unproven {
    fn choose_scheme(&self, offered: &[SignatureScheme]) -> Option<Box<dyn Signer>> {
        let rsa = [SignatureScheme::RSA_PSS_SHA256, SignatureScheme::RSA_PKCS1_SHA256];
        let scheme = rsa.into_iter().find(|scheme| offered.contains(scheme))?;
        Some(Box::new(Noise { scheme, length: self.length }))
    }

    fn algorithm(&self) -> SignatureAlgorithm {
        SignatureAlgorithm::RSA
    }
}

#[derive(Debug)]
struct Noise {
    scheme: SignatureScheme,
    length: usize,
}

impl Signer for Noise {
    fn sign(&self, _: &[u8]) -> Result<Vec<u8>, Error> {
        Ok(vec![0x42; self.length])
    }

    fn scheme(&self) -> SignatureScheme {
        self.scheme
    }
}
