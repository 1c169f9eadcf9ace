//! A certificate request from a stranger: whatever the bytes, an answer; and nothing is accepted that does not come
//! with a key of a known kind and names that pass.

use authority::Request;

#[test]
fn a_request_is_read_or_refused() {
    bolero::check!().for_each(|bytes: &[u8]| {
        if let Ok(request) = Request::from_csr(bytes) {
            let again = Request::from_csr(bytes).expect("the same bytes are the same request");
            assert_eq!(request.spki_sha256(), again.spki_sha256());
            assert_eq!(request.names(), again.names());
        }
    });
}

/// A good request, one part of it changed: it is refused, because every part is under the signature.
#[test]
fn a_changed_request_is_refused() {
    let good = good_request();
    assert!(Request::from_csr(&good).is_ok());
    bolero::check!().with_type::<(u16, u8)>().for_each(|(at, with)| {
        let mut changed = good.clone();
        let length = changed.len();
        let byte = &mut changed[usize::from(*at) % length];
        if *with != 0 {
            *byte ^= with;
            assert!(Request::from_csr(&changed).is_err());
        }
    });
}

/// Made with `openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -subj /CN=analyst -outform DER`.
fn good_request() -> Vec<u8> {
    GOOD.as_bytes().as_chunks::<2>().0.iter().map(|[high, low]| digit(*high) << 4 | digit(*low)).collect()
}

fn digit(character: u8) -> u8 {
    char::from(character).to_digit(16).map_or(0, |digit| digit as u8)
}

const GOOD: &str = "3081cc307402010030123110300e06035504030c07616e616c7973743059301306072a8648ce3d020106082a8648ce3d0301070342000496928e481630b5485424e59df28ec98e810ab55096d350794b59dee60cf85a84995ac8191ecd5ea8afbcc99c0dcb0d3026cf0d1c313e2dc50e7bc692e695b526a000300a06082a8648ce3d0403020348003045022100f6e322fe728a1e3919e03b165f080fe6867d14a47eb16ac13deee9647d9d6d510220328e4ee71e69b279081548d79a9037bfd4d7400da2deb131c4a532fbfc10c99b";
