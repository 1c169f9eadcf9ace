//! What a link is wanted for.

use access::{Level, Role};

/// What a link is wanted for.
pub(crate) struct Wanted<'a> {
    /// Who comes; none for whoever has no name.
    pub(crate) principal: Option<&'a str>,
    /// As whom.
    pub(crate) role: &'a Role,
    /// The value of the start-up parameter `replication`.
    pub(crate) replication: Option<&'a str>,
    /// Further start-up parameters.
    pub(crate) parameters: &'a [(Box<str>, Box<str>)],
}

impl Wanted<'_> {
    /// The start-up parameters, in the order in which the server takes them: the last one of a name wins there, so ours
    /// come last.
    pub(super) fn said<'a>(&'a self, database: &'a str) -> Vec<(&'a str, &'a str)> {
        let mut said = vec![("user", self.role.name()), ("database", database)];
        said.extend(self.replication.map(|replication| ("replication", replication)));
        let theirs = self.parameters.iter().map(|(name, value)| (&**name, &**value));
        said.extend(theirs.filter(|(name, _)| !is_ours(name)));
        if self.role.level() == Level::ReadOnly {
            said.push((READ_ONLY, "on"));
        }
        said
    }

    /// Whose a link is that was opened for this.
    pub(super) fn owner(&self, database: &str) -> Owner {
        Owner {
            principal: self.principal.map(Into::into),
            role: self.role.name().into(),
            level: self.role.level(),
            likeness: self.likeness(database),
        }
    }

    /// What makes two links alike: who, and everything that is said at the start.
    pub(super) fn likeness(&self, database: &str) -> Likeness {
        let mut likeness = Vec::with_capacity(128);
        let mut add = |part: Option<&str>| {
            let part = part.unwrap_or_default().as_bytes();
            likeness.extend_from_slice(&u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
            likeness.extend_from_slice(part);
        };
        add(self.principal.map(|_| "named"));
        add(self.principal);
        for (name, value) in self.said(database) {
            add(Some(name));
            add(Some(value));
        }
        Likeness(likeness.into_boxed_slice())
    }
}

/// Whose a link is, while it is kept.
pub(super) struct Owner {
    pub(super) principal: Option<Box<str>>,
    pub(super) role: Box<str>,
    pub(super) level: Level,
    pub(super) likeness: Likeness,
}

/// What is the same for two links that one client may have instead of the other.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Likeness(Box<[u8]>);

/// Parameters that no client has a say in, and what would end the list.
fn is_ours(name: &str) -> bool {
    name.is_empty()
        || ["user", "database", "replication"].contains(&name)
        || name.starts_with("_pq_.")
        || name.eq_ignore_ascii_case(READ_ONLY)
}

const READ_ONLY: &str = "default_transaction_read_only";
