//! What containing credentials needs to know, and its plan.

use super::super::observe::principals;
use super::super::{Engine, EngineError};
use super::{Prepared, Request};
use crate::cloud::{CloudError, ErrorKind};
use crate::domain::{InstanceId, Principal, Scope};
use crate::playbook::credentials::{self, Behind, Credential};
use crate::playbook::{FindingRef, Observed};
use chrono::{DateTime, Utc};

/// Asks for the containment of a key, user or role.
#[derive(Debug, Clone, PartialEq)]
pub struct CredentialsRequest {
    /// The account; IAM knows no Region, and its Region is one where instances are looked for.
    pub scope: Scope,
    /// Where instances that use a role are looked for besides: the account's other Regions.
    pub regions: Vec<Scope>,
    /// What is to be contained.
    pub credential: Credential,
    /// The only instance whose sessions of a role are cut; none for all of them.
    pub only_instance: Option<InstanceId>,
    /// The finding that is answered.
    pub finding: Option<FindingRef>,
    /// When that was first seen.
    pub since: Option<DateTime<Utc>>,
    /// The topic to tell.
    pub topic_arn: Option<String>,
    /// Whether the finding is set to NOTIFIED with a note.
    pub update_finding: bool,
}

impl Engine {
    /// Finds out who is behind a credential, reads what hangs on it, and plans its containment.
    ///
    /// # Errors
    /// When something can't be read, or the playbook refuses.
    pub async fn prepare_credentials(&self, request: &CredentialsRequest) -> Result<Prepared, EngineError> {
        let head = self.head().await?;
        let CredentialsRequest { scope, credential, .. } = request;
        let owner = self.owner_of(scope, credential).await?;
        let behind = credentials::behind(credential, owner.as_deref(), scope)?;
        let observed = self.observe_principal(scope, &request.regions, &behind).await?;
        let standing = self.outstanding(scope, &behind.principal.to_string()).await?;
        let history = standing.last().map_or_else(credentials::History::default, |o| credentials::History {
            run: Some(o.run.run),
            actor: Some(o.run.actor.to_string()),
            since: Some(o.run.begun_at),
        });
        let plan = credentials::plan(&credentials::Request {
            behind: &behind,
            finding: request.finding.clone(),
            since: request.since,
            observed: &observed,
            only_instance: request.only_instance.as_ref(),
            history: &history,
            topic_arn: request.topic_arn.clone(),
            update_finding: request.update_finding,
            actor: &self.actor().name,
        })?;
        Ok(Prepared::new(head, plan, observed, Request::Credentials(Box::new(request.clone()))))
    }

    /// The user whose long-term key it is, as IAM tells; none for a session's key, another account's, and where IAM
    /// doesn't say.
    pub(in crate::engine) async fn owner_of(
        &self,
        scope: &Scope,
        credential: &Credential,
    ) -> Result<Option<String>, CloudError> {
        let Credential::Key(key) = credential else { return Ok(None) };
        match self.cloud().reads().key_last_used(scope, &key.id).await {
            Ok(used) => Ok(used.user),
            // IAM denies the question about a key that isn't this account's, and has its own form for key ids.
            Err(e) if matches!(e.kind, ErrorKind::Denied | ErrorKind::NotFound | ErrorKind::Invalid) => Ok(None),
            Err(e) => Err(e),
        }
    }

    /// Reads a user or role with all that hangs on it, and who we are beside it.
    ///
    /// # Errors
    /// When something that a containment rests on can't be read.
    pub async fn observe_principal(
        &self,
        scope: &Scope,
        regions: &[Scope],
        behind: &Behind,
    ) -> Result<Observed, CloudError> {
        let reads = self.cloud().reads().as_ref();
        let mut observed = Observed::empty(scope.clone(), self.now());
        let mut places = vec![scope.clone()];
        places.extend(regions.iter().filter(|s| s.account == scope.account && *s != scope).cloned());
        let (dossier, caller) = futures::try_join!(
            principals::dossier(reads, scope, &places, &behind.principal),
            reads.caller_identity(Some(scope)),
        )?;
        if dossier.user.is_some() || dossier.role.is_some() {
            observed.dossier = Some(Box::new(dossier));
        }
        observed.caller = Principal::of_arn(&caller.arn);
        observed.clock_ahead = reads.clock_ahead();
        Ok(observed)
    }
}
