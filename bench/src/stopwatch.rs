//! Rounds of equal length, their median, and the CPU time behind it.
//!
//! A rate alone misleads where many callers wait for one disk, and the time of one call alone where several cores
//! work; so both are printed, each as the median of the rounds with the smallest and the largest beside it.

use std::time::{Duration, Instant};

use crate::process::Process;

/// One benchmark program's stopwatch.
///
/// `cargo bench -p countersign-bench --bench verify -- WORD` runs the cases whose name holds `WORD`;
/// `BENCH_ROUNDS` (5) and `BENCH_MILLIS` (600) set how many rounds there are and how long each one is.
#[derive(Debug)]
pub struct Stopwatch {
    only: Option<String>,
    rounds: u64,
    round: Duration,
}

/// What one case did in one round.
struct Round {
    nanos: f64,
    rate: f64,
    cpu_micros: f64,
}

impl Stopwatch {
    /// Reads the filter from the command line, rounds and length from the environment, and prints the heading.
    #[must_use]
    pub fn start() -> Self {
        let only = std::env::args().skip(1).find(|word| !word.starts_with('-'));
        let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse().ok());
        println!("{:<62} {:>30} {:>12} {:>10}", "case", "per operation", "per second", "CPU");
        Self {
            only,
            rounds: number("BENCH_ROUNDS").unwrap_or(5).clamp(1, 100),
            round: Duration::from_millis(number("BENCH_MILLIS").unwrap_or(600).clamp(10, 60_000)),
        }
    }

    /// Whether the case is wanted; asked before expensive preparations.
    #[must_use]
    pub fn wants(&self, case: &str) -> bool {
        self.only.as_ref().is_none_or(|word| case.contains(word.as_str()))
    }

    /// Times one call after the other.
    pub fn each<T>(&self, case: &str, mut call: impl FnMut() -> T) {
        self.until(case, |end| {
            let mut calls = 0;
            while Instant::now() < end {
                // The clock is read once for sixteen calls, so that it does not count in cases of a few nanoseconds.
                for _ in 0..16 {
                    std::hint::black_box(call());
                }
                calls += 16;
            }
            calls
        });
    }

    /// Times whatever `work` does until the given moment; it returns how many operations that were.
    pub fn until(&self, case: &str, mut work: impl FnMut(Instant) -> u64) {
        if !self.wants(case) {
            return;
        }
        work(Instant::now() + self.round / 4);
        let rounds: Vec<Round> = (0..self.rounds).map(|_| self.one(&mut work)).collect();
        print(case, &rounds);
    }

    fn one(&self, work: &mut impl FnMut(Instant) -> u64) -> Round {
        let own = Process::own();
        let (begin, cpu) = (Instant::now(), own.cpu_seconds());
        let operations = work(begin + self.round).max(1) as f64;
        let (wall, cpu) = (begin.elapsed().as_secs_f64(), own.cpu_seconds() - cpu);
        Round { nanos: wall * 1e9 / operations, rate: operations / wall, cpu_micros: cpu * 1e6 / operations }
    }
}

fn print(case: &str, rounds: &[Round]) {
    let nanos = Spread::of(rounds.iter().map(|round| round.nanos));
    let rate = Spread::of(rounds.iter().map(|round| round.rate));
    let cpu = Spread::of(rounds.iter().map(|round| round.cpu_micros));
    let range = format!("{} ({}–{})", span(nanos.median), span(nanos.least), span(nanos.most));
    println!("{case:<62} {range:>30} {:>12.0} {:>8.2}µs", rate.median, cpu.median);
}

/// Median, least and most of some figures.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spread {
    /// The middle one, or the mean of the two in the middle.
    pub median: f64,
    /// The smallest.
    pub least: f64,
    /// The largest.
    pub most: f64,
}

impl Spread {
    /// The spread of `figures`; all three are NaN where there are none.
    pub fn of(figures: impl Iterator<Item = f64>) -> Self {
        let mut sorted: Vec<f64> = figures.collect();
        sorted.sort_by(f64::total_cmp);
        let at = |index: usize| sorted.get(index).copied().unwrap_or(f64::NAN);
        let last = sorted.len().saturating_sub(1);
        Self { median: (at(last / 2) + at(last.div_ceil(2))) / 2.0, least: at(0), most: at(last) }
    }
}

fn span(nanos: f64) -> String {
    match nanos {
        n if n < 1e3 => format!("{n:.0}ns"),
        n if n < 1e6 => format!("{:.2}µs", n / 1e3),
        n => format!("{:.2}ms", n / 1e6),
    }
}

#[cfg(test)]
mod tests {
    use super::Spread;

    #[test]
    fn the_median_of_an_even_number_lies_between_the_middle_two() {
        let spread = Spread::of([4.0, 1.0, 3.0, 2.0].into_iter());
        assert_eq!(spread, Spread { median: 2.5, least: 1.0, most: 4.0 });
    }

    #[test]
    fn nothing_has_no_median() {
        assert!(Spread::of(std::iter::empty()).median.is_nan());
    }
}
