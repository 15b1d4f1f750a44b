//! What somebody else has changed since.

use serde::{Deserialize, Serialize};

/// What drift means for the restore that found it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DriftKind {
    /// Somebody else changed it, and it stays as it is until a person decides.
    LeftAlone,
    /// Somebody else changed it, and it goes back all the same, as asked.
    Overwritten,
    /// It can't go back as it was: what it needs is gone. The rest went back.
    Lost,
    /// It can't go back at all, and stays contained.
    Stuck,
    /// It still holds what we left there, and goes back only when it is asked for by name.
    Withheld,
}

impl DriftKind {
    /// Whether the field is still waiting for somebody: a later restore looks at it again.
    pub fn is_open(self) -> bool {
        matches!(self, Self::LeftAlone | Self::Stuck | Self::Withheld)
    }
}

/// A field that restore found changed by somebody else. All texts are escaped.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Drift {
    /// The resource and field.
    pub what: String,
    /// What we left there.
    pub ours: String,
    /// What stands there now.
    pub now: String,
    /// What stood there before us.
    pub before: String,
    /// What restore does about it.
    pub decision: String,
    /// The same, for programs.
    pub kind: DriftKind,
}
