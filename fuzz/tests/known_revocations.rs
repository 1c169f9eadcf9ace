//! What a node was told of its ledger: a file on its own disk, that may be torn or rotten.

use bolero::check;
use ledger::Contents;

#[test]
fn any_bytes_are_no_such_file_or_one_that_reads_the_same_when_written() {
    check!().for_each(|bytes: &[u8]| {
        let mut file = b"countersign known revocations 1\n".to_vec();
        file.extend(bytes);
        for bytes in [bytes, &file] {
            if let Some(read) = Contents::read(bytes) {
                let again = Contents::read(&read.write()).unwrap();
                assert_eq!((again.revocations(), again.damaged()), (read.revocations(), 0));
            }
        }
    });
}
