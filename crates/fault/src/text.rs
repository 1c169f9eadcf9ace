//! A fault as a person reads it:
//!
//! ```text
//! realm/countersign.yaml:12:5: unknown key "adress"
//!   cause: ...
//!   try: did you mean "address"?
//! ```

use std::fmt;

use crate::{Fault, Faults};

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(place) = self.place() {
            write!(f, "{place}: ")?;
        }
        f.write_str(self.what())?;
        for cause in self.causes() {
            write!(f, "\n  cause: {cause}")?;
        }
        if let Some(remedy) = self.remedy_text() {
            write!(f, "\n  try: {remedy}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, fault) in self.iter().enumerate() {
            if n > 0 {
                f.write_str("\n")?;
            }
            fault.fmt(f)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use crate::{Fault, Place};

    #[test]
    fn a_fault_reads_place_what_cause_remedy() {
        let fault = Fault::yours("unknown key \"adress\"")
            .at(Place::Position { file: "c.yaml".into(), line: 3, column: 5 })
            .because("the section \"listeners\" has no such key")
            .remedy("did you mean \"address\"?");
        assert_eq!(
            fault.to_string(),
            "c.yaml:3:5: unknown key \"adress\"\n  cause: the section \"listeners\" has no such key\n  try: did you mean \"address\"?"
        );
    }
}
