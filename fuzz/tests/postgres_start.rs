//! What a PostgreSQL client says first: whatever it is, it is read or refused, and what is read is what a server would read.

use wire::postgres::cancel::CancelKey;
use wire::postgres::first::First;
use wire::postgres::startup::{Startup, Version};

const V3: Version = Version { major: 3, minor: 0 };

#[test]
fn any_eight_bytes_are_a_request_or_foreign_and_no_length_is_believed_beyond_its_bound() {
    bolero::check!().with_type::<[u8; 8]>().for_each(|bytes| match First::of(*bytes) {
        First::Startup(version, left) => assert!(version.major < 1234 && left <= 10_000 - First::BYTES),
        First::Cancel(left) => assert!(left <= 4 + CancelKey::LONGEST_SECRET),
        First::Tls | First::Gss => assert_eq!(bytes[..4], [0, 0, 0, 8]),
        First::Foreign => {}
    });
}

#[test]
fn any_start_up_is_read_or_refused_and_nothing_that_the_door_decides_is_passed_on() {
    bolero::check!().for_each(|bytes: &[u8]| {
        let Ok(startup) = Startup::parse(V3, bytes) else { return };
        let settings = startup.into_settings();
        for (name, value) in &settings {
            assert!(!name.is_empty() && !name.contains('\0') && !value.contains('\0'));
            assert!(!["user", "database", "replication"].contains(&&**name) && !name.starts_with("_pq_."));
        }
    });
}

#[test]
fn a_start_up_of_any_parameters_is_read_as_it_was_written() {
    bolero::check!().with_type::<(String, Vec<(String, String)>)>().for_each(|(user, settings)| {
        let clean = |text: &str| text.replace('\0', "");
        let settings = settings.iter().map(|(name, value)| (format!("x.{}", clean(name)), clean(value)));
        let settings: Vec<(String, String)> = settings.collect();
        let mut body = format!("user\0u{}\0", clean(user));
        settings.iter().for_each(|(name, value)| body.push_str(&format!("{name}\0{value}\0")));
        body.push('\0');
        let startup = Startup::parse(V3, body.as_bytes()).expect("a start-up that was written by the rules");
        assert_eq!(startup.user(), Some(format!("u{}", clean(user)).as_str()));
        let read: Vec<(String, String)> =
            startup.into_settings().into_iter().map(|(name, value)| (name.into(), value.into())).collect();
        assert_eq!(read, settings);
        assert!(Startup::parse(V3, &body.as_bytes()[..body.len() - 1]).is_err(), "cut short");
    });
}

#[test]
fn any_request_to_cancel_is_a_key_that_writes_the_same_request_or_none() {
    bolero::check!().for_each(|body: &[u8]| match CancelKey::parse(body) {
        Some(key) => {
            assert_eq!(key.request()[First::BYTES..], *body);
            assert!(key.is(&key.clone()));
        }
        None => assert!(body.len() < 5 || body.len() > 4 + CancelKey::LONGEST_SECRET),
    });
}
