//! The secret of an invitation and the lifetimes of requests: read or refused, and what was read is written as the same again.

use registrar::enrolment::Token;

#[test]
fn any_text_is_an_invitation_that_reads_back_or_none() {
    bolero::check!().with_type::<String>().for_each(|text: &String| {
        for text in [text.clone(), format!("invite_{text}"), format!("invite_0123456789abcdef_{text}")] {
            if let Ok(token) = text.parse::<Token>() {
                let again: Token = token.text().parse().expect("what was written can be read");
                assert!(again.id() == token.id() && again.is(&token.sha256()));
            }
        }
    });
}

#[test]
fn any_text_is_a_length_of_time_within_the_calendar_or_none() {
    bolero::check!().with_type::<String>().for_each(|text: &String| {
        for text in [text.clone(), format!("{text}d"), format!("1{text}")] {
            if let Ok(life) = authority::parse_lifetime(&text) {
                assert!(life.is_positive() && life.whole_days() <= 36_500);
            }
        }
    });
}

/// A name is allowed by a pattern or not, and no pattern breaks on one.
#[test]
fn any_text_is_a_pattern_that_reads_back_or_none() {
    bolero::check!().with_type::<String>().for_each(|text: &String| {
        let _ = text.parse::<authority::DnsPattern>();
        let _ = text.parse::<authority::UriPattern>();
        let _ = text.parse::<authority::EmailPattern>();
        let _ = text.parse::<authority::CommonNamePattern>();
        if let Ok(network) = text.parse::<authority::Network>() {
            assert_eq!(network.to_string().parse(), Ok(network));
        }
    });
}
