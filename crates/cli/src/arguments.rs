use clap::Parser;

use crate::command::Command;

/// countersign: mutual-TLS identity for databases and services, in one binary.
///
/// Exit codes: 0 done or healthy, 1 refused or unhealthy, 2 wrong use or wrong configuration.
#[derive(Parser)]
#[command(name = "countersign", version, propagate_version = true, disable_help_subcommand = true)]
#[command(after_help = "Examples:
  countersign up                          a realm in ./realm, served on https://localhost:7777
  countersign query app \"SELECT 1\"        SQL over the door, with the credential that `up` made
  countersign check countersign.yaml      who is recognized by what, and everything that is wrong")]
pub(crate) struct Arguments {
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::Arguments;

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn every_command_has_an_example() {
        fn look(command: &clap::Command, path: &str) {
            for child in command.get_subcommands().filter(|child| !child.is_hide_set()) {
                let path = format!("{path} {}", child.get_name());
                let help = child.get_after_help().map(ToString::to_string).unwrap_or_default();
                assert!(child.has_subcommands() || help.contains("countersign "), "no example: {path}");
                look(child, &path);
            }
        }
        look(&Arguments::command(), "countersign");
    }
}
