use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use countersign_bench::process::Memory;
use countersign_bench::stopwatch::Spread;
use serde_json::{Map, Value, json};

use crate::Failure;

/// One measurement: what was done, for whom, and its figures by name.
pub(crate) struct Report {
    mode: String,
    label: String,
    figures: Vec<(&'static str, f64)>,
    failures: u64,
    first_failure: Option<String>,
}

impl Report {
    /// Of operations that took `micros` each, in `wall` seconds, for `cpu` seconds of the server's time.
    pub(crate) fn of_load(
        mode: &str,
        label: &str,
        wall: f64,
        mut micros: Vec<u32>,
        cpu: Option<f64>,
    ) -> Self {
        micros.sort_unstable();
        let operations = micros.len() as f64;
        let at = |percent: usize| {
            let index = micros.len() * percent / 100;
            micros.get(index.min(micros.len().saturating_sub(1))).copied().map_or(f64::NAN, f64::from)
        };
        let mut figures = vec![("per_second", operations / wall), ("p50_us", at(50)), ("p99_us", at(99))];
        if let Some(cpu) = cpu {
            figures.push(("server_cpu_us", cpu * 1e6 / operations));
        }
        Self::new(mode, label, figures)
    }

    /// Of `count` idle connections, by the server's memory before and after.
    pub(crate) fn of_idle(label: &str, count: usize, before: Memory, after: Memory) -> Self {
        let each = |before: u64, after: u64| (after as f64 - before as f64) / count.max(1) as f64;
        let figures = vec![
            ("connections", count as f64),
            ("kib_each", each(before.resident, after.resident)),
            ("kib_each_proportional", each(before.proportional, after.proportional)),
            ("kib_before", before.resident as f64),
        ];
        Self::new("idle", label, figures)
    }

    pub(crate) fn new(mode: &str, label: &str, figures: Vec<(&'static str, f64)>) -> Self {
        Self { mode: mode.into(), label: label.into(), figures, failures: 0, first_failure: None }
    }

    pub(crate) fn with_failures(self, failures: u64, first_failure: Option<String>) -> Self {
        Self { failures, first_failure, ..self }
    }

    /// The same under another name.
    pub(crate) fn named(self, mode: &str) -> Self {
        Self { mode: mode.into(), ..self }
    }

    /// With one more figure.
    pub(crate) fn with_figure(mut self, name: &'static str, value: f64) -> Self {
        self.figures.push((name, value));
        self
    }

    /// Prints the figures, as a person or as a program reads them.
    pub(crate) fn print(&self, as_json: bool) {
        if as_json {
            println!("{}", self.json());
            return;
        }
        let figures = self.figures.iter().map(|(name, value)| format!("{name} {}", rounded(*value)));
        let label = if self.label.is_empty() { "" } else { " " };
        println!("{}{label}{}: {}", self.mode, self.label, figures.collect::<Vec<_>>().join(" · "));
        if let Some(first) = &self.first_failure {
            println!("{} failed; the first: {first}", self.failures);
        }
    }

    fn json(&self) -> Value {
        let figures: Map<String, Value> =
            self.figures.iter().map(|(name, value)| ((*name).to_owned(), json!(value))).collect();
        json!({
            "mode": self.mode,
            "label": self.label,
            "figures": figures,
            "failures": self.failures,
            "first_failure": self.first_failure,
        })
    }
}

/// Values of one figure, over several measurements of the same thing.
type Figures = BTreeMap<String, Vec<f64>>;

/// Prints one Markdown table per kind of measurement: a row for each label, median (least–most) of each figure.
pub(crate) fn table(files: &[PathBuf]) -> Result<(), Failure> {
    let mut kinds: BTreeMap<String, BTreeMap<String, Figures>> = BTreeMap::new();
    for file in files {
        let text = fs::read_to_string(file).map_err(|cause| format!("{}: {cause}", file.display()))?;
        for line in text.lines() {
            let row: Value = serde_json::from_str(line)?;
            let word = |key: &str| row.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
            let label = kinds.entry(word("mode")).or_default().entry(word("label")).or_default();
            for (name, value) in row.get("figures").and_then(Value::as_object).into_iter().flatten() {
                label.entry(name.clone()).or_default().extend(value.as_f64());
            }
            label.entry("failures".into()).or_default().extend(row.get("failures").and_then(Value::as_f64));
        }
    }
    for (mode, labels) in kinds {
        print_kind(&mode, &labels);
    }
    Ok(())
}

fn print_kind(mode: &str, labels: &BTreeMap<String, Figures>) {
    let mut names: Vec<&String> = labels.values().flat_map(BTreeMap::keys).collect();
    names.sort_unstable();
    names.dedup();
    println!(
        "\n### {mode}\n\n| server | {} |",
        names.iter().map(|name| name.as_str()).collect::<Vec<_>>().join(" | ")
    );
    println!("|---|{}", "---|".repeat(names.len()));
    for (label, figures) in labels {
        let cells =
            names.iter().map(|name| figures.get(*name).map_or_else(|| "–".to_owned(), |values| cell(values)));
        println!("| {label} | {} |", cells.collect::<Vec<_>>().join(" | "));
    }
}

fn cell(values: &[f64]) -> String {
    let spread = Spread::of(values.iter().copied());
    if spread.least.to_bits() == spread.most.to_bits() {
        return rounded(spread.median);
    }
    format!("{} ({}–{})", rounded(spread.median), rounded(spread.least), rounded(spread.most))
}

fn rounded(value: f64) -> String {
    match value.abs() {
        size if size >= 100.0 || size == 0.0 => format!("{value:.0}"),
        size if size >= 10.0 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

#[cfg(test)]
mod tests {
    use super::{Report, cell};

    #[test]
    fn percentiles_and_rate_come_from_the_operations_themselves() {
        let report = Report::of_load("h1", "ours", 2.0, (1..=100).collect(), Some(0.001));
        let figures = report.json();
        assert_eq!(figures["figures"]["per_second"], 50.0);
        assert_eq!(figures["figures"]["p50_us"], 51.0);
        assert_eq!(figures["figures"]["p99_us"], 100.0);
        assert_eq!(figures["figures"]["server_cpu_us"], 10.0);
    }

    #[test]
    fn a_cell_holds_the_median_and_the_range() {
        assert_eq!(cell(&[300.0, 100.0, 200.0]), "200 (100–300)");
        assert_eq!(cell(&[0.0, 0.0]), "0");
    }
}
