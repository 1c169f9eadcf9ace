//! Revocation lists, made by `openssl ca`.

use crate::World;

/// A list in the making: of the authority `CA.crt` with `CA.key` of the same world.
#[derive(Clone, Debug)]
pub struct List<'a> {
    world: &'a World,
    authority: &'a str,
    revoked: Vec<(&'a str, &'a str)>,
    dates: String,
    extensions: String,
    number: u64,
}

impl<'a> List<'a> {
    /// An empty list that is valid for 30 days from now.
    #[must_use]
    pub fn of(world: &'a World, authority: &'a str) -> Self {
        Self {
            world,
            authority,
            revoked: Vec::new(),
            dates: "-crldays 30".to_owned(),
            extensions: "authorityKeyIdentifier = keyid".to_owned(),
            number: 1,
        }
    }

    /// Revokes the certificate in `NAME.crt` for `reason`, as `-crl_reason` spells it.
    #[must_use]
    pub fn revoking(mut self, name: &'a str, reason: &'a str) -> Self {
        self.revoked.push((name, reason));
        self
    }

    /// The list's number.
    #[must_use]
    pub fn numbered(mut self, number: u64) -> Self {
        self.number = number;
        self
    }

    /// Is made and becomes outdated so many hours from now; negative hours have passed.
    #[must_use]
    pub fn dated(mut self, from: i32, until: i32) -> Self {
        let at = |hours: i32| format!("$(date -u -d '{hours:+} hours' +%y%m%d%H%M%SZ)");
        self.dates = format!("-crl_lastupdate {} -crl_nextupdate {}", at(from), at(until));
        self
    }

    /// Is valid for so many seconds from now.
    #[must_use]
    pub fn for_seconds(mut self, seconds: u32) -> Self {
        self.dates = format!("-crlsec {seconds}");
        self
    }

    /// Has these extensions instead of the authority's key identifier; with none it is of version 1.
    #[must_use]
    pub fn extended(mut self, extensions: &str) -> Self {
        extensions.clone_into(&mut self.extensions);
        self
    }

    /// Writes it, in PEM, to a file of the world.
    ///
    /// # Panics
    /// When openssl fails.
    pub fn write(&self, file: &str) {
        let Self { world, authority, revoked, dates, extensions, number } = self;
        let section = if extensions.is_empty() { "" } else { "crl_extensions = crl_ext" };
        let config = format!(
            "[ca]\ndefault_ca = own\n[own]\ndatabase = {file}.index\ncrlnumber = {file}.number\ndefault_md = sha256\n\
             {section}\n[crl_ext]\n{extensions}\n"
        );
        world.write(format!("{file}.cnf"), config);
        world.write(format!("{file}.index"), "");
        world.write(format!("{file}.number"), format!("{number:04X}\n"));
        let ca = format!("openssl ca -config {file}.cnf -cert {authority}.crt -keyfile {authority}.key");
        for (name, reason) in revoked {
            world.sh(&format!("{ca} -revoke {name}.crt -crl_reason {reason}"));
        }
        world.sh(&format!("{ca} -gencrl {dates} -out {file}"));
    }
}
