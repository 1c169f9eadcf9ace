//! Who may come in, and who may do what.

use super::{said, with};

#[test]
fn a_pin_that_is_none_names_its_principal() {
    let text = with(
        "auth: { principals: [ { name: reporting, methods: [ { mtls: { spki_sha256: \"3b0c…\" } } ] } ] }",
    );
    assert_eq!(
        said(&text),
        "c.yaml:1:76: config: principal \"reporting\": mtls.spki_sha256 \"3b0c…\" is neither 64 hexadecimal digits nor \
         sha256//BASE64\n  try: countersign cert spki FILE prints it, and so does openssl x509 -in FILE -pubkey -noout | \
         openssl pkey -pubin -outform DER | openssl dgst -sha256"
    );
}

#[test]
fn two_principals_may_not_claim_the_same_certificate() {
    let hex = "ab".repeat(32);
    let base64 = format!("sha256//{}q6s=", "q6ur".repeat(10));
    let text = with(&format!(
        "auth:\n  principals:\n    - {{ name: a, methods: [ {{ mtls: {{ spki_sha256: {hex} }} }} ] }}\n    \
         - {{ name: b, methods: [ {{ mtls: {{ spki_sha256: \"{base64}\" }} }} ] }}"
    ));
    assert_eq!(
        said(&text),
        format!(
            "c.yaml:4:29: principals \"a\" and \"b\" both claim spki_sha256 \"{hex}\"\n  try: make the mtls entries of \
             the two principals disjoint"
        )
    );
}

#[test]
fn principals_and_methods_are_refused_in_the_words_of_the_sources() {
    let principals = |text: &str| said(&with(&format!("auth: {{ principals: [ {text} ] }}")));
    assert_eq!(
        principals("{ name: a }, { name: a }"),
        "c.yaml:1:44: config: duplicate auth principal \"a\"\n  try: put all its methods under one entry"
    );
    assert_eq!(
        principals("{ name: u_x }"),
        "c.yaml:1:31: config: auth principal \"u_x\" uses the reserved u_ prefix (kept for enrolled keys)\n  try: choose \
         another name"
    );
    assert_eq!(
        principals("{ name: a, methods: [ { mtls: {}, bearer: {} } ] }"),
        "c.yaml:1:45: config: principal \"a\": each method entry needs exactly one method name\n  try: write - mtls: { \
         subject_cn: NAME }"
    );
    assert_eq!(
        principals("{ name: a, methods: [ { magic: {} } ] }"),
        "c.yaml:1:45: config: principal \"a\": unknown credential method \"magic\"\n  try: use mtls"
    );
    assert_eq!(
        principals("{ name: a, methods: [ { bearer: {} } ] }"),
        "c.yaml:1:45: config: principal \"a\": the method \"bearer\" is not available in this version\n  try: use mtls"
    );
    assert_eq!(
        principals("{ name: a, methods: [ { mtls: {} } ] }"),
        "c.yaml:1:45: config: principal \"a\": an mtls entry needs at least one field\n  try: add subject_cn, \
         spki_sha256 or another field that the certificate must match"
    );
    assert_eq!(
        principals("{ name: a, methods: [ { mtls: { subject_cn: \"a\\0b\" } } ] }"),
        "c.yaml:1:67: config: principal \"a\": mtls.subject_cn \"a\\0b\" matches no certificate\n  try: write the name as \
         countersign cert show prints it"
    );
    assert_eq!(
        principals("{ name: '*' }, { methods: [] }"),
        "c.yaml:1:31: config: auth principal \"*\" has an empty or reserved name\n  try: name it by a word of your own; \
         \"*\" in a grant means everyone\nc.yaml:1:38: config: auth.principals[1] needs a name\n  try: write name: and a \
         word of your own"
    );
}

#[test]
fn grants_are_refused_in_the_words_of_the_sources() {
    let grants =
        |text: &str| said(&with(&format!("databases: [ {{ name: app, path: a.db, grants: [ {text} ] }} ]")));
    assert_eq!(
        grants("{ principal: nobody, level: read-only }"),
        "c.yaml:1:62: config: database \"app\" grants to unknown principal \"nobody\"\n  try: add the principal under \
         auth.principals"
    );
    assert_eq!(
        grants("{ principal: analyst, level: readonly }"),
        "c.yaml:1:78: config: database \"app\" grant has invalid level \"readonly\"\n  try: did you mean \"read-only\"?"
    );
    assert_eq!(
        grants("{ principal: '*', level: none }, { principal: '*', level: read-only }"),
        "c.yaml:1:95: config: database \"app\" grants to principal \"*\" twice\n  try: keep the one that is meant"
    );
    assert_eq!(
        grants("{ level: none }"),
        "c.yaml:1:49: config: database \"app\": a grant needs principal and level\n  try: write { principal: NAME, level: \
         read-only }"
    );
}

#[test]
fn the_control_plane_keeps_its_rules() {
    assert_eq!(
        said(&with("control_plane: { enabled: true }")),
        "c.yaml:1:27: config: control_plane.enabled requires at least one control_plane.admins entry\n  try: add admins: \
         [NAME], or leave enabled out"
    );
    assert_eq!(
        said(&with("control_plane: { enabled: true, admins: [root] }")),
        "c.yaml:1:42: config: control_plane admin \"root\" is not a configured principal\n  try: add the principal under \
         auth.principals"
    );
    assert_eq!(said(&with("control_plane: { enabled: true, admins: [analyst] }")), "nothing is wrong");
}

#[test]
fn principals_that_are_wrong_are_not_taken_for_none() {
    let text = "listeners: [ { name: a, transport: h1, address: ':1', auth: [none] } ]
auth: { principals: [ { name: u_a } ] }";
    assert_eq!(
        said(text),
        "c.yaml:2:31: config: auth principal \"u_a\" uses the reserved u_ prefix (kept for enrolled keys)\n  try: choose \
         another name"
    );
}
