//! Rehearsing a plan: EC2 checks permission and form of each call (`DryRun`), and changes nothing.

use super::apply::call_change;
use super::retry::rereading;
use super::{Engine, EngineError, Prepared, Refusal};
use crate::cloud::port::Target;
use crate::domain::GroupRule;
use crate::playbook::change::{GROUP_TO_BE_MADE, MakeQuarantineGroup, SetInterfaceGroups};
use crate::playbook::{Action, Change, StepId, tags};
use serde::Serialize;

/// What EC2 says to one step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Rehearsal {
    /// The step.
    pub step: StepId,
    /// Whether it would go through; none where AWS can't be asked (only EC2's calls know `DryRun`).
    pub allowed: Option<bool>,
    /// What AWS said against it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

impl Engine {
    /// Asks EC2 about every mutating step of a plan, and changes nothing.
    ///
    /// # Errors
    /// In a read-only session, from which not even a rehearsal is sent.
    pub async fn rehearse(&self, prepared: &Prepared) -> Result<Vec<Rehearsal>, EngineError> {
        let permit = self.guard().admit_rehearsal()?;
        let Some(writes) = self.cloud().writes(&permit) else { return Err(Refusal::ReadOnly.into()) };
        let writes = writes.as_ref();
        let target = Target { scope: prepared.plan.scope.clone(), dry_run: true };
        let mut answers = Vec::new();
        for step in &prepared.plan.steps {
            let answer = match &step.action {
                Action::Change(Change::MakeQuarantineGroup(MakeQuarantineGroup {
                    existing: Some(group),
                    ssm_endpoint_groups,
                    ..
                })) => {
                    let rules: Vec<GroupRule> = ssm_endpoint_groups.iter().cloned().map(GroupRule::https_to).collect();
                    Some(rereading(self, || writes.authorize_egress(&target, group, &rules)).await)
                }
                Action::Change(Change::MakeQuarantineGroup(MakeQuarantineGroup {
                    vpc, name, existing: None, ..
                })) => {
                    let tag = tags::of_quarantine_group();
                    let call = || writes.create_group(&target, vpc, name, tags::GROUP_DESCRIPTION, &tag);
                    Some(rereading(self, call).await.map(drop))
                }
                // EC2 can't be asked about a group that isn't there yet.
                Action::Change(Change::InterfaceGroups(SetInterfaceGroups { after, .. }))
                    if after.iter().any(|g| g.as_str() == GROUP_TO_BE_MADE) =>
                {
                    None
                }
                // Security Hub knows no rehearsal.
                Action::Change(Change::Finding(_)) => None,
                // Neither the calls on profile associations nor IAM know `DryRun`.
                Action::Change(Change::InstanceProfile(_) | Change::MakeBackupRole(_) | Change::DeleteRole(_)) => None,
                // IAM knows no rehearsal.
                Action::Change(change) if change.principal().is_some() => None,
                Action::Change(change) => Some(rereading(self, || call_change(writes, &target, change)).await),
                Action::Snapshots { instance, description, tags, .. } => {
                    let call = || writes.create_snapshots(&target, instance, description, tags);
                    Some(rereading(self, call).await.map(drop))
                }
                Action::Notify { .. }
                | Action::UpdateFinding { .. }
                | Action::WriteCounter { .. }
                | Action::Evidence(_) => None,
                Action::Recheck { .. }
                | Action::ReadBack { .. }
                | Action::MoveExpiry { .. }
                | Action::Simulate { .. } => continue,
            };
            answers.push(Rehearsal {
                step: step.id.clone(),
                allowed: answer.as_ref().map(Result::is_ok),
                why: answer.and_then(Result::err).map(|e| e.to_string()),
            });
        }
        Ok(answers)
    }
}
