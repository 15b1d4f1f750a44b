//! How the simulated AWS behaves beyond its rules: how slow it is, how late reads are, how often it may be asked.

use std::time::Duration;

/// For how long reads go on showing what stood there before a write.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Staleness {
    /// Not at all.
    #[default]
    None,
    /// For this many calls of each reading operation after the write.
    Reads(u32),
    /// For this long after the write.
    For(Duration),
}

/// A token bucket: how many calls a second, and how many at once.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rate {
    /// Tokens a second.
    pub per_second: f64,
    /// Tokens at most.
    pub burst: f64,
}

impl Rate {
    /// Security Hub's for `GetFindings`, per account and Region.
    pub const GET_FINDINGS: Self = Self { per_second: 3.0, burst: 6.0 };
}

/// What can be turned on and off while the sandbox runs.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Behaviour {
    /// How long every call takes at least. Half passes before the call is applied, half after.
    pub latency: Duration,
    /// How much longer a call may take, drawn by the seed.
    pub jitter: Duration,
    /// How late reads are after writes.
    pub staleness: Staleness,
    /// For how long, by the simulated world's clock, `GetFindings` goes on showing what stood there before an update.
    pub findings_late: Duration,
    /// How often `GetFindings` may be called in an account and Region; as often as one likes when there is none.
    pub findings_rate: Option<Rate>,
    /// How long a command runs on an instance, by the simulated clock.
    pub command_time: Duration,
    /// How long a load balancer checks a target that was registered before it calls it healthy.
    pub checks: Duration,
    /// How far the simulated world's clock is ahead of the machine's, in seconds; negative where it is behind.
    pub clock_ahead: i64,
}

impl Behaviour {
    /// What feels like AWS: 40 to 120 ms a call, and Security Hub's own rate.
    pub fn lifelike() -> Self {
        Self {
            latency: Duration::from_millis(40),
            jitter: Duration::from_millis(80),
            staleness: Staleness::None,
            findings_late: Duration::ZERO,
            findings_rate: Some(Rate::GET_FINDINGS),
            command_time: Duration::from_secs(3),
            checks: Duration::from_secs(15),
            clock_ahead: 0,
        }
    }
}
