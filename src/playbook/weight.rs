//! What a failing step means.

use serde::{Deserialize, Serialize};

/// What a failing step means for its run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Weight {
    /// Later waves wait for it, and don't begin when it failed.
    Essential,
    /// Later waves wait for its end, whichever it is, and at most so long from their wave's beginning, or, of what comes
    /// before an isolation, from the run's; the run ends `Partial` when it failed.
    Awaited {
        /// How many seconds.
        seconds: u32,
    },
    /// Nothing waits for it; the run ends `Partial` when it failed.
    Wanted,
    /// Nothing waits for it; its failure is said, and the run can still be `Done`.
    Courtesy,
}
