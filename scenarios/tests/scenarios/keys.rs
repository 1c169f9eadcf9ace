//! Private keys in every common form, and what is said when one does not open (C3 to C7, S0-3, S0-14 to S0-16).

use testkit::Client;

use crate::production::Production;

/// Serves with the server's key rewritten by this script, which leaves it in `server.key`.
fn served_with_key(script: &str, env: &[(&str, &str)], more: &str) {
    let production = Production::new();
    production.world.sh(&format!("umask 077; {script}; chmod 600 server.key"));
    let here = production.world.folder().display().to_string();
    let key = format!("key:  {here}/server.key");
    let yaml = production.written().replace(&key, &format!("{key}{more}"));
    production.world.write("countersign.yaml", yaml);
    let node = testkit::Node::start(&production.world, &["serve", "--config", "countersign.yaml"], env);
    assert_eq!(Client::new().presenting(&production.world, "analyst").knock(&node), Ok(200), "{script}");
    for (_, secret) in env {
        assert!(!node.log().contains(secret), "a password is in the log: {node}");
    }
}

/// A certificate of the server's name for the key in `server.key`, whatever kind it is.
const CERTIFY: &str = "openssl req -new -key server.key -subj /CN=db.example.com -out server.csr && \
    openssl x509 -req -in server.csr -CA server-ca.crt -CAkey server-ca.key -CAcreateserial -days 30 \
      -extfile server.ext -out server.crt";

/// C3: SEC1, PKCS#8 and PKCS#1 keys open; EC, Ed25519 and RSA.
#[test]
fn plain_keys_of_every_form_open() {
    for script in [
        // SEC1 is what the recipe itself writes.
        "true",
        "openssl pkcs8 -topk8 -nocrypt -in server.key -out k && mv k server.key".to_owned().as_str(),
        &format!("openssl genrsa -traditional -out server.key 2048 && {CERTIFY}"),
        &format!("openssl genpkey -algorithm ED25519 -out server.key && {CERTIFY}"),
        &format!(
            "openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-384 -out server.key && {CERTIFY}"
        ),
    ] {
        served_with_key(script, &[], "");
    }
}

/// S0-3: CRLF line ends, text before the block and the EC parameters block before the key do no harm.
#[test]
fn carriage_returns_and_text_around_a_key_do_no_harm() {
    for script in [
        "sed -i 's/$/\\r/' server.key server.crt",
        "openssl x509 -in server.crt -text > t && mv t server.crt",
        "openssl ec -in server.key -text > t 2>/dev/null && mv t server.key",
        "(openssl ecparam -name prime256v1; cat server.key) > t && mv t server.key",
    ] {
        served_with_key(script, &[], "");
    }
}

/// C3, C4, S0-16: encrypted keys open with their password: PKCS#8 in the common ciphers, and the traditional form.
#[test]
fn encrypted_keys_open_with_their_password() {
    let more = "\n    key_password_env: KEY_PASSWORD";
    let env = [("KEY_PASSWORD", "correct horse")];
    for encrypt in [
        "openssl pkcs8 -topk8 -v2 aes-256-cbc -passout pass:'correct horse'",
        "openssl pkcs8 -topk8 -v2 aes-128-cbc -v2prf hmacWithSHA1 -passout pass:'correct horse'",
        "openssl pkcs8 -topk8 -v2 des3 -passout pass:'correct horse'",
        "openssl ec -aes256 -passout pass:'correct horse'",
        "openssl ec -des3 -passout pass:'correct horse'",
    ] {
        served_with_key(&format!("{encrypt} -in server.key -out k && mv k server.key"), &env, more);
    }
    let rsa = format!(
        "openssl genrsa -out server.key 2048 && {CERTIFY} && \
         openssl rsa -traditional -aes128 -passout pass:'correct horse' -in server.key -out k && mv k server.key"
    );
    served_with_key(&rsa, &env, more);
}

/// What is said when the server's key file is as `script` leaves it.
fn said_of(script: &str) -> String {
    let production = Production::new();
    production.world.sh(&format!("umask 077; {script}"));
    production.refuses(&production.written())
}

/// S0-14: a key that others may read, in libpq's words, with the path; 0640 of root's own is let pass, as libpq does.
#[test]
fn a_key_that_others_may_read_is_told_in_libpqs_words() {
    for mode in ["0644", "0604", "0660", "0620"] {
        let said = said_of(&format!("chmod {mode} server.key"));
        let words = "has group or world access; file must have permissions u=rw (0600) or less if owned by the current user, \
                     or permissions u=rw,g=r (0640) or less if owned by root";
        assert!(said.contains("private key file \""), "{mode}: {said}");
        assert!(said.contains(words), "{mode}: {said}");
        assert!(said.contains("chmod 600"), "{mode}: {said}");
    }
}

/// S0-14: a missing key, in libpq's words.
#[test]
fn a_missing_key_is_told_in_libpqs_words() {
    let said = said_of("rm server.key");
    assert!(said.contains("certificate present, but not private key file \""), "{said}");
    assert!(said.contains("server.key"), "{said}");
}

/// S0-15, X4: a key that belongs to another certificate, in libpq's words, with the openssl lines that work for any key.
#[test]
fn a_key_of_another_certificate_is_told_in_libpqs_words() {
    let said = said_of("cp nobody.key server.key");
    assert!(said.contains("could not load private key file \""), "{said}");
    assert!(said.contains("key values mismatch"), "{said}");
    assert!(said.contains("openssl pkey -in"), "{said}");
}

/// S0-16, X5: a wrong password, in libpq's words; the password itself is never repeated.
#[test]
fn a_wrong_password_is_a_bad_decrypt() {
    for encrypt in ["openssl pkcs8 -topk8 -v2 aes-256-cbc", "openssl ec -aes256"] {
        let production = Production::new();
        production.world.sh(&format!(
            "umask 077; {encrypt} -passout pass:right -in server.key -out k && mv k server.key"
        ));
        let here = production.world.folder().display().to_string();
        let key = format!("key:  {here}/server.key");
        let more = format!("{key}\n    key_password_env: KEY_PASSWORD");
        production.world.write("countersign.yaml", production.written().replace(&key, &more));
        let ran = production
            .world
            .countersign_with(&["serve", "--config", "countersign.yaml"], &[("KEY_PASSWORD", "wrong-secret")])
            .exited(2);
        assert!(!ran.said().contains("wrong-secret"), "{ran}");
        ran.says("could not load private key file \"").says("bad decrypt");
    }
}

/// C4: an encrypted key without a password names the setting.
#[test]
fn an_encrypted_key_without_a_password_names_the_setting() {
    let said = said_of("openssl ec -aes256 -passout pass:right -in server.key -out k && mv k server.key");
    assert!(said.contains("private key file is encrypted"), "{said}");
    assert!(said.contains("password"), "{said}");
}

/// X6: what is no key at all is said to be what it looks like.
#[test]
fn what_is_no_key_at_all_is_said_to_be_what_it_is() {
    for (script, words) in [
        ("cp server.crt server.key", "certificate"),
        ("openssl pkey -in server.key -pubout -out k; mv k server.key", "public"),
        (": > server.key", "server.key"),
        ("head -c 100 /dev/urandom > server.key", "server.key"),
    ] {
        let said = said_of(&format!("{script}; chmod 600 server.key"));
        assert!(
            said.contains("could not load private key file") && said.to_lowercase().contains(words),
            "{script}: {said}"
        );
    }
}
