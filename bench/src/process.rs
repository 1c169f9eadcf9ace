//! CPU time and memory of a process and its children, as Linux accounts for them.

use std::fs;
use std::io;

/// A process and every process below it, looked up anew at each question.
#[derive(Clone, Copy, Debug)]
pub struct Process {
    root: u32,
    ticks_per_second: f64,
}

/// Memory of a process tree, in KiB.
#[derive(Clone, Copy, Debug, Default)]
pub struct Memory {
    /// Resident pages, shared ones counted in full.
    pub resident: u64,
    /// Resident pages, shared ones counted by share: what the tree really costs.
    pub proportional: u64,
}

impl Process {
    /// The process with this id.
    ///
    /// # Errors
    /// Where no such process exists, or it may not be looked at.
    pub fn new(pid: u32) -> io::Result<Self> {
        let process = Self { root: pid, ticks_per_second: ticks_per_second() };
        own_ticks(pid).map(|_| process)
    }

    /// This very process.
    #[must_use]
    pub fn own() -> Self {
        Self { root: std::process::id(), ticks_per_second: ticks_per_second() }
    }

    /// User and system time of the tree so far, in seconds (10 ms steps on common kernels). Processes that end
    /// between two questions are counted by their parent once it has waited for them.
    #[must_use]
    pub fn cpu_seconds(&self) -> f64 {
        let ticks: u64 = self.tree().into_iter().filter_map(|pid| own_ticks(pid).ok()).sum();
        ticks as f64 / self.ticks_per_second
    }

    /// Memory of the tree now.
    #[must_use]
    pub fn memory(&self) -> Memory {
        let mut sum = Memory::default();
        for pid in self.tree() {
            let text = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).unwrap_or_default();
            sum.resident += kib(&text, "Rss:");
            sum.proportional += kib(&text, "Pss:");
        }
        sum
    }

    fn tree(&self) -> Vec<u32> {
        let mut found = vec![self.root];
        let mut unread = vec![self.root];
        while let Some(pid) = unread.pop() {
            for child in children(pid) {
                if !found.contains(&child) {
                    found.push(child);
                    unread.push(child);
                }
            }
        }
        found
    }
}

fn ticks_per_second() -> f64 {
    rustix::param::clock_ticks_per_second() as f64
}

fn children(pid: u32) -> Vec<u32> {
    let Ok(threads) = fs::read_dir(format!("/proc/{pid}/task")) else { return Vec::new() };
    let lists =
        threads.flatten().filter_map(|thread| fs::read_to_string(thread.path().join("children")).ok());
    lists
        .flat_map(|list| list.split_whitespace().filter_map(|id| id.parse().ok()).collect::<Vec<_>>())
        .collect()
}

/// utime, stime, cutime and cstime: the 14th to the 17th field, counted after the command's closing bracket
/// because the command itself may hold spaces.
fn own_ticks(pid: u32) -> io::Result<u64> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    let after_command = text.rsplit_once(')').map_or("", |(_, rest)| rest);
    Ok(after_command.split_whitespace().skip(11).take(4).filter_map(|field| field.parse::<u64>().ok()).sum())
}

fn kib(rollup: &str, key: &str) -> u64 {
    let line = rollup.lines().find_map(|line| line.strip_prefix(key));
    line.and_then(|rest| rest.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::{Process, kib};

    #[test]
    fn this_process_has_memory_and_is_found() {
        assert!(Process::own().memory().resident > 0);
        assert!(Process::new(std::process::id()).is_ok());
    }

    #[test]
    fn a_rollup_line_is_read_in_kib() {
        assert_eq!(kib("Rss:                5120 kB\nPss:      77 kB\n", "Pss:"), 77);
        assert_eq!(kib("", "Pss:"), 0);
    }
}
