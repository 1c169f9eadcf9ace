use super::{CommonNamePattern, DnsPattern, EmailPattern, NameRules, Network, UriPattern};
use crate::{Names, parse_san};

fn rules() -> NameRules {
    NameRules {
        common_names: vec!["robot-*".parse().unwrap()],
        dns: vec![".example.com".parse().unwrap(), "*.wild.test".parse().unwrap()],
        uris: vec!["spiffe://example.com/".parse().unwrap(), "urn:one".parse().unwrap()],
        emails: vec!["example.com".parse().unwrap(), "root@other.test".parse().unwrap()],
        networks: vec!["10.1.0.0/16".parse().unwrap(), "fd00::/8".parse().unwrap()],
    }
}

fn allowed(common_name: &str, san: Option<&str>) -> bool {
    let names = Names::common(common_name).with_sans(san.map(|san| parse_san(san).unwrap()));
    rules().check(&names, "client").is_ok()
}

#[test]
fn a_name_is_allowed_by_the_pattern_of_its_kind_alone() {
    for san in [
        "a.example.com",
        "A.B.EXAMPLE.COM",
        "*.wild.test",
        "spiffe://example.com/a/b",
        "URI:urn:one",
        "a@example.com",
        "root@other.test",
        "10.1.255.1",
        "fd12::1",
    ] {
        assert!(allowed("robot-1", Some(san)), "{san}");
    }
    for san in [
        "example.com",
        "aexample.com",
        "*.example.com",
        "a.wild.test",
        "example.com.evil.test",
        "spiffe://example.com.evil.test/a",
        "spiffe://example.com/../evil.test/a",
        "spiffe://example.com/%2e%2e/a",
        "URI:urn:one:more",
        "a@sub.example.com",
        "a@other.test",
        "10.2.0.1",
        "::ffff:10.1.0.1",
        "fe80::1",
        "URI:a.example.com:443",
    ] {
        assert!(!allowed("robot-1", Some(san)), "{san}");
    }
}

#[test]
fn a_common_name_needs_a_pattern_or_to_be_allowed_as_what_it_reads_as() {
    for name in ["robot-1", "robot-", "a.example.com", "10.1.0.1", "a@example.com"] {
        assert!(allowed(name, None), "{name}");
    }
    for name in ["Robot-1", "admin", "my robot-1", "example.com", "10.2.0.1"] {
        assert!(!allowed(name, None), "{name}");
    }
}

#[test]
fn a_kind_for_which_nothing_is_written_is_not_allowed() {
    let rules = NameRules { dns: vec![".example.com".parse().unwrap()], ..NameRules::default() };
    for san in ["spiffe://example.com/a", "a@example.com", "10.1.0.1"] {
        let names = Names::common("a.example.com").with_sans([parse_san(san).unwrap()]);
        let fault = rules.check(&names, "client").unwrap_err().to_string();
        assert!(fault.contains("authority.profiles.client.names"), "{fault}");
    }
}

#[test]
fn what_is_no_pattern_is_refused() {
    for text in ["", ".", "..a", ".*.a.com", "a b", "10.0.0.1"] {
        assert!(text.parse::<DnsPattern>().is_err(), "{text:?}");
    }
    for text in ["", "spiffe://", "https:///", "no-scheme", "a b:c"] {
        assert!(text.parse::<UriPattern>().is_err(), "{text:?}");
    }
    for text in ["", "@", "a@", "*.example.com", "a b"] {
        assert!(text.parse::<EmailPattern>().is_err(), "{text:?}");
    }
    for text in
        ["", "10.0.0.0/33", "10.0.0.1/8", "fd00::/129", "fd00::1/8", "a/8", "10.0.0.0/-1", "10.0.0.0/"]
    {
        assert!(text.parse::<Network>().is_err(), "{text:?}");
    }
    for text in ["10.0.0.0/8", "0.0.0.0/0", "::/0", "10.0.0.1", "10.0.0.1/32", "fd00::1", "fd00::1/128"] {
        assert!(text.parse::<Network>().is_ok(), "{text:?}");
    }
    assert!("".parse::<CommonNamePattern>().is_err());
}

#[test]
fn stars_stand_for_any_characters_between_what_is_written() {
    let allows = |pattern: &str, name: &str| pattern.parse::<CommonNamePattern>().unwrap().allows(name);
    for (pattern, name) in
        [("*", "a"), ("a*", "a"), ("*a", "ba"), ("a*b*c", "axxbyyc"), ("a*b*c", "abc"), ("a", "a")]
    {
        assert!(allows(pattern, name), "{pattern} {name}");
    }
    for (pattern, name) in [("a*", "ba"), ("*a", "ab"), ("a*b*c", "acb"), ("a*a", "a"), ("a", "aa")] {
        assert!(!allows(pattern, name), "{pattern} {name}");
    }
}
