use serde::Serialize;

use crate::shown::{Paint, printable};

/// One point of the checklist and what was found.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Finding {
    point: u8,
    says: &'static str,
    #[serde(flatten)]
    verdict: Verdict,
}

/// What was found.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "kebab-case", tag = "verdict", content = "why")]
pub(super) enum Verdict {
    /// As it should be.
    #[serde(rename = "pass")]
    Met,
    /// Not so, and why.
    #[serde(rename = "fail")]
    Unmet(String),
    /// Could not be looked at, and what is missing for it.
    #[serde(rename = "skip")]
    Skipped(String),
}

impl Verdict {
    pub(super) fn unmet(why: impl Into<String>) -> Self {
        Self::Unmet(why.into())
    }

    pub(super) fn skipped(why: impl Into<String>) -> Self {
        Self::Skipped(why.into())
    }
}

impl Finding {
    pub(super) fn new(point: u8, says: &'static str, verdict: Verdict) -> Self {
        Self { point, says, verdict }
    }

    /// Whether the point is not met; one that could not be looked at is not.
    pub(crate) fn is_unmet(&self) -> bool {
        matches!(self.verdict, Verdict::Unmet(_))
    }

    /// `pass  4  a TLS profile with …`
    pub(crate) fn line(&self, paint: Paint) -> String {
        let (point, says) = (self.point, self.says);
        match &self.verdict {
            Verdict::Met => format!("{}  {point}  {says}", paint.good("pass")),
            Verdict::Unmet(why) => format!("{}  {point}  {says}: {}", paint.bad("fail"), printable(why)),
            Verdict::Skipped(why) => {
                format!("{}  {point}  {says}: {}", paint.notable("skip"), printable(why))
            }
        }
    }
}
