//! The reference pages of the manual that this crate can generate, from the types that the program itself uses.

use std::fmt::Write as _;

use clap::{Arg, Command, CommandFactory as _};
use fault::Code;

use crate::arguments::Arguments;

/// `docs/reference/cli.md`: every command, argument and example.
pub(crate) fn cli() -> String {
    let mut page = String::from(CLI_PREFACE);
    let root = Arguments::command().term_width(PLAIN);
    section(&mut page, &root, "countersign", 2);
    page
}

/// `docs/reference/refusals.md`: every code, what the peer hears, when, and what to do.
pub(crate) fn refusals() -> String {
    let mut page = String::from(REFUSALS_PREFACE);
    page.push_str("| Code | Status | The peer hears | When |\n|---|---|---|---|\n");
    for code in Code::ALL {
        row(&mut page, &[&linked(*code), &code.status().to_string(), code.sentence(), code.when()]);
    }
    for code in Code::ALL {
        let _infallible = write!(
            page,
            "\n## {code}\n\n{}\n\nWhat to do: {}.\n",
            code.when(),
            code.remedy().trim_end_matches('.')
        );
    }
    page
}

fn linked(code: Code) -> String {
    format!("[`{code}`](#{code})")
}

fn section(page: &mut String, command: &Command, path: &str, level: usize) {
    let marks = "#".repeat(level.min(DEEPEST));
    let about =
        command.get_long_about().or_else(|| command.get_about()).map(ToString::to_string).unwrap_or_default();
    let _infallible = write!(page, "\n{marks} {path}\n\n{}\n", sentence(about.trim()));
    if !command.has_subcommands() {
        let usage = usage(command, path);
        let _infallible = write!(page, "\n```\n{usage}\n```\n");
    }
    arguments(page, command);
    if let Some(example) = command.get_after_help() {
        let text = example.to_string();
        let (title, lines) = text.split_once('\n').unwrap_or(("Example:", &text));
        let _infallible = write!(page, "\n{title}\n\n```\n{}\n```\n", dedented(lines));
    }
    for child in command.get_subcommands().filter(|child| !child.is_hide_set()) {
        section(page, child, &format!("{path} {}", child.get_name()), level + 1);
    }
}

fn arguments(page: &mut String, command: &Command) {
    let shown: Vec<&Arg> = command
        .get_arguments()
        .filter(|argument| {
            !argument.is_hide_set() && !["help", "version"].contains(&argument.get_id().as_str())
        })
        .collect();
    if shown.is_empty() {
        return;
    }
    page.push_str("\n| Argument | Meaning | Default | Environment |\n|---|---|---|---|\n");
    for argument in shown {
        let defaults: Vec<String> = argument
            .get_default_values()
            .iter()
            .map(|value| format!("`{}`", value.to_string_lossy()))
            .collect();
        let environment =
            argument.get_env().map(|name| format!("`{}`", name.to_string_lossy())).unwrap_or_default();
        row(
            page,
            &[&format!("`{}`", form(argument)), &meaning(argument), &defaults.join(", "), &environment],
        );
    }
}

fn form(argument: &Arg) -> String {
    let value = argument
        .get_value_names()
        .unwrap_or_default()
        .iter()
        .map(|name| format!("<{name}>"))
        .collect::<Vec<_>>()
        .join(" ");
    let takes = argument.get_action().takes_values();
    match (argument.get_long(), takes) {
        (Some(long), true) => format!("--{long} {value}"),
        (Some(long), false) => format!("--{long}"),
        (None, _) => value,
    }
}

fn meaning(argument: &Arg) -> String {
    let help =
        argument.get_long_help().or_else(|| argument.get_help()).map(ToString::to_string).unwrap_or_default();
    let choices: Vec<String> = if argument.get_action().takes_values() {
        argument
            .get_possible_values()
            .iter()
            .filter(|value| !value.is_hide_set())
            .map(|value| format!("`{}`", value.get_name()))
            .collect()
    } else {
        Vec::new()
    };
    let help = sentence(&help);
    if choices.is_empty() { help } else { format!("{help} One of {}.", choices.join(", ")) }
}

fn usage(command: &Command, path: &str) -> String {
    let usage = command.clone().bin_name(path).render_usage().to_string();
    usage.trim_start_matches("Usage:").trim().to_owned()
}

fn row(page: &mut String, cells: &[&str]) {
    let cells: Vec<String> =
        cells.iter().map(|cell| cell.replace('\n', " ").replace('|', "\\|").replace("  ", " ")).collect();
    let _infallible = writeln!(page, "| {} |", cells.join(" | "));
}

/// Clap takes the full stop off a short help text; a page of prose wants it back.
fn sentence(text: &str) -> String {
    let ends = text.is_empty() || text.ends_with(['.', ':', ')', '`']);
    if ends { text.to_owned() } else { format!("{text}.") }
}

fn dedented(lines: &str) -> String {
    lines.lines().map(|line| line.strip_prefix("  ").unwrap_or(line)).collect::<Vec<_>>().join("\n")
}

const PLAIN: usize = 110;
const DEEPEST: usize = 4;

const CLI_PREFACE: &str = "# Commands

<!-- Generated: countersign reference cli. Change the argument's documentation in crates/cli/src/command, then run
     UPDATE_REFERENCE=1 cargo test -p countersign --test reference -->

Every command has `--help` with an example, and `--json` where it prints data. Colour appears only on a terminal, and
never with `NO_COLOR`. What was asked for goes to standard output, faults and warnings to standard error.

| Exit code | Means |
|---|---|
| 0 | done, or healthy |
| 1 | refused, unhealthy, or failed for a reason outside the command line |
| 2 | wrong use or wrong configuration |
";

const REFUSALS_PREFACE: &str = "# Refusals

<!-- Generated: countersign reference refusals. Change crates/fault/src/refusal.rs, then run
     UPDATE_REFERENCE=1 cargo test -p countersign --test reference -->

Every \"no\" has an id, a stable code, a public sentence and a cause. The peer hears the sentence and the code; the
cause stands in the log and the audit record under the id, because it would tell a stranger too much.

";
