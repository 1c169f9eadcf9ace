//! What may be read of a file of which only views are shown.
//!
//! SQLite tells its authorizer not only which column of which table is read, but on whose behalf. A view may read what it
//! is made of, and nobody else may. A common table expression can take a view's name, and then speaks in its place: it reads
//! no more than the columns that the view shows anyway. A question that needs no column (`count(*)`) is asked of the table on
//! nobody's behalf, once SQLite has merged the view into it: how many rows it has is told where a view is made of it.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::Connection;
use rusqlite::hooks::{AuthAction, AuthContext, Authorization};

use crate::settings::View;

/// The views of one file, and what they are made of.
#[derive(Debug, Default)]
pub(crate) struct Shown {
    /// The names of the views, each with the schema that it is in.
    views: HashSet<(String, String)>,
    /// Which view reads which column of which table.
    made_of: HashSet<(String, String, String)>,
    /// The tables among them.
    tables: HashSet<String>,
}

impl Shown {
    /// Makes the views that are not in the file, on this connection alone.
    pub(crate) fn make(connection: &Connection, views: &[View]) -> rusqlite::Result<()> {
        // In memory, so that nothing is written to any disk.
        connection.pragma_update(None, "temp_store", "MEMORY")?;
        for view in views {
            if let Some(select) = &view.select {
                connection.execute_batch(&format!("CREATE TEMP VIEW {} AS {select}", quoted(&view.name)))?;
            }
        }
        Ok(())
    }

    /// Finds out what the views are made of, by compiling a question to each and listening.
    pub(crate) fn of(connection: &mut Connection, views: &[View]) -> rusqlite::Result<Self> {
        let heard = Arc::new(Mutex::new(HashSet::new()));
        let hearing = Arc::clone(&heard);
        connection.authorizer(Some(move |asked: AuthContext<'_>| {
            if let (AuthAction::Read { table_name, column_name }, Some(by)) = (asked.action, asked.accessor) {
                let read = (by.to_lowercase(), table_name.to_lowercase(), column_name.to_lowercase());
                hearing.lock().unwrap_or_else(PoisonError::into_inner).insert(read);
            }
            Authorization::Allow
        }))?;
        for view in views {
            drop(connection.prepare(&format!("SELECT * FROM {}", quoted(&view.name)))?);
        }
        connection.authorizer(None::<fn(AuthContext<'_>) -> Authorization>)?;
        let made_of = std::mem::take(&mut *heard.lock().unwrap_or_else(PoisonError::into_inner));
        let schema = |view: &View| if view.select.is_some() { "temp" } else { "main" };
        let views = views.iter().map(|view| (schema(view).to_owned(), view.name.to_lowercase())).collect();
        let tables = made_of.iter().map(|(_, table, _): &(String, String, String)| table.clone()).collect();
        Ok(Self { views, made_of, tables })
    }

    /// Whether this may be read: a column of `table` in `schema`, for the view `by` or for the statement itself.
    pub(crate) fn allows(&self, schema: Option<&str>, table: &str, column: &str, by: Option<&str>) -> bool {
        let table = table.to_lowercase();
        if FUNCTIONS.contains(&table.as_str()) || self.is_view(schema, &table) {
            return true;
        }
        if column.is_empty() {
            // Without a schema, where it was not written.
            return self.tables.contains(&table) || self.views.iter().any(|(_, view)| *view == table);
        }
        by.is_some_and(|by| self.made_of.contains(&(by.to_lowercase(), table, column.to_lowercase())))
    }

    fn is_view(&self, schema: Option<&str>, table: &str) -> bool {
        schema.is_some_and(|schema| self.views.contains(&(schema.to_lowercase(), table.to_owned())))
    }
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// Table-valued functions that read nothing but their arguments.
const FUNCTIONS: &[&str] = &["json_each", "json_tree"];
