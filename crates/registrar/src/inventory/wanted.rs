//! Which certificates somebody wants to see.

use identity::{Pin, Serial};
use ledger::{CertificateFilter, Cursor, State};
use wire::query;

/// Reads which certificates are wanted: `name=*.example.com&expires_before=2026-12-24T00:00:00Z&limit=50`. `all` wants every one.
///
/// Certificates of minutes, which are many, are listed where `all`, their serial or their profile is asked for.
///
/// # Errors
/// What cannot be understood, for whoever asked.
pub fn wanted(text: &str) -> Result<CertificateFilter, String> {
    let (mut filter, mut all) = (CertificateFilter::default(), false);
    for (name, value) in query::parameters(text).map_err(|error| error.to_string())? {
        match name.as_str() {
            "all" if value.is_empty() => all = true,
            "name" => filter.name = Some(value),
            "serial" => filter.serial = Some(Serial::parse(&value).map_err(|error| error.to_string())?),
            "issuer" => issuer(&mut filter, value),
            "profile" => filter.profile = Some(value),
            "kind" => kind(&mut filter, &value)?,
            "state" => filter.state = Some(query::word(&name, &value, &State::ALL, State::as_str)?),
            "expires_before" => filter.expires_before = Some(query::moment(&name, &value)?),
            "expires_after" => filter.expires_after = Some(query::moment(&name, &value)?),
            "after" => filter.after = Some(Cursor::parse(&value)?),
            "limit" => filter.limit = query::number(&name, &value, 1..=MOST_LIMIT)?,
            _ => return Err(PARAMETERS.to_owned()),
        }
    }
    filter.lasting = !all && filter.profile.is_none() && filter.serial.is_none();
    Ok(filter)
}

/// By the public key where it is one, else by the distinguished name.
fn issuer(filter: &mut CertificateFilter, value: String) {
    match Pin::parse(&value) {
        Ok(key) => filter.issuer = Some(key),
        Err(_) => filter.issuer_name = Some(value),
    }
}

fn kind(filter: &mut CertificateFilter, word: &str) -> Result<(), String> {
    match word {
        "service" | "server" | "client" => filter.profile = Some(word.to_owned()),
        "ca" => filter.authorities = true,
        _ => return Err("kind is service, server, client or ca".to_owned()),
    }
    Ok(())
}

const PARAMETERS: &str = "the parameters are name, serial, issuer, profile, kind, state, expires_before, expires_after, after, limit \
                          and all";
const MOST_LIMIT: usize = 1_000;

#[cfg(test)]
mod tests {
    use ledger::State;

    use super::wanted;

    #[test]
    fn a_question_about_certificates_is_read_whole_or_refused_with_a_reason() {
        let key = "ab".repeat(32);
        let query = format!(
            "name=%2A.example.com&serial=0a:0B&issuer={key}&kind=service&state=revoked&after=7&limit=9\
             &expires_before=2026-12-24T00:00:00Z&expires_after=2026-12-01T00:00:00%2B01:00"
        );
        let read = wanted(&query).unwrap();
        assert_eq!(read.name.as_deref(), Some("*.example.com"));
        assert_eq!(read.serial.unwrap().to_string(), "0A0B");
        assert_eq!((read.issuer.unwrap().to_string(), read.issuer_name), (key, None));
        assert_eq!((read.profile.as_deref(), read.state), (Some("service"), Some(State::Revoked)));
        assert_eq!((read.after.unwrap().number(), read.limit), (7, 9));
        assert!(read.expires_after < read.expires_before);
        let named = wanted("issuer=CN%3DRoot*&kind=ca").unwrap();
        assert_eq!(
            (named.issuer, named.issuer_name.as_deref(), named.authorities),
            (None, Some("CN=Root*"), true)
        );
        assert!(wanted("all").is_ok());
        for (query, why) in [
            ("kind=robot", "kind is service, server, client or ca"),
            ("state=lost", "state is one of drafted"),
            ("expires_before=soon", "expires_before is a moment"),
            ("limit=0", "limit is a number"),
            ("after=x", "after is the"),
            ("serial=xyz", "not hexadecimal"),
            ("color=red", "the parameters are name"),
            ("all=1", "the parameters are name"),
            ("name=%zz", "percent-encoded"),
        ] {
            assert!(wanted(query).unwrap_err().contains(why), "{query}");
        }
    }
}
