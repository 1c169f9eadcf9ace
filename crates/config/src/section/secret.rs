//! `secrets`: where passwords are, so that the file itself holds none.

use std::path::PathBuf;
use std::time::Duration;

use fault::Fault;

use crate::reader::{At, Reader, Shape};
use crate::scalar::words;
use crate::table::{shapes, table};
use crate::yaml::Node;

table! {
    /// A place where passwords are kept. A key that takes one names it as `SOURCE:NAME`.
    SecretSource at "secrets[]" {
        /// What stands before the colon.
        name: String;
        /// What kind of place it is.
        kind as "type": SecretKind;
        /// For type `env`: what stands before each name in the name of its variable.
        prefix: String;
        /// For type `file`: the folder whose files are the secrets, each by its name; nobody but its owner may read one.
        dir: PathBuf;
        /// For type `command`: the program and its arguments. The secret's name comes last; what it prints is the secret.
        command: Vec<At<String>>;
        /// For type `command`: how long it may take.
        timeout: Duration = "10s";
    }
}

words! {
    /// What kind of place secrets are kept in.
    pub(crate) enum SecretKind {
        /// Variables of the environment.
        Env = "env",
        /// Files in a folder.
        File = "file",
        /// What a program prints.
        Command = "command",
    }
    later { "kms", "vault" }
}

shapes! { SecretKind }

/// A secret by its source and its name there. What is written in its place may be the secret itself: it is never repeated.
#[derive(Clone, Debug)]
pub(crate) struct SecretName {
    pub(crate) source: String,
    pub(crate) name: String,
}

impl Shape for SecretName {
    fn kind() -> String {
        "`SOURCE:NAME`, a source of [`secrets[]`](#secrets)".into()
    }

    fn read(reader: &mut Reader<'_>, node: &Node, path: &str) -> Option<Self> {
        let text: String = reader.scalar(node, path)?;
        match text.split_once(':') {
            Some((source, name)) if !source.is_empty() && !name.is_empty() => {
                Some(Self { source: source.to_owned(), name: name.to_owned() })
            }
            _ => {
                let said = format!(
                    "{path} is not written SOURCE:NAME, and this file is no place for a secret itself"
                );
                let remedy =
                    "write secrets: [ { name: env, type: env } ], and env:NAME here for the variable NAME";
                reader.fault(node.spot, Fault::yours(said).remedy(remedy));
                None
            }
        }
    }
}
