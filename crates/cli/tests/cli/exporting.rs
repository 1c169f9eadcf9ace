//! `cert export`: what each client wants.

use crate::folder::Folder;

fn export(folder: &Folder, client: &str) -> String {
    let args =
        ["cert", "export", "analyst.crt", "--for", client, "--cacert", "server-ca.crt", "--out", "out"];
    folder.countersign(&args).succeeded().out
}

#[test]
fn libpq_gets_its_three_files_and_a_connection_string() {
    let folder = Folder::with_openssl_pki();
    let said = export(&folder, "libpq");
    let url = "psql \"postgresql://analyst@localhost:6432/app?sslmode=verify-full&sslcert=out/postgresql.crt";
    assert!(said.contains(url), "{said}");
    assert_eq!(folder.mode("out/postgresql.key"), 0o600);
    folder.sh(
        "openssl pkey -in out/postgresql.key -noout; openssl verify -CAfile client-ca.crt out/postgresql.crt",
    );
    assert_eq!(folder.read("out/root.crt"), folder.read("server-ca.crt"));
}

#[test]
fn browsers_and_java_get_a_pkcs12_file_that_openssl_opens() {
    let folder = Folder::with_openssl_pki();
    for (client, alias) in [("browser", "analyst"), ("jdbc", "user")] {
        export(&folder, client);
        for file in ["out/analyst.p12", "out/analyst.password"] {
            assert_eq!(folder.mode(file), 0o600, "{file}");
        }
        let text = folder.sh("openssl pkcs12 -in out/analyst.p12 -passin file:out/analyst.password -nodes");
        assert!(text.contains("BEGIN PRIVATE KEY") && text.contains("BEGIN CERTIFICATE"), "{text}");
        assert!(text.contains(&format!("friendlyName: {alias}")), "{text}");
        folder.sh("rm -r out");
    }
}

#[test]
fn a_pkcs12_file_takes_the_password_that_is_given() {
    let folder = Folder::with_openssl_pki();
    folder.sh("echo 'correct horse' > password; chmod 600 password");
    let args = [
        "cert",
        "export",
        "analyst.crt",
        "--for",
        "browser",
        "--cacert",
        "server-ca.crt",
        "--out",
        "out",
        "--password-file",
        "password",
    ];
    folder.countersign(&args).succeeded();
    folder.sh("openssl pkcs12 -in out/analyst.p12 -passin 'pass:correct horse' -nokeys -noout");
    assert!(!folder.path("out/analyst.password").exists());
}

#[test]
fn every_client_gets_files_with_their_modes_and_a_way_to_connect() {
    let folder = Folder::with_openssl_pki();
    for client in ["node", "python", "go", "redis", "nginx"] {
        let said = export(&folder, client);
        assert_eq!(folder.mode("out/analyst.key"), 0o600);
        assert_eq!(folder.mode("out/ca.crt"), 0o644);
        assert!(said.contains("out/analyst.crt") && said.contains("localhost"), "{client}: {said}");
        folder.sh("rm -r out");
    }
}

#[test]
fn what_exists_is_replaced_only_when_told_to() {
    let folder = Folder::with_openssl_pki();
    export(&folder, "go");
    let args = ["cert", "export", "analyst.crt", "--for", "go", "--cacert", "server-ca.crt", "--out", "out"];
    folder.countersign(&args).exited(2).says(&["out/analyst.key", "--force"]);
    folder.countersign(&[&args[..], &["--force"]].concat()).succeeded();
}
