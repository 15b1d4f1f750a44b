//! From a request to a plan: observe, then ask the playbook. Reads only. One file a playbook.

mod again;
mod block;
mod cut_flows;
mod exfiltration;
mod findings;
mod forensics;
mod quarantine;
mod restore;

pub use block::{BlockRequest, ExtendRequest, UnblockRequest, WhichBlocks};
pub use exfiltration::{DeleteRoleRequest, ExfiltrationRequest};
pub use forensics::ForensicsRequest;
mod credentials;
pub use credentials::CredentialsRequest;
pub use findings::FindingsRequest;
pub use quarantine::QuarantineRequest;
pub use restore::{RestoreRequest, RestoreWhat};

use super::{Engine, EngineError};
use crate::domain::{RunId, Scope};
use crate::ledger::RunState;
use crate::playbook::{Observed, Plan};

/// What a hand asks for: any playbook.
#[derive(Debug, Clone, PartialEq)]
pub enum Request {
    /// The quarantine of an instance.
    Quarantine(Box<QuarantineRequest>),
    /// A restore.
    Restore(Box<RestoreRequest>),
    /// The taking of an instance's evidence.
    Forensics(Box<ForensicsRequest>),
    /// The block of an address.
    Block(Box<BlockRequest>),
    /// Blocks of an address to be taken away, or swept.
    Unblock(Box<UnblockRequest>),
    /// The end of an address's blocks to be moved.
    Extend(Box<ExtendRequest>),
    /// The containment of the stolen credentials of an instance's role.
    Exfiltration(Box<ExfiltrationRequest>),
    /// The end of a role.
    DeleteRole(Box<DeleteRoleRequest>),
    /// The containment of a key, user or role.
    Credentials(Box<CredentialsRequest>),
    /// An update of findings.
    Findings(Box<FindingsRequest>),
}

impl Request {
    /// Where it acts.
    pub fn scope(&self) -> &Scope {
        match self {
            Self::Quarantine(request) => &request.scope,
            Self::Restore(request) => &request.scope,
            Self::Forensics(request) => &request.scope,
            Self::Block(request) => &request.scope,
            Self::Unblock(request) => &request.scope,
            Self::Extend(request) => &request.scope,
            Self::Exfiltration(request) => &request.scope,
            Self::DeleteRole(request) => &request.scope,
            Self::Credentials(request) => &request.scope,
            Self::Findings(request) => &request.hub,
        }
    }
}

/// A plan with what it rests on: what is previewed, and what is committed.
#[derive(Debug, Clone, PartialEq)]
pub struct Prepared {
    /// The plan.
    pub plan: Plan,
    /// The world it rests on.
    pub observed: Observed,
    request: Request,
    from_tags: bool,
    head: u64,
}

impl Prepared {
    /// `head` is the ledger's last place before anything was read: what came after it, the plan may not know.
    pub(super) fn new(head: u64, plan: Plan, observed: Observed, request: Request) -> Self {
        Self { plan, observed, request, from_tags: false, head }
    }

    /// The ledger's last place before anything was read.
    pub(super) fn head(&self) -> u64 {
        self.head
    }

    /// Whether the originals come from tags alone.
    pub fn from_tags(&self) -> bool {
        self.from_tags
    }
}

impl Engine {
    /// Observes what a request is about, and plans it.
    ///
    /// # Errors
    /// When something can't be read, or the playbook refuses.
    pub async fn prepare(&self, request: &Request) -> Result<Prepared, EngineError> {
        match request {
            Request::Quarantine(request) => self.prepare_quarantine(request).await,
            Request::Restore(request) => self.prepare_restore(request).await,
            Request::Forensics(request) => self.prepare_forensics(request).await,
            Request::Block(request) => self.prepare_block(request).await,
            Request::Unblock(request) => self.prepare_unblock(request).await,
            Request::Extend(request) => self.prepare_extend(request).await,
            Request::Exfiltration(request) => Box::pin(self.prepare_exfiltration(request)).await,
            Request::DeleteRole(request) => self.prepare_delete_role(request).await,
            Request::Credentials(request) => self.prepare_credentials(request).await,
            Request::Findings(request) => self.prepare_findings(request).await,
        }
    }

    /// The last place of the ledger.
    async fn head(&self) -> Result<u64, EngineError> {
        Ok(self.ledger().changed_since(u64::MAX).await?.head)
    }

    /// The state of one run.
    ///
    /// # Errors
    /// When the ledger can't be read or has no such run.
    pub async fn run_state(&self, run: RunId) -> Result<RunState, EngineError> {
        self.ledger().run(run).await?.ok_or(EngineError::NoSuchRun(run))
    }

    pub(super) async fn prepare_anew(&self, prepared: &Prepared) -> Result<Prepared, EngineError> {
        self.prepare(&prepared.request).await
    }
}
