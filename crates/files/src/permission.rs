//! Who may read a file with a secret in it: libpq's rule for private keys, in libpq's words.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use fault::Fault;

use crate::read::quoted;

const GROUP_OR_WORLD: u32 = 0o077;
/// Whatever is not "root writes, its group reads".
const MORE_THAN_GROUP_READS: u32 = 0o037;
const PERMISSIONS: u32 = 0o7777;

/// A secret of root's may be read by its group, so that a service's user can share it; any other is its owner's alone.
pub(crate) fn check(kind: &str, path: &Path, metadata: &Metadata) -> Result<(), Fault> {
    if !metadata.is_file() {
        return Err(Fault::yours(format!("{kind} file {} is not a regular file", quoted(path)))
            .in_file(path)
            .remedy(format!("name the file that holds the {kind}")));
    }
    let too_open = if metadata.uid() == 0 { MORE_THAN_GROUP_READS } else { GROUP_OR_WORLD };
    if metadata.mode() & too_open == 0 {
        return Ok(());
    }
    Err(Fault::yours(format!(
        "{kind} file {} has group or world access; file must have permissions u=rw (0600) or less if owned by the current user, or permissions u=rw,g=r (0640) or less if owned by root",
        quoted(path)
    ))
    .in_file(path)
    .because(format!(
        "its mode is {:04o}, its owner uid {}; this process runs as uid {}",
        metadata.mode() & PERMISSIONS,
        metadata.uid(),
        rustix::process::geteuid().as_raw()
    ))
    .remedy(format!("chmod 600 {}", path.display())))
}

#[cfg(test)]
mod tests;
