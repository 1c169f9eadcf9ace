//! Requests that a browser sends because a page of somebody else told it to.
//!
//! A browser presents a client certificate on its own, so that such a page would act in the name of whoever looks at it.
//! What browsers say of where a request comes from (the Fetch standard's `Sec-Fetch-Site`, RFC 6454's `Origin`) is no
//! credential, but no page can leave it out; other clients send neither.

use fault::{Code, Refusal};
use http::uri::Authority;
use hyper::Method;
use hyper::header::{HOST, HeaderMap, ORIGIN};
use hyper::http::request::Parts;

/// Refuses what changes something and was sent by a page of another site.
///
/// # Errors
/// `cross-site`.
pub(crate) fn refuse_other_sites(head: &Parts) -> Result<(), Refusal> {
    // What only reads is kept from such a page by the browser itself: we send no CORS headers.
    if matches!(head.method, Method::GET | Method::HEAD | Method::OPTIONS) {
        return Ok(());
    }
    let site = text(&head.headers, "sec-fetch-site");
    let origin = text(&head.headers, ORIGIN.as_str());
    match (site, origin) {
        (Some("same-origin" | "none"), _) | (None, None) => Ok(()),
        (Some(site), _) => {
            Err(refused(format!("the browser says that it comes from: {}", site.escape_debug())))
        }
        (None, Some(origin)) if host(head).is_some_and(|host| is_of(origin, host)) => Ok(()),
        (None, Some(origin)) => {
            Err(refused(format!("the browser says that it comes from {}", origin.escape_debug())))
        }
    }
}

/// A field that is there and cannot be read counts as one that says something else.
fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).map(|value| value.to_str().unwrap_or("what cannot be read"))
}

fn host(head: &Parts) -> Option<&str> {
    let written = || head.headers.get(HOST).and_then(|host| host.to_str().ok());
    head.uri.authority().map(Authority::as_str).or_else(written)
}

fn is_of(origin: &str, host: &str) -> bool {
    let named = origin.strip_prefix("https://").or_else(|| origin.strip_prefix("http://"));
    named.is_some_and(|named| named.eq_ignore_ascii_case(host))
}

fn refused(cause: String) -> Refusal {
    Refusal::new(Code::CrossSite, cause)
}

#[cfg(test)]
mod tests {
    use hyper::Request;

    use super::refuse_other_sites;

    fn is_let_in(method: &str, fields: &[(&str, &str)]) -> bool {
        let request = Request::builder().method(method).uri("/_admin/kill").header("host", "db.example:7777");
        let request = fields.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        refuse_other_sites(&request.body(()).unwrap().into_parts().0).is_ok()
    }

    #[test]
    fn a_page_of_another_site_changes_nothing() {
        for site in ["cross-site", "same-site", "", "Same-Origin"] {
            assert!(!is_let_in("POST", &[("sec-fetch-site", site)]), "{site}");
        }
        for origin in
            ["https://evil.example", "null", "https://db.example", "https://db.example:7777.evil", ""]
        {
            assert!(!is_let_in("POST", &[("origin", origin)]), "{origin}");
            assert!(!is_let_in("DELETE", &[("origin", origin)]), "{origin}");
        }
        assert!(!is_let_in(
            "POST",
            &[("sec-fetch-site", "cross-site"), ("origin", "https://db.example:7777")]
        ));
    }

    #[test]
    fn programs_and_pages_of_ours_are_let_in() {
        assert!(is_let_in("POST", &[]));
        assert!(is_let_in("POST", &[("origin", "https://DB.example:7777")]));
        assert!(is_let_in(
            "PUT",
            &[("sec-fetch-site", "same-origin"), ("origin", "https://db.example:7777")]
        ));
        assert!(is_let_in("GET", &[("sec-fetch-site", "cross-site")]));
    }
}
