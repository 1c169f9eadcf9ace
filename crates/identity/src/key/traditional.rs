//! OpenSSL's traditional encryption: `Proc-Type: 4,ENCRYPTED` and `DEK-Info: CIPHER,IV`, read only.

use aes::{Aes128, Aes192, Aes256};
use cbc::Decryptor;
use cbc::cipher::block_padding::Pkcs7;
use cbc::cipher::{BlockCipherDecrypt, BlockModeDecrypt as _, InnerIvInit as _, KeyInit};
use des::TdesEde3;
use md5::{Digest as _, Md5};
use zeroize::Zeroizing;

use super::{KeyError, Wiped};
use crate::Secret;
use crate::pem::Block;
use crate::pin::unhex;

pub(super) fn decrypt(block: &Block, password: &Secret) -> Result<Wiped, KeyError> {
    let malformed =
        || KeyError::Malformed("it is encrypted, and its DEK-Info line does not say how".to_owned());
    let (cipher, iv) =
        block.header("DEK-Info").and_then(|info| info.split_once(',')).ok_or_else(malformed)?;
    let iv = unhex(iv.trim()).ok_or_else(malformed)?;
    match cipher.trim() {
        "AES-128-CBC" => cbc::<Aes128>(block, password, &iv, 16),
        "AES-192-CBC" => cbc::<Aes192>(block, password, &iv, 24),
        "AES-256-CBC" => cbc::<Aes256>(block, password, &iv, 32),
        "DES-EDE3-CBC" => cbc::<TdesEde3>(block, password, &iv, 24),
        other => Err(KeyError::Unsupported(format!(
            "the private key is encrypted with {other}, which is not supported; encrypt it anew: openssl pkcs8 -topk8 -v2 aes-256-cbc"
        ))),
    }
}

fn cbc<C: BlockCipherDecrypt + KeyInit>(
    block: &Block,
    password: &Secret,
    iv: &[u8],
    key_length: usize,
) -> Result<Wiped, KeyError> {
    let malformed = || KeyError::Malformed("its initialisation vector has the wrong length".to_owned());
    let salt = iv.get(..8).ok_or_else(malformed)?;
    let key = bytes_to_key(password.expose(), salt, key_length);
    let cipher = C::new_from_slice(&key).map_err(|_| malformed())?;
    let mode = Decryptor::inner_iv_slice_init(cipher, iv).map_err(|_| malformed())?;
    let mut content = block.content.clone();
    let plain = mode.decrypt_padded::<Pkcs7>(&mut content).map_err(|_| KeyError::BadDecrypt)?;
    Ok(Zeroizing::new(plain.to_vec()))
}

/// OpenSSL's `EVP_BytesToKey` with MD5 and one round.
fn bytes_to_key(password: &[u8], salt: &[u8], length: usize) -> Wiped {
    let mut key = Zeroizing::new(Vec::with_capacity(length + 16));
    let mut last: Wiped = Zeroizing::default();
    while key.len() < length {
        let hash = Md5::new().chain_update(&*last).chain_update(password).chain_update(salt).finalize();
        last = Zeroizing::new(hash.to_vec());
        key.extend_from_slice(&last);
    }
    key.truncate(length);
    key
}
