//! The first bytes of a connection: whatever they are, an answer; and one hello has one id, however it is cut.

use transport::{Heard, HelloId};

#[test]
fn any_first_bytes_are_a_hello_or_more_or_nothing() {
    bolero::check!().for_each(|bytes: &[u8]| {
        let heard = Heard::of(bytes);
        for length in 0..bytes.len() {
            match Heard::of(&bytes[..length]) {
                // What was heard stays heard, whatever follows.
                Heard::More => {}
                early => assert_eq!(early, heard, "at {length} of {bytes:02x?}"),
            }
        }
    });
}

#[test]
fn one_hello_has_one_id_however_it_is_cut_into_records() {
    bolero::check!().with_type::<([u8; 32], Vec<u8>, Vec<u8>)>().for_each(|(random, rest, cuts)| {
        let mut message = vec![1, 0, 1, 0, 3, 3];
        message.extend(random);
        message.extend(rest);
        let mut cuts = cuts.iter().map(|cut| usize::from(*cut).max(1));
        let (mut wire, mut left) = (Vec::new(), message.as_slice());
        while !left.is_empty() {
            let length = cuts.next().unwrap_or(left.len()).min(left.len()).min(1 << 14);
            let (fragment, after) = left.split_at(length);
            wire.extend([0x16, 3, 1]);
            wire.extend(u16::try_from(length).expect("a short record").to_be_bytes());
            wire.extend(fragment);
            left = after;
        }
        assert_eq!(Heard::of(&wire), Heard::Hello(HelloId::of(random)));
    });
}
