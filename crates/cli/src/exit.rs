use std::process::ExitCode;

use fault::{Blame, Faults};

/// How a command ended, as a script sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// 0: done, or healthy.
    Done,
    /// 1: refused, unhealthy, or failed for a reason outside the command line.
    Refused,
    /// 2: wrong use or wrong configuration.
    Misused,
}

impl Exit {
    /// The exit that faults call for: what the operator can mend in their own words is 2, everything else 1.
    pub(crate) fn of(faults: &Faults) -> Self {
        if faults.iter().any(|fault| fault.blame() == Blame::Yours) { Self::Misused } else { Self::Refused }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(match exit {
            Exit::Done => 0,
            Exit::Refused => 1,
            Exit::Misused => 2,
        })
    }
}

#[cfg(test)]
mod tests {
    use fault::{Fault, Faults};

    use super::Exit;

    #[test]
    fn a_fault_of_the_operator_decides_the_exit_code() {
        let mut faults = Faults::from(Fault::theirs("connection refused"));
        assert_eq!(Exit::of(&faults), Exit::Refused);
        faults.push(Fault::yours("unknown key"));
        assert_eq!(Exit::of(&faults), Exit::Misused);
    }
}
