//! What taking evidence needs to know, and its plan.

use super::super::evidence::{check_vault, owner_of};
use super::super::observe::observe;
use super::super::{Engine, EngineError};
use super::{Prepared, Request};
use crate::cloud::{CloudError, ErrorKind};
use crate::domain::{InstanceId, Scope, Vault, text};
use crate::playbook::change::SetInstanceProfile;
use crate::playbook::observed::AgentSeen;
use crate::playbook::{Change, FindingRef, Needs, Observed, PlanRefusal, forensics};
use crate::policy::ForensicsPolicy;

/// How long a plan waits for what Systems Manager says of an agent: a quarantine may be planned behind it.
const AGENT: std::time::Duration = std::time::Duration::from_secs(5);

/// Asks for the evidence of one instance.
#[derive(Debug, Clone, PartialEq)]
pub struct ForensicsRequest {
    /// Where the instance is.
    pub scope: Scope,
    /// The instance.
    pub instance: InstanceId,
    /// The finding that is answered.
    pub finding: Option<FindingRef>,
    /// What is taken.
    pub policy: ForensicsPolicy,
    /// Where it is kept.
    pub vault: Vault,
    /// The topic to tell.
    pub topic_arn: Option<String>,
}

impl Engine {
    /// Observes an instance and plans the taking of its evidence.
    ///
    /// # Errors
    /// When the instance can't be read, the vault isn't there or isn't ours, or the playbook refuses.
    pub async fn prepare_forensics(&self, request: &ForensicsRequest) -> Result<Prepared, EngineError> {
        let head = self.head().await?;
        let ForensicsRequest { scope, instance, policy, .. } = request;
        let reads = self.cloud().reads().as_ref();
        let mut needs = Needs { instance: Some(instance.clone()), ..Needs::default() };
        let named = policy.instance_profile.as_ref().filter(|_| policy.commands);
        if named.is_some() {
            needs.instances.insert(instance.clone());
            needs.profiles_of.insert(instance.clone());
        }
        let mut observed = observe(reads, scope, &needs, self.now()).await?;
        let profile = match named {
            Some(name) => self.profile_for_scripts(&observed, instance, name).await?,
            None => None,
        };
        let vault = self.checked_vault(&request.vault).await?;
        observed.agent = self.agent_seen(scope, instance).await;
        if !policy.share_with.is_empty() && policy.copy_kms_key.is_none() {
            observed.volume_keys = self.volume_keys(&observed).await;
        }
        let plan = forensics::plan(&forensics::Request {
            instance,
            finding: request.finding.clone(),
            observed: &observed,
            policy,
            vault: &vault,
            profile,
            topic_arn: request.topic_arn.clone(),
            actor: &self.actor().name,
        })?;
        Ok(Prepared::new(head, plan, observed, Request::Forensics(Box::new(request.clone()))))
    }

    /// The vault as it can be used: a bucket that is there and belongs to the account that is named.
    ///
    /// # Errors
    /// Saying what to set, where the bucket isn't there, is another account's or another Region's, or can't be asked.
    pub async fn checked_vault(&self, vault: &Vault) -> Result<Vault, EngineError> {
        let error = match check_vault(self, vault).await {
            Ok(vault) => return Ok(vault),
            Err(error) => error,
        };
        let Some(owner) = owner_of(vault) else { return Err(error.into()) };
        let unfit = |why: String| Err(PlanRefusal::Unfit(format!("{}: {why}", text::safe(&vault.to_string()))).into());
        match (error.kind, error.code.as_str()) {
            (_, "NoSuchBucket") => {
                unfit(format!("there is no such bucket. Evidence goes nowhere else: make it in {owner}"))
            }
            (_, "PermanentRedirect" | "AuthorizationHeaderMalformed" | "IllegalLocationConstraintException") => {
                unfit(format!("the bucket is not in {}: set [forensics] bucket_region", owner.region))
            }
            (ErrorKind::Denied, _) => unfit(format!(
                "it is not a bucket of account {}, or may not be read there ({error}). [forensics] bucket_account names \
                 its account",
                owner.account
            )),
            _ => Err(error.into()),
        }
    }

    /// How the profile for the scripts is put on; none where the instance has it already.
    ///
    /// # Errors
    /// When there is no such profile, or it can't be read.
    async fn profile_for_scripts(
        &self,
        observed: &Observed,
        instance: &InstanceId,
        name: &str,
    ) -> Result<Option<Change>, EngineError> {
        let scope = &observed.scope;
        let profile = match self.cloud().reads().instance_profile(scope, name).await {
            Ok(profile) => profile,
            Err(error) if error.kind == ErrorKind::NotFound => {
                let what = format!("instance profile {}", text::safe(name));
                return Err(PlanRefusal::NotFound { what, scope: scope.clone() }.into());
            }
            Err(error) => return Err(error.into()),
        };
        let before = observed.profiles.get(instance).and_then(|all| all.iter().find(|a| a.is_live()));
        let before = before.map(|a| a.profile_arn.clone());
        let change = SetInstanceProfile { instance: instance.clone(), after: Some(profile.arn), before, region: None };
        Ok((change.before != change.after).then_some(Change::InstanceProfile(change)))
    }

    /// What Systems Manager says of the agent; none where it can't be asked: evidence is taken without it then.
    pub(super) async fn agent_seen(&self, scope: &Scope, instance: &InstanceId) -> Option<AgentSeen> {
        let agent = match tokio::time::timeout(AGENT, self.cloud().reads().agent(scope, instance)).await {
            Ok(Ok(agent)) => agent?,
            Ok(Err(error)) => {
                tracing::warn!(%error, "the agent could not be asked for");
                return None;
            }
            Err(_) => return None,
        };
        Some(AgentSeen { shell: agent.has_a_shell(), ping: agent.ping })
    }

    /// The keys of its encrypted volumes; none where they can't be read: EC2 says it when they are shared.
    async fn volume_keys(&self, observed: &Observed) -> std::collections::BTreeMap<crate::domain::VolumeId, String> {
        let ids: Vec<_> = observed.instance.iter().flat_map(|i| &i.volumes).map(|v| v.id.clone()).collect();
        let volumes: Result<_, CloudError> = self.cloud().reads().volumes(&observed.scope, &ids).await;
        let volumes = volumes.unwrap_or_else(|error| {
            tracing::warn!(%error, "the volumes could not be read");
            vec![]
        });
        volumes.into_iter().filter_map(|v| Some((v.id, v.kms_key?))).collect()
    }
}
