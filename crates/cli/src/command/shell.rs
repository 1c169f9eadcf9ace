mod statement;

use std::io::{self, BufRead as _, IsTerminal as _};

use clap::Args;
use client::{Answer, Connector};
use fault::{Fault, Faults};

use self::statement::is_complete;
use super::query;
use crate::console::Console;
use crate::door::Door;
use crate::exit::Exit;

/// A prompt for SQL over the door; a statement ends with a semicolon.
///
/// From a pipe it runs one statement after another and exits with 1 if one of them failed.
#[derive(Args)]
#[command(after_help = "Examples:
  countersign shell app
  countersign shell app --as admin < schema.sql")]
pub(crate) struct Shell {
    /// The database.
    #[arg(value_name = "DB")]
    database: String,
    #[command(flatten)]
    door: Door,
}

impl Shell {
    pub(super) fn run(self, console: &mut Console) -> Result<Exit, Faults> {
        let database = self.database;
        let exit = self.door.attend(console, async |connector, console| {
            // The first question is asked at once, so that a wrong credential is heard of before the first statement.
            connector.query(&database, &query::request("SELECT 1", &[])).await?;
            Prompt {
                database: &database,
                connector,
                console,
                failed: false,
                interactive: io::stdin().is_terminal(),
            }
            .attend()
            .await
        })?;
        Ok(exit)
    }
}

/// One sitting at the prompt.
struct Prompt<'a> {
    database: &'a str,
    connector: &'a mut Connector,
    console: &'a mut Console,
    interactive: bool,
    failed: bool,
}

impl Prompt<'_> {
    async fn attend(mut self) -> Result<Exit, Fault> {
        if self.interactive {
            self.console.line(format_args!("{} as a database; .help for help", self.database));
        }
        let mut pending = String::new();
        let mut lines = io::stdin().lock().lines();
        loop {
            self.ask(pending.is_empty());
            let Some(line) = lines.next() else { break };
            let line = line.map_err(|error| Fault::theirs("standard input cannot be read").because(error))?;
            if pending.is_empty() && line.trim_start().starts_with('.') {
                if self.command(line.trim()).await == Next::Quit {
                    break;
                }
                continue;
            }
            if pending.is_empty() && line.trim().is_empty() {
                continue;
            }
            pending.push_str(&line);
            pending.push('\n');
            if is_complete(&pending) {
                let statement = std::mem::take(&mut pending);
                self.run(&statement, &[]).await;
            }
        }
        if !pending.trim().is_empty() {
            self.run(&pending, &[]).await;
        }
        Ok(if self.failed && !self.interactive { Exit::Refused } else { Exit::Done })
    }

    fn ask(&mut self, fresh: bool) {
        if self.interactive {
            let prompt = if fresh { format!("{}> ", self.database) } else { "   ...> ".to_owned() };
            self.console.prompt(&prompt);
        }
    }

    async fn command(&mut self, line: &str) -> Next {
        let mut words = line.split_whitespace();
        match (words.next().unwrap_or_default(), words.next()) {
            (".quit" | ".exit" | ".q", _) => return Next::Quit,
            (".help", _) => self.console.line(HELP),
            (".tables", _) => self.run(TABLES, &[]).await,
            (".schema", None) => self.run(SCHEMA, &[]).await,
            (".schema", Some(table)) => {
                self.run(SCHEMA_OF, &[serde_json::Value::from(table).to_string()]).await;
            }
            (unknown, _) => {
                let known = [".quit", ".help", ".tables", ".schema"];
                let remedy = fault::nearest(unknown, known).unwrap_or(".help");
                self.fail(Fault::yours(format!("no command \"{unknown}\"")).remedy(remedy));
            }
        }
        Next::Prompt
    }

    async fn run(&mut self, sql: &str, args: &[String]) {
        let answered = self.connector.query(self.database, &query::request(sql, args)).await;
        match answered.and_then(|body| Answer::read(&body)) {
            Ok(answer) => {
                query::print(self.console, &answer);
                self.console.show();
            }
            Err(fault) => self.fail(fault),
        }
    }

    fn fail(&mut self, fault: Fault) {
        self.failed = true;
        self.console.complain(&fault.into());
    }
}

#[derive(PartialEq, Eq)]
enum Next {
    Prompt,
    Quit,
}

const HELP: &str = "a statement ends with a semicolon and may take several lines
  .tables         the tables and views
  .schema [NAME]  the statements that made them
  .quit           leave (so does the end of input)";
const TABLES: &str = "SELECT name, type FROM sqlite_schema WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY name";
const SCHEMA: &str = "SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY tbl_name, type DESC, name";
const SCHEMA_OF: &str =
    "SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL AND tbl_name = ?1 ORDER BY type DESC, name";
