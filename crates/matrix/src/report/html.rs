//! The report as one page: no script, nothing loaded.

use std::fmt::{self, Write as _};

use time::format_description::well_known::Rfc3339;

use super::{Report, Table};
use crate::cell::{Cell, Verdict};
use crate::moment::Moment;

/// The whole page.
pub(super) fn page(report: &Report) -> String {
    let mut page = String::new();
    // Writing to a String cannot fail.
    let _always_fits = write(&mut page, report);
    page
}

fn write(page: &mut String, report: &Report) -> fmt::Result {
    let title = if report.passed { "Every cell is as it must be" } else { "Not every cell is as it must be" };
    let counts = report.counts;
    let about = report.configuration.as_ref().map(|file| file.display().to_string()).unwrap_or_default();
    let made_at = report.made_at.format(&Rfc3339).unwrap_or_default();
    write!(
        page,
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width\"><title>Enforcement matrix</title>\
         <style>{STYLE}</style></head><body>\n<h1>Enforcement matrix</h1>\n\
         <p class=\"{}\"><b>{title}</b>: {} of {} passed, {} failed, {} not run.</p>\n\
         <p>{} countersign {}, {made_at}</p>\n",
        if report.passed { "passed" } else { "failed" },
        counts.passed,
        counts.cells,
        counts.failed,
        counts.not_run,
        Escaped(&about),
        report.version,
    )?;
    list(page, "Not covered", &report.not_covered)?;
    report.tables.iter().try_for_each(|one| table(page, one))?;
    list(page, "Stand-ins", &report.stand_ins)?;
    page.push_str("</body></html>\n");
    Ok(())
}

fn list(page: &mut String, title: &str, items: &[String]) -> fmt::Result {
    if items.is_empty() {
        return Ok(());
    }
    write!(page, "<h2>{title}</h2>\n<ul>\n")?;
    items.iter().try_for_each(|item| writeln!(page, "<li>{}</li>", Escaped(item)))?;
    page.push_str("</ul>\n");
    Ok(())
}

fn table(page: &mut String, table: &Table) -> fmt::Result {
    let mut moments: Vec<Moment> = table.cells.iter().map(|cell| cell.moment).collect();
    moments.dedup();
    write!(
        page,
        "<h2>{}: {}</h2>\n<p>auth: [{}], client certificate: {}</p>\n<div><table>\n<tr><th>A client presents</th>",
        Escaped(&table.listener),
        table.wire,
        table.auth.join(", "),
        table.client_auth.unwrap_or("not asked for"),
    )?;
    moments.iter().try_for_each(|moment| write!(page, "<th>{moment}</th>"))?;
    page.push_str("</tr>\n");
    let first = moments.first().copied();
    for case in table.cells.iter().filter(|cell| Some(cell.moment) == first).map(|cell| cell.case) {
        write!(page, "<tr><th>{case}</th>")?;
        let row = table.cells.iter().filter(|cell| cell.case == case);
        row.into_iter().try_for_each(|one| cell(page, one))?;
        page.push_str("</tr>\n");
    }
    page.push_str("</table></div>\n");
    Ok(())
}

fn cell(page: &mut String, cell: &Cell) -> fmt::Result {
    let expected = cell.expected.to_string();
    let note = cell.note().unwrap_or_default();
    let recorded = cell.recorded().map(|code| format!("on record: {code}")).unwrap_or_default();
    match cell.verdict() {
        Verdict::Impossible => write!(page, "<td class=\"none\" title=\"{}\">–</td>", Escaped(&expected)),
        Verdict::Passed => write!(page, "<td class=\"passed\" title=\"{note}\">{}</td>", Escaped(&expected)),
        Verdict::Failed | Verdict::NotRun => write!(
            page,
            "<td class=\"failed\" title=\"{note}\"><b>{}</b><br>must be: {}<br>{}</td>",
            Escaped(&cell.seen()),
            Escaped(&expected),
            Escaped(&recorded),
        ),
    }
}

/// Text that stands for itself in HTML, in attributes too.
struct Escaped<'a>(&'a str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.chars().try_for_each(|c| match c {
            '&' => f.write_str("&amp;"),
            '<' => f.write_str("&lt;"),
            '>' => f.write_str("&gt;"),
            '"' => f.write_str("&quot;"),
            '\'' => f.write_str("&#39;"),
            c => f.write_char(c),
        })
    }
}

const STYLE: &str = "\
:root{color-scheme:light dark}\
body{font:15px/1.4 system-ui,sans-serif;margin:2rem auto;max-width:90rem;padding:0 1rem}\
div{overflow-x:auto}table{border-collapse:collapse}\
th,td{border:1px solid #8886;padding:.3rem .5rem;text-align:left;vertical-align:top}\
td.passed{background:#2a82}td.failed,p.failed{background:#d224}p.passed{background:#2a82}\
p.passed,p.failed{padding:.5rem}td.none{color:#888}";

#[cfg(test)]
mod tests {
    use super::Escaped;

    #[test]
    fn what_the_operator_wrote_is_text_and_never_markup() {
        let shown = Escaped("<script>&\"'").to_string();
        assert_eq!(shown, "&lt;script&gt;&amp;&quot;&#39;");
    }
}
