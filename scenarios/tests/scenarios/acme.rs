//! ACME: the clients that people have get certificates from our authority.

mod town;

use testkit::Curl;
use testkit::patience::wait_for;

use town::Town;

/// certbot gets a certificate by http-01 with an external account key; it chains to the root and carries the name.
#[test]
fn certbot_gets_a_certificate_renews_it_and_takes_it_back() {
    let town = Town::new();
    let (kid, hmac) = town.key("web");
    let account =
        format!("--eab-kid {kid} --eab-hmac-key {hmac} --register-unsafely-without-email --agree-tos");
    town.certbot(&format!("certonly --standalone {account} -d db.localhost -d www.localhost"));
    let live = "certbot/live/db.localhost";
    town.world.sh(&format!(
        "openssl verify -CAfile realm/pki/root.crt -untrusted {live}/chain.pem -purpose sslserver {live}/cert.pem"
    ));
    let text = town.world.sh(&format!("openssl x509 -in {live}/cert.pem -noout -text")).stdout;
    assert!(text.contains("DNS:db.localhost, DNS:www.localhost"), "{text}");
    assert!(town.on_record("issued", "db.localhost"));
    town.certbot("renew --force-renewal");
    let serial = town.serial(&format!("{live}/cert.pem"));
    assert!(!text.contains(&serial), "another certificate");
    town.certbot("revoke --cert-name db.localhost --reason keycompromise --no-delete-after-revoke");
    town.node.logged(&["ACME certificate revoked", "keyCompromise"]);
    assert!(town.on_record("revoked", "db.localhost"));
    town.world.sh("countersign ca crl --issuer server");
    let ran = town.world.try_sh(&format!(
        "openssl verify -crl_check -CAfile realm/pki/root.crt -untrusted {live}/chain.pem \
         -CRLfile realm/pki/server.crl {live}/cert.pem"
    ));
    assert!(ran.said().contains("certificate revoked"), "{ran}");
}

/// Without a key from the operator there is no account, and the client's user reads where to get one.
#[test]
fn without_an_external_account_key_there_is_no_account() {
    let town = Town::new();
    let ran = town
        .try_certbot("certonly --standalone --register-unsafely-without-email --agree-tos -d db.localhost");
    assert_ne!(ran.code, Some(0), "{ran}");
    let wrong = "--eab-kid nobody --eab-hmac-key c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2U";
    let ran = town.try_certbot(&format!(
        "certonly --standalone --register-unsafely-without-email --agree-tos {wrong} -d db.localhost"
    ));
    assert_ne!(ran.code, Some(0), "{ran}");
    town.node.logged(&["unauthorized", "external account binding"]);
    assert!(!town.on_record("issued", "db.localhost"));
}

/// lego gets certificates by http-01 and by tls-alpn-01, renews one and takes it back.
#[test]
fn lego_gets_certificates_by_both_kinds_of_challenge() {
    let town = Town::new();
    let (kid, hmac) = town.key("lego");
    let eab = format!("--eab --kid {kid} --hmac {hmac}");
    let (http, tls) = (town.http_port, town.tls_port);
    town.lego(&format!("{eab} --http --http.port 127.0.0.1:{http} -d a.localhost run"));
    town.lego(&format!("{eab} --tls --tls.port 127.0.0.1:{tls} -d b.localhost run"));
    for name in ["a.localhost", "b.localhost"] {
        let file = format!("lego/certificates/{name}.crt");
        town.world.sh(&format!("openssl verify -CAfile realm/pki/root.crt -untrusted {file} {file}"));
        assert!(town.on_record("issued", name));
    }
    let before = town.serial("lego/certificates/a.localhost.crt");
    town.lego(&format!(
        "{eab} --http --http.port 127.0.0.1:{http} -d a.localhost renew --days 1000 --no-random-sleep"
    ));
    assert_ne!(town.serial("lego/certificates/a.localhost.crt"), before);
    town.lego(&format!("{eab} -d a.localhost revoke"));
    assert!(town.on_record("revoked", "a.localhost"));
}

/// Else its holder would have it for ever, whatever becomes of the account and its key.
#[test]
fn a_certificate_that_came_by_acme_is_renewed_by_acme_alone() {
    let town = Town::new();
    let (kid, hmac) = town.key("web");
    let http = format!("--http --http.port 127.0.0.1:{}", town.http_port);
    town.lego(&format!("--eab --kid {kid} --hmac {hmac} {http} -d a.localhost run"));
    town.world.sh(&format!("countersign acme withdraw -- {kid}"));
    let url = format!("https://localhost:{}", town.node.port());
    let (cert, key) = ("lego/certificates/a.localhost.crt", "lego/certificates/a.localhost.key");
    let renew = ["cert", "renew", "--cert", cert, "--key", key, "--cacert", "realm/pki/root.crt"];
    let ran = town.world.countersign(&[&renew[..], &["--url", &url, "--now"]].concat());
    ran.exited(1).says("an ACME account has it; renew it with the ACME client that got it");
}

/// What an operator's key is not for is refused by name, and a key that was withdrawn is good for nothing.
#[test]
fn a_key_is_good_for_its_names_and_until_it_is_withdrawn() {
    let town = Town::new();
    let (kid, hmac) = town.key("db --names .db.localhost");
    let eab = format!("--eab --kid {kid} --hmac {hmac}");
    let http = format!("--http --http.port 127.0.0.1:{}", town.http_port);
    town.lego(&format!("{eab} {http} -d a.db.localhost run"));
    let ran = town.try_lego(&format!("{eab} {http} -d a.web.localhost run"));
    assert_ne!(ran.code, Some(0), "{ran}");
    town.node.logged(&["rejectedIdentifier", "a.web.localhost"]);
    let ran = town.try_lego(&format!("{eab} {http} -d a.example.com run"));
    assert_ne!(ran.code, Some(0), "{ran}");
    town.node.logged(&["rejectedIdentifier", "a.example.com", "authority.acme.names"]);
    let said = town.world.sh("countersign acme keys").stdout;
    assert!(said.contains(&kid) && said.contains(".db.localhost") && !said.contains(&hmac), "{said}");
    town.world.sh(&format!("countersign acme withdraw -- {kid}"));
    let ran = town.try_lego(&format!("{eab} {http} -d b.db.localhost run"));
    assert_ne!(ran.code, Some(0), "{ran}");
    town.node.logged(&["unauthorized", "withdrawn"]);
    let ledger = std::fs::read(town.world.path("realm/state/ledger.db")).expect("the ledger is there");
    assert!(!ledger.windows(hmac.len()).any(|window| window == hmac.as_bytes()), "no key is on record");
    assert_eq!(town.world.mode("realm/state/acme.secret"), 0o600);
}

/// Caddy serves with a certificate that it got from us by itself.
#[test]
fn caddy_serves_with_a_certificate_that_it_got_from_us() {
    let town = Town::new();
    let (kid, hmac) = town.key("caddy");
    let caddy = town.caddy("caddy.localhost", &kid, &hmac);
    let root = town.world.path("realm/pki/root.crt");
    wait_for(
        "an answer by Caddy over a certificate of ours",
        || format!("{}\n{}", town.node.log(), caddy.said()),
        || {
            let curl = Curl::at(town.tls_port, "caddy.localhost").cacert(&root);
            Some(curl.get("/")).filter(|answer| answer.status == 200 && answer.body == "hello")
        },
    );
    assert!(town.on_record("issued", "caddy.localhost"));
}

/// The directory says where things are, under the host that was asked, and renewal information is for everyone.
#[test]
fn the_directory_and_renewal_information_are_for_everyone() {
    let town = Town::new();
    let root = town.world.path("realm/pki/root.crt");
    let curl = || Curl::to(&town.node, "localhost").cacert(&root);
    let directory = curl().get("/acme/directory").with_status(200).json();
    let here = format!("https://localhost:{}/acme", town.node.port());
    assert_eq!(directory["newOrder"], format!("{here}/new-order"));
    assert_eq!(directory["meta"]["externalAccountRequired"], true);
    curl().get("/acme/renewal-info/AAAA.AAAA").with_status(404);
    curl().get("/acme/nothing").with_status(404);
}
