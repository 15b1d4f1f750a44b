//! How bad a finding is, by Security Hub's label.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// Security Hub's severity label, from least to worst.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Severity {
    /// No issue was found.
    #[default]
    Informational,
    /// Needs no action on its own.
    Low,
    /// To be addressed, not urgently.
    Medium,
    /// To be addressed with priority.
    High,
    /// To be remediated at once.
    Critical,
}

impl Severity {
    /// All labels, least first.
    pub const ALL: [Self; 5] = [Self::Informational, Self::Low, Self::Medium, Self::High, Self::Critical];

    /// The label as AWS writes it.
    pub fn label(self) -> &'static str {
        match self {
            Self::Informational => "INFORMATIONAL",
            Self::Low => "LOW",
            Self::Medium => "MEDIUM",
            Self::High => "HIGH",
            Self::Critical => "CRITICAL",
        }
    }

    /// Four letters for narrow columns.
    pub fn short(self) -> &'static str {
        match self {
            Self::Informational => "INFO",
            Self::Low => "LOW",
            Self::Medium => "MED",
            Self::High => "HIGH",
            Self::Critical => "CRIT",
        }
    }

    /// The label of ASFF's deprecated `Normalized` number (0 to 100), by the ASFF specification's table.
    pub fn from_normalized(n: f64) -> Self {
        match n {
            n if n >= 90.0 => Self::Critical,
            n if n >= 70.0 => Self::High,
            n if n >= 40.0 => Self::Medium,
            n if n >= 1.0 => Self::Low,
            _ => Self::Informational,
        }
    }

    /// The label of a GuardDuty severity (1.0 to 10.0): Low below 4, Medium below 7, High below 9, else Critical
    /// (GuardDuty user guide, "Severity levels of GuardDuty findings").
    pub fn from_guardduty(n: f64) -> Self {
        match n {
            n if n >= 9.0 => Self::Critical,
            n if n >= 7.0 => Self::High,
            n if n >= 4.0 => Self::Medium,
            n if n > 0.0 => Self::Low,
            _ => Self::Informational,
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.label())
    }
}

impl FromStr for Severity {
    type Err = String;
    fn from_str(s: &str) -> Result<Self, String> {
        let wanted = s.trim();
        Self::ALL
            .into_iter()
            .find(|x| x.label().eq_ignore_ascii_case(wanted) || x.short().eq_ignore_ascii_case(wanted))
            .ok_or_else(|| format!("`{s}` is not a severity (informational, low, medium, high, critical)"))
    }
}
