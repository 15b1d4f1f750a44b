//! AWS as the rest of the project sees it: narrow traits in domain types, and what stands behind them.
//!
//! May import `domain` and `intake`. [`port`] is the contract, [`sandbox`] a simulated AWS that keeps its rules, and
//! `aws` (feature `aws`) the only room that names the SDK.

#[cfg(feature = "aws")]
pub mod aws;
pub mod codes;
pub mod operations;
pub mod port;
pub mod sandbox;

pub use port::{CloudError, ErrorKind, Permit, Reads, Writes};

use std::sync::Arc;

/// The stack of a thread that waits for AWS's answers, in bytes. The SDK decodes a finding's `Resources[].Details` in one
/// frame, which is 6.6 MB in a build that isn't optimized. Only what is touched takes memory.
pub const STACK: usize = 64 << 20;

/// A connection to AWS, real or simulated: everything can be read, and what can be changed asks for a [`Permit`].
#[derive(Clone)]
pub struct Cloud {
    reads: Arc<dyn Reads>,
    writes: Option<Arc<dyn Writes>>,
}

impl Cloud {
    /// A cloud that can be read and changed.
    pub fn new(reads: Arc<dyn Reads>, writes: Arc<dyn Writes>) -> Self {
        Self { reads, writes: Some(writes) }
    }

    /// The same cloud without its mutating half: no mutating call can leave the process through it.
    #[must_use]
    pub fn read_only(self) -> Self {
        Self { reads: self.reads, writes: None }
    }

    /// Whether the mutating half is there.
    pub fn can_write(&self) -> bool {
        self.writes.is_some()
    }

    /// The reading half.
    pub fn reads(&self) -> &Arc<dyn Reads> {
        &self.reads
    }

    /// The mutating half, for who holds the guard's permit; `None` in a read-only session.
    pub fn writes(&self, _permit: &Permit) -> Option<&Arc<dyn Writes>> {
        self.writes.as_ref()
    }
}
