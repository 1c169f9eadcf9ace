//! Whatever two sides send each other, the borders of their messages are the same wherever the stream is cut.

use std::ops::ControlFlow;

use wire::postgres::border::{Begun, Border};

/// Follows a stream that is cut at these places, and answers the messages that begin.
fn followed(stream: &[u8], cuts: &[u8]) -> (Vec<(u8, Option<u8>)>, Option<bool>) {
    let (mut border, mut seen, mut rest) = (Border::default(), Vec::new(), stream);
    for cut in cuts.iter().map(|cut| usize::from(*cut)).chain([usize::MAX]) {
        let (chunk, after) = rest.split_at(cut.min(rest.len()));
        rest = after;
        let passed = border.follow(chunk, |Begun { tag, first, .. }| {
            seen.push((tag, first));
            ControlFlow::Continue(())
        });
        match passed {
            Ok(passed) => assert_eq!(passed, chunk.len(), "what is not held back is followed whole"),
            Err(_) => return (seen, None),
        }
    }
    (seen, Some(border.is_between()))
}

#[test]
fn the_borders_of_messages_do_not_depend_on_where_the_stream_is_cut() {
    bolero::check!().with_type::<(Vec<u8>, Vec<u8>)>().for_each(|(stream, cuts)| {
        assert_eq!(followed(stream, cuts), followed(stream, &[]));
    });
}

#[test]
fn what_is_held_back_begins_at_a_border_and_nothing_after_it_passes() {
    bolero::check!().with_type::<(Vec<u8>, u8)>().for_each(|(stream, held)| {
        let mut border = Border::default();
        let stop = |begun: Begun| match begun.tag == *held && begun.whole {
            true => ControlFlow::Break(()),
            false => ControlFlow::Continue(()),
        };
        if let Ok(passed) = border.follow(stream, stop)
            && passed < stream.len()
        {
            assert_eq!(stream[passed], *held);
            assert!(border.is_between());
            assert_eq!(followed(&stream[..passed], &[]).1, Some(true));
        }
    });
}
