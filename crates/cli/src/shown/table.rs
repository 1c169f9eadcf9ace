use std::fmt;

/// On which side of its column a cell stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Align {
    /// Words.
    Left,
    /// Numbers.
    Right,
}

/// Rows under headings, as `psql` draws them.
pub(crate) struct Table {
    headings: Vec<String>,
    rows: Vec<Vec<(String, Align)>>,
}

impl Table {
    /// A table without rows.
    pub(crate) fn new<H: AsRef<str>>(headings: impl IntoIterator<Item = H>) -> Self {
        Self {
            headings: headings.into_iter().map(|heading| printable(heading.as_ref())).collect(),
            rows: Vec::new(),
        }
    }

    /// Adds a row of words.
    pub(crate) fn row<C: AsRef<str>>(&mut self, cells: impl IntoIterator<Item = C>) {
        self.aligned(cells.into_iter().map(|cell| (cell, Align::Left)));
    }

    /// Adds a row whose cells say where they stand.
    pub(crate) fn aligned<C: AsRef<str>>(&mut self, cells: impl IntoIterator<Item = (C, Align)>) {
        self.rows.push(cells.into_iter().map(|(cell, align)| (printable(cell.as_ref()), align)).collect());
    }

    fn widths(&self) -> Vec<usize> {
        let mut widths: Vec<usize> = self.headings.iter().map(|heading| heading.chars().count()).collect();
        for row in &self.rows {
            for (width, (cell, _)) in widths.iter_mut().zip(row) {
                *width = cell.chars().count().max(*width);
            }
        }
        widths
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let widths = self.widths();
        let headings: Vec<String> = self
            .headings
            .iter()
            .zip(&widths)
            .map(|(heading, width)| format!(" {heading:^width$} "))
            .collect();
        writeln!(f, "{}", headings.join("|").trim_end())?;
        let rules: Vec<String> = widths.iter().map(|width| "-".repeat(width + 2)).collect();
        write!(f, "{}", rules.join("+"))?;
        for row in &self.rows {
            let cells: Vec<String> = row
                .iter()
                .zip(&widths)
                .map(|((cell, align), width)| match align {
                    Align::Left => format!(" {cell:<width$} "),
                    Align::Right => format!(" {cell:>width$} "),
                })
                .collect();
            write!(f, "\n{}", cells.join("|").trim_end())?;
        }
        Ok(())
    }
}

/// The text with control characters spelt out, so that data cannot steer the reader's terminal.
pub(crate) fn printable(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for character in text.chars() {
        if character.is_control() { safe.extend(character.escape_default()) } else { safe.push(character) }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::{Align, Table};

    #[test]
    fn words_stand_left_and_numbers_right() {
        let mut table = Table::new(["id", "name"]);
        table.aligned([("1", Align::Right), ("Ada", Align::Left)]);
        table.aligned([("20", Align::Right), ("Grace", Align::Left)]);
        assert_eq!(table.to_string(), " id | name\n----+-------\n  1 | Ada\n 20 | Grace");
    }

    #[test]
    fn data_cannot_steer_the_terminal() {
        let mut table = Table::new(["x"]);
        table.row(["\u{1b}[2J\n"]);
        let text = table.to_string();
        assert!(!text.contains('\u{1b}'));
        assert!(text.contains("\\u{1b}[2J\\n"));
    }
}
